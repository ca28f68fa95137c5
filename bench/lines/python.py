# SPDX-License-Identifier: MIT
import asyncio
import harness

port, expected, style = harness.args()


async def iterate(reader):
    count = 0
    async for _ in reader:
        count += 1
    return count


async def readline(reader):
    count = 0
    while await reader.readline():
        count += 1
    return count


class Lines(asyncio.Protocol):
    def __init__(self):
        self.count = 0
        self.rest = b""
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data):
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for _ in lines:
            self.count += 1

    def connection_lost(self, exc):
        self.ended.set_result(None)


async def protocol():
    loop = asyncio.get_running_loop()
    _, lines = await loop.create_connection(Lines, "127.0.0.1", port)
    start = harness.clock()
    await lines.ended
    return lines.count, start


async def streams():
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    start = harness.clock()
    return await (iterate if style == "lines" else readline)(reader), start


async def main():
    count, start = await (protocol() if style == "protocol" else streams())
    assert count == expected
    harness.report(count, harness.clock() - start)


harness.run(main())
