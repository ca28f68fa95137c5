# SPDX-License-Identifier: MIT
import asyncio
import harness

timers, seconds = harness.args()


async def main():
    loop = asyncio.get_running_loop()
    all_fired, left = loop.create_future(), timers

    def fire():
        nonlocal left
        left -= 1
        if left == 0:
            all_fired.set_result(True)

    delays = harness.delays()
    start = harness.clock()
    for _ in range(timers):
        loop.call_later(next(delays) * seconds, fire)
    await all_fired
    harness.report(timers, harness.clock() - start)


harness.run(main())
