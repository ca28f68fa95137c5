# SPDX-License-Identifier: MIT
import asyncio
import harness

port, style = harness.args()

HELLO = (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n"
         b"Connection: keep-alive\r\n\r\nHello, world!")


async def handle(reader, writer):
    while request := await reader.readline():
        while (await reader.readline()) not in (b"\r\n", b""):
            pass
        method, _, version = request.split()
        if method != b"GET" or version != b"HTTP/1.1":
            break
        writer.write(HELLO)
        await writer.drain()
    writer.close()


class Hello(asyncio.Protocol):
    rest = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        if self.rest:
            data = self.rest + data
        start = 0
        while (stop := data.find(b"\r\n\r\n", start)) >= 0:
            method, _, version = data[start:data.find(b"\r\n", start)].split()
            if method != b"GET" or version != b"HTTP/1.1":
                self.transport.close()
                return
            self.transport.write(HELLO)
            start = stop + 4
        self.rest = data[start:]


async def main():
    if style == "streams":
        server = await asyncio.start_server(handle, "127.0.0.1", port)
    else:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Hello, "127.0.0.1", port)
    await server.serve_forever()


harness.run(main())
