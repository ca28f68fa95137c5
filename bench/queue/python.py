# SPDX-License-Identifier: MIT
import asyncio
import harness

messages, = harness.args()


async def main():
    queue = asyncio.Queue(1)

    async def producer():
        for i in range(messages):
            await queue.put(i)

    async def consumer():
        for _ in range(messages):
            await queue.get()

    start = harness.clock()
    await asyncio.gather(producer(), consumer())
    harness.report(messages, harness.clock() - start)


harness.run(main())
