# SPDX-License-Identifier: MIT
import asyncio
import harness

tasks, ops = harness.args()
turns = ops // tasks


async def body():
    for _ in range(turns):
        await asyncio.sleep(0)


async def main():
    all = [asyncio.create_task(body()) for _ in range(tasks)]
    await asyncio.sleep(0)
    start = harness.clock()
    await asyncio.gather(*all)
    harness.report(turns * tasks, harness.clock() - start)


harness.run(main())
