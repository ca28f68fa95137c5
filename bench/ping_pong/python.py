# SPDX-License-Identifier: MIT
import asyncio
import harness

messages, = harness.args()


async def main():
    loop = asyncio.get_running_loop()
    slots = [loop.create_future(), loop.create_future()]

    async def ping():
        for i in range(messages // 2):
            answer = loop.create_future()
            slots[0] = answer
            slots[1].set_result(i)
            await answer

    async def pong():
        for i in range(messages // 2):
            await slots[1]
            slots[1] = loop.create_future()
            slots[0].set_result(i)

    start = harness.clock()
    await asyncio.gather(ping(), pong())
    harness.report(messages // 2 * 2, harness.clock() - start)


harness.run(main())
