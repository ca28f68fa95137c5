# SPDX-License-Identifier: MIT
import asyncio
import sys


async def main():
    pass


if sys.argv[1] == "uvloop":
    import uvloop
    uvloop.install()
asyncio.run(main())
