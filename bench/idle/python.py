# SPDX-License-Identifier: MIT
import asyncio
import gc
import harness

port, = harness.args()


async def handle(reader, writer):
    while data := await reader.read(65536):
        if data == b"count\n":
            gc.collect()
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", port)
    await server.serve_forever()


harness.run(main())
