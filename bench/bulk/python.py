# SPDX-License-Identifier: MIT
import asyncio
import harness

port, mebibytes, style = harness.args()


async def strings():
    reader, _ = await asyncio.open_connection("127.0.0.1", port)
    start = harness.clock()
    total = 0
    while data := await reader.read(262144):
        total += len(data)
    return total, start


class Scan(asyncio.BufferedProtocol):
    def __init__(self):
        self.buffer = bytearray(262144)
        self.total = 0
        self.ended = asyncio.get_running_loop().create_future()

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, n):
        assert self.buffer.find(b"\n", 0, n) < 0
        self.total += n

    def connection_lost(self, exc):
        self.ended.set_result(None)


async def buffer():
    loop = asyncio.get_running_loop()
    _, scan = await loop.create_connection(Scan, "127.0.0.1", port)
    start = harness.clock()
    await scan.ended
    return scan.total, start


async def main():
    total, start = await (strings() if style == "strings" else buffer())
    assert total == mebibytes << 20
    harness.report(mebibytes, harness.clock() - start)


harness.run(main())
