# SPDX-License-Identifier: MIT
"""What the Python programs share. The first argument names the loop."""

import asyncio
import sys
import time

clock = time.process_time


def args():
    return [int(a) if a.isdigit() else float(a) if a[0].isdigit() else a
            for a in sys.argv[2:]]


def run(main):
    if sys.argv[1] == "uvloop":
        import uvloop
        uvloop.install()
    asyncio.run(main)


def status_kb(field):
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith(field + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def rss_kb():
    return status_kb("VmRSS")


def delays():
    """The delays of limit/delays.h."""
    seed = 42
    while True:
        seed = seed * 48271 % 2147483647
        yield seed / 2147483647


def report(ops, seconds, more=""):
    print("ns_per_op=%.1f ops=%d rss_kb=%d%s"
          % (seconds * 1e9 / ops, ops, status_kb("VmHWM"), more and " " + more),
          flush=True)
