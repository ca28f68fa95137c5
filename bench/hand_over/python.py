# SPDX-License-Identifier: MIT
import asyncio
import harness

what, messages = harness.args()
turns = messages // 2


def lock():
    lk = asyncio.Lock()

    async def taker():
        await lk.acquire()
        await asyncio.sleep(0)
        for _ in range(turns):
            lk.release()
            await lk.acquire()
        lk.release()
    return taker(), taker()


def semaphore():
    a, b = asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def ping():
        for _ in range(turns):
            b.release()
            await a.acquire()

    async def pong():
        for _ in range(turns):
            await b.acquire()
            a.release()
    return ping(), pong()


def event():
    a, b = asyncio.Event(), asyncio.Event()

    async def ping():
        for _ in range(turns):
            b.set()
            await a.wait()
            a.clear()

    async def pong():
        for _ in range(turns):
            await b.wait()
            b.clear()
            a.set()
    return ping(), pong()


def free():
    lk = asyncio.Lock()

    async def taker():
        for _ in range(2 * turns):
            await lk.acquire()
            lk.release()
    return taker(), asyncio.sleep(0)


async def main():
    pair = {"lock": lock, "semaphore": semaphore, "event": event, "free": free}[what]()
    start = harness.clock()
    await asyncio.gather(*pair)
    harness.report(turns * 2, harness.clock() - start)


harness.run(main())
