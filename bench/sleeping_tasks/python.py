# SPDX-License-Identifier: MIT
import asyncio
import os
import harness

tasks, seconds = harness.args()


async def body(delay):
    await asyncio.sleep(delay)


async def main():
    delays = harness.delays()
    start = harness.clock()
    all = [asyncio.create_task(body(next(delays) * seconds)) for _ in range(tasks)]
    await asyncio.gather(*all)
    harness.report(tasks, harness.clock() - start)
    os._exit(0)


harness.run(main())
