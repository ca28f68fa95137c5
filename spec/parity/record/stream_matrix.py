"""Writes the stream cases that are products: what is fed how, read how, with which limit, transport and end; every reading
operation cancelled at every moment that matters; every reading operation resumed by every kind of feeder."""
import collections
import itertools
import random

DATA = {
    "lines": b"ab\ncd\n\nefghij\nk",
    "marks": b"aXYbXcXYXdYe",
    "long": b"aaaaaaaaaaaaaaaa\nbb\n",
    "crlf": b"GET /\r\nHost: h\r\n\r\nbody",
    "ends": b"\n\nX\nXY",
    "empty": b"",
}
SIZES = {"whole": [99], "bytes": [1] * 99, "pairs": [2] * 50, "uneven": [1, 5, 2, 7, 3, 99], "gaps": [3, 0, 4, 0, 99]}
LIMITS = (1, 3, 6, None)
TRANSPORTS = {"none": "", "mock": "    r.set_transport(transport())\n", "refusing": "    r.set_transport(transport(True))\n"}
FEEDS = ("before", "at_once", "callbacks", "task", "timers")
ENDS = {"eof": "r.feed_eof()", "error": "r.set_exception(Err('fed'))", "cancel": "t.cancel('end')",
        "eof_then_error": "r.feed_eof()\nr.set_exception(Err2('fed'))"}

# name: (statements shown, how often, call)
READS = {
    "readline": ("ST3 ST5", 6, "r.readline()"),
    "until_newline": ("ST2 ST3", 6, "r.readuntil()"),
    "until_mark": ("ST2 ST5", 5, "r.readuntil(b'XY')"),
    "until_any": ("ST4 ST3", 7, "r.readuntil((b'XY', b'X', b'\\n'))"),
    "until_long": ("ST4 ST5", 4, "r.readuntil((b'\\r\\n\\r\\n', b'\\n\\n'))"),
    "read_2": ("ST6", 9, "r.read(2)"),
    "read_all": ("ST6", 1, "r.read()"),
    "read_much": ("ST6", 6, "r.read(1000)"),
    "exactly_4": ("ST6 ST5", 6, "r.readexactly(4)"),
    "exactly_9": ("ST6 ST5", 3, "r.readexactly(9)"),
}

LOOP = """        for i in range({count}):
            try:
                v = await {call}
                log("{name}", i, len(v), v, r.at_eof())
            except Exception as e:
                log("{name}", i, e, r.at_eof())
"""
MIXED = """        for n in [-1, 0, 3, 0, -1, 2]:
            try:
                if n < 0:
                    v = await r.readline()
                elif n == 0:
                    v = await r.read(n)
                else:
                    v = await r.readexactly(n)
                log("mixed", n, len(v), v, r.at_eof())
            except Exception as e:
                log("mixed", n, e)
"""
LINES = """        try:
            async for line in r:
                log("line", len(line), line, r.at_eof())
            log("end of lines", r.at_eof())
        except Exception as e:
            log("lines", e)
"""
SKIPPING = """        for i in range(8):
            try:
                v = await r.readuntil()
                log("until", len(v), v)
            except LimitOverrunError as e:
                v = await r.readexactly(e.consumed)
                log("skipped", e, len(v), v)
            except IncompleteReadError as e:
                log("rest", e, len(e.partial), e.expected)
                break
"""
BODIES = {name: (shown, LOOP.format(name=name, count=count, call=call)) for name, (shown, count, call) in READS.items()}
BODIES.update(mixed=("ST6 ST3", MIXED), lines=("ST10 ST3", LINES), skipping=("ST3 ST5", SKIPPING))

CASE = """
@shows({shown})
async def {name}():
    loop = get_running_loop()
    r = StreamReader({limit})
{transport}
    async def reads():
{body}
    t = create_task(reads())
{feeding}
    await sleep(30)
    log("reading", t.done(), t.cancel("late"), r.at_eof(), r.exception())
    try:
        await t
    except CancelledError as e:
        log("cut", e)
    except Exception as e:
        log("failed", e)
    r.feed_eof()
    try:
        log("left", await r.read(), r.at_eof())
    except Exception as e:
        log("left", e, r.at_eof())
"""


def chunks(data, sizes):
    made, at = [], 0
    for size in sizes:
        if at >= len(data):
            break
        made.append(data[at:at + size])
        at += size
    return made


def feeding(how, pieces, end):
    """The lines that feed the pieces, then end what is read."""
    listed = "[" + ", ".join(map(repr, pieces)) + "]"
    ending = end.split("\n")
    if how == "before":
        lines = [f"for c in {listed}:", "    r.feed_data(c)", *ending]
    elif how == "at_once":
        lines = ["await sleep(1)", f"for c in {listed}:", "    r.feed_data(c)", *ending]
    elif how == "callbacks":
        lines = [f"for c in {listed}:", "    loop.call_soon(r.feed_data, c)", *(f"loop.call_soon(lambda: {e})" for e in ending)]
    elif how == "timers":
        lines = ["n = 1", f"for c in {listed}:", "    loop.call_later(n, r.feed_data, c)", "    n += 1",
                 *(f"loop.call_later(n, lambda: {e})" for e in ending)]
    else:
        lines = ["async def feeds():", f"    for c in {listed}:", "        r.feed_data(c)", "        await sleep(0)",
                 *("    " + e for e in ending), "u = create_task(feeds())"]
    return "".join(f"    {line}\n" for line in lines)


def quoted(names):
    return ", ".join(f'"{name}"' for name in names.split())


def case(data, sizes, limit, transport, how, end, read):
    shown, body = BODIES[read]
    if transport == "mock":
        shown += " ST1"
    if end in ("error", "eof_then_error"):
        shown += " ST8"
    if end == "cancel":
        shown += " ST7"
    name = f"stream_{data}_{sizes}_{limit or 'default'}_{transport}_{how}_{end}_{read}"
    return name, CASE.format(shown=quoted(shown), name=name, limit=f"limit={limit}" if limit else "", transport=TRANSPORTS[transport],
                             body=body, feeding=feeding(how, chunks(DATA[data], SIZES[sizes]), ENDS[end]))


def products(times):
    """Of all products those that, in a fixed random order, show a pair of choices which fewer than `times` before show."""
    every = list(itertools.product(DATA, SIZES, LIMITS, TRANSPORTS, FEEDS, ENDS, BODIES))
    random.Random(3).shuffle(every)
    seen = collections.Counter()
    for choices in every:
        pairs = list(itertools.combinations(enumerate(choices), 2))
        if any(seen[pair] < times for pair in pairs):
            seen.update(pairs)
            yield case(*choices)


# Cancellation and resumption: each operation waits for what b"cd\nXY" completes after b"ab" is there or nothing.
WAITS = {
    "read": ("ST6", "await r.read(3)"),
    "read_all": ("ST6", "await r.read()"),
    "readline": ("ST3", "await r.readline()"),
    "readexactly": ("ST6", "await r.readexactly(4)"),
    "readuntil": ("ST2", "await r.readuntil(b'XY')"),
    "lines": ("ST10", "[]\n        async for line in r:\n            v.append(line)"),
}
MOMENTS = {
    "unstarted": "t.cancel('m')\nr.feed_data(b'cd\\nXY')",
    "waiting": "await sleep(1)\nlog('cancel', t.cancel('m'))\nawait sleep(1)\nlog('fed', t.done())\nr.feed_data(b'cd\\nXY')",
    "waiting_twice": "await sleep(1)\nlog('cancel', t.cancel('one'), t.cancel('two'))\nr.feed_data(b'cd\\nXY')",
    "before_the_feed": "await sleep(1)\nt.cancel('m')\nr.feed_data(b'cd\\nXY')\nlog('same tick')",
    "behind_the_feed": "await sleep(1)\nr.feed_data(b'cd\\nXY')\nlog('cancel', t.cancel('m'))",
    "a_tick_behind_the_feed": "await sleep(1)\nr.feed_data(b'cd\\nXY')\nloop.call_soon(lambda: log('cancel', t.cancel('m')))",
    "two_ticks_behind_the_feed": "await sleep(1)\nr.feed_data(b'cd\\nXY')\nawait sleep(0)\nawait sleep(0)\nlog('cancel', t.cancel('m'))",
    "behind_the_end": "await sleep(1)\nr.feed_eof()\nlog('cancel', t.cancel('m'))",
    "before_the_error": "await sleep(1)\nt.cancel('m')\nr.set_exception(Err('x'))",
    "behind_the_error": "await sleep(1)\nr.set_exception(Err('x'))\nlog('cancel', t.cancel('m'))",
}
CUT = """
@shows({shown})
async def {name}():
    loop = get_running_loop()
    r = StreamReader(limit=5)
    r.set_transport(transport())

    async def reads():
        log("starts", current_task().cancelling())
        v = {wait}
        log("got", len(v), v)
        return v

{before}    t = create_task(reads())
{moment}
    await sleep(1)
    if not t.done():
        log("still reading")
        r.feed_eof()
    try:
        log("returned", await t)
    except BaseException as e:
        log("raised", e, t.cancelled(), t.cancelling())
    r.feed_eof()
    try:
        log("left", await r.read(), r.at_eof())
    except Err as e:
        log("left", e, r.at_eof())
"""


def cut(read, moment, before):
    shown, wait = WAITS[read]
    name = f"stream_{read}_cancelled_{moment}{'_with_data' if before else ''}"
    if "error" in moment:
        shown += " ST8"
    return name, CUT.format(shown=quoted("ST7 " + shown), name=name, wait=wait, before="    r.feed_data(b'ab')\n" if before else "",
                            moment="\n".join("    " + line for line in MOMENTS[moment].split("\n")))


FEEDERS = {
    "callback": "loop.call_soon(feed)",
    "callbacks_callback": "loop.call_soon(loop.call_soon, feed)",
    "timer": "loop.call_later(1, feed)",
    "timer_now": "loop.call_later(0, feed)",
    "task": "async def feeds():\n    feed()\nu = create_task(feeds())",
    "waiting_task": "async def feeds():\n    await sleep(0)\n    await sleep(0)\n    feed()\nu = create_task(feeds())",
    "future": "f = Future()\nf.add_done_callback(lambda f: feed())\nloop.call_later(1, f.set_result, 0)",
    "two_halves": "loop.call_soon(r.feed_data, b'ab')\nloop.call_later(1, r.feed_data, b'\\nXY')\nloop.call_later(2, r.feed_eof)",
    "other_reader": "other = StreamReader()\nasync def passes():\n    r.feed_data(await other.read(9))\n    r.feed_eof()\n"
                    "u = create_task(passes())\nloop.call_soon(other.feed_data, b'ab\\nXY')",
    "gathered_reader": "q = StreamReader()\nu = gather(q.readline(), q.readline(), return_exceptions=True)\n"
                       "u.add_done_callback(lambda f: log('gathered', f.result()))\nloop.call_later(1, q.feed_data, b'q\\n')\n"
                       "loop.call_later(2, q.feed_eof)\nloop.call_later(3, feed)",
}
RESUME = """
@shows({shown})
async def {name}():
    loop = get_running_loop()
    r = StreamReader()

    def feed():
        log("feeds")
        r.feed_data(b"ab\\nXY")
        log("ends")
        r.feed_eof()
        loop.call_soon(log, "behind the feed")
        loop.call_soon(lambda: loop.call_soon(log, "a tick further"))

{feeder}
    n = polls()
    v = {wait}
    log("got", v, polls() - n, r.at_eof())
    log("left", await r.read(), polls() - n)
    await sleep(9)
"""
RESUMED = dict(WAITS, until_end=("ST5", "[]\n    try:\n        await r.readuntil(b'nowhere')\n    except IncompleteReadError as e:\n"
                                        "        v = [e.partial, e.expected]"))


def resumed(read, feeder):
    shown, wait = RESUMED[read]
    name = f"stream_{read}_fed_by_{feeder}"
    wait = wait if read == "until_end" else wait.replace("\n    ", "\n")
    return name, RESUME.format(shown=quoted(shown + " ST9"), name=name, wait=wait,
                               feeder="\n".join("    " + line for line in FEEDERS[feeder].split("\n")))


def sources():
    yield from products(3)
    for read, moment, before in itertools.product(WAITS, MOMENTS, (False, True)):
        yield cut(read, moment, before)
    for read, feeder in itertools.product(RESUMED, FEEDERS):
        yield resumed(read, feeder)
