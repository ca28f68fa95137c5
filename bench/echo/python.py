# SPDX-License-Identifier: MIT
import asyncio
import harness

port, style = harness.args()


async def handle(reader, writer):
    while data := await reader.read(262144):
        writer.write(data)
        await writer.drain()
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class BufferedEcho(asyncio.BufferedProtocol):
    def connection_made(self, transport):
        self.transport = transport
        self.buffer = bytearray(262144)
        self.view = memoryview(self.buffer)

    def get_buffer(self, sizehint):
        return self.buffer

    def buffer_updated(self, n):
        self.transport.write(self.view[:n])


async def main():
    if style == "streams":
        server = await asyncio.start_server(handle, "127.0.0.1", port)
    else:
        factory = Echo if style == "protocol" else BufferedEcho
        loop = asyncio.get_running_loop()
        server = await loop.create_server(factory, "127.0.0.1", port)
    await server.serve_forever()


harness.run(main())
