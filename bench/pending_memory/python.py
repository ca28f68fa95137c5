# SPDX-License-Identifier: MIT
import asyncio
import gc
import os
import harness

tasks, = harness.args()


async def body():
    await asyncio.sleep(3600)


async def main():
    await asyncio.sleep(0)
    gc.collect()
    before = harness.rss_kb()
    start = harness.clock()
    all = [asyncio.create_task(body()) for _ in range(tasks)]
    await asyncio.sleep(0)
    seconds = harness.clock() - start
    bytes = (harness.rss_kb() - before) * 1024 / len(all)
    harness.report(tasks, seconds, "bytes=%.0f" % bytes)
    os._exit(0)


harness.run(main())
