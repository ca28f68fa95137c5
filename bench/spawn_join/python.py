# SPDX-License-Identifier: MIT
import asyncio
import harness

tasks, size = harness.args()


async def body(x):
    return x


async def main():
    start = harness.clock()
    for _ in range(tasks // size):
        all = [asyncio.create_task(body(i)) for i in range(size)]
        assert (await asyncio.gather(*all))[size - 1] == size - 1
    harness.report(tasks // size * size, harness.clock() - start)


harness.run(main())
