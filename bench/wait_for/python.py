# SPDX-License-Identifier: MIT
import asyncio
import harness

ops, what = harness.args()


async def body():
    return 1


async def main():
    start = harness.clock()
    if what == "done":
        task = asyncio.create_task(body())
        await task
        start = harness.clock()
        for _ in range(ops):
            await asyncio.wait_for(task, 10)
    else:
        for _ in range(ops):
            await asyncio.wait_for(body(), 10)
    harness.report(ops, harness.clock() - start)


harness.run(main())
