# ST1 to ST10: StreamReader without a connection. record/stream_matrix.py has the products of chunks, limits and ends.

# Limits and what a transport is told.

@shows("ST1")
async def stream_pauses_above_twice_the_limit():
    r = StreamReader(limit=4)
    r.set_transport(transport())
    for i in range(10):
        log("feed", i)
        r.feed_data(b"x")
    log("read", await r.read(4))
    log("read", await r.read(1))
    log("read", await r.read(1))
    log("read", await r.read(9))


@shows("ST1")
async def stream_pauses_once_and_again_after_resuming():
    r = StreamReader(limit=2)
    r.set_transport(transport())
    r.feed_data(b"12345")
    r.feed_data(b"67890")
    log("above", await r.read(7))
    log("at the limit", await r.read(1))
    r.feed_data(b"ab")
    log("twice")
    r.feed_data(b"c")
    log("rest", await r.read(100))


@shows("ST1")
async def stream_has_a_default_limit():
    r = StreamReader()
    r.set_transport(transport())
    r.feed_data(b"x" * 131072)
    log("twice the limit")
    r.feed_data(b"y")
    v = await r.read(65536)
    log("read", len(v))
    v = await r.read(1)
    log("read", len(v))
    v = await r.read(1)
    log("read", len(v))
    v = await r.read(100000)
    log("read", len(v), v)


@shows("ST1", "ST3")
async def stream_lines_at_the_default_limit():
    r = StreamReader()
    r.feed_data(b"a" * 65536 + b"\n" + b"b" * 65537 + b"\nend\n")
    for i in range(3):
        try:
            v = await r.readline()
            log("line", len(v))
        except ValueError as e:
            log("line", e)


@shows("ST1")
async def stream_transport_that_cannot_pause_is_forgotten():
    r = StreamReader(limit=1)
    r.set_transport(transport(True))
    r.feed_data(b"abc")
    r.feed_data(b"def")
    log("read", await r.read(5))
    log("read", await r.read(5))
    r.set_transport(transport())
    r.feed_data(b"ghi")
    log("read", await r.read(5))


@shows("ST1")
async def stream_second_transport_is_refused():
    r = StreamReader()
    r.set_transport(transport())
    log("refused", raised(r.set_transport, transport()) is not None)


@shows("ST1")
async def stream_without_transport_takes_everything():
    r = StreamReader(limit=1)
    for i in range(5):
        r.feed_data(b"0123456789")
    v = await r.read(1000)
    log("read", len(v), v)


@shows("ST1")
async def stream_transport_set_while_much_is_buffered():
    r = StreamReader(limit=2)
    r.feed_data(b"0123456789")
    r.set_transport(transport())
    log("set")
    r.feed_data(b"")
    log("fed nothing")
    r.feed_data(b"a")
    log("read", await r.read(10))
    log("read", await r.read(10))


@shows("ST1")
async def stream_limits_that_are_none():
    for limit in [0, -1]:
        try:
            StreamReader(limit=limit)
            log("made", limit)
        except ValueError as e:
            log("limit", limit, e)
    r = StreamReader(3)
    r.feed_data(b"abcd\n")
    try:
        await r.readline()
    except ValueError as e:
        log("positional", e)


@shows("ST1", "ST6")
async def stream_read_to_the_end_resumes_each_time():
    loop = get_running_loop()
    r = StreamReader(limit=3)
    r.set_transport(transport())
    for i in range(4):
        loop.call_later(i, r.feed_data, b"12345678")
    loop.call_later(5, r.feed_eof)
    v = await r.read()
    log("all", len(v), v)


@shows("ST1", "ST6")
async def stream_readexactly_beyond_the_limit_resumes():
    loop = get_running_loop()
    r = StreamReader(limit=2)
    r.set_transport(transport())

    async def feeds():
        for i in range(6):
            await sleep(1)
            log("feed", i)
            r.feed_data(b"abcde")
    t = create_task(feeds())
    log("exactly", await r.readexactly(23))
    await t
    log("rest", await r.read(100))


@shows("ST1", "ST6")
async def stream_every_read_resumes_at_the_limit():
    for make in [lambda r: r.readline(), lambda r: r.readuntil((b"def\n", b"XY")), lambda r: r.readexactly(7), lambda r: r.read(7)]:
        for data in [b"abcdef\nghijkl", b"abcdef\nghijklm"]:
            r = StreamReader(limit=6)
            r.set_transport(transport())
            r.feed_data(data)
            log("read", await make(r))
            log("next", await r.read(1))


@shows("ST1", "ST3")
async def stream_overrun_does_not_resume_but_readline_does():
    r = StreamReader(limit=2)
    r.set_transport(transport())
    r.feed_data(b"abcdefgh")
    try:
        await r.readuntil()
    except LimitOverrunError as e:
        log("until", e)
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    r.feed_data(b"ijk\nl\n")
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    log("line", await r.readline())


@shows("ST1", "ST5")
async def stream_incomplete_read_leaves_the_transport_paused():
    r = StreamReader(limit=2)
    r.set_transport(transport())
    r.feed_data(b"abcdefgh")
    r.feed_eof()
    try:
        await r.readexactly(9)
    except IncompleteReadError as e:
        log("exactly", e)
    log("read", await r.read(1))


# Separators and limits.

@shows("ST2")
async def stream_exactly_the_limit_is_accepted():
    r = StreamReader(limit=5)
    r.feed_data(b"12345\n123456\n12345XYZ123456XYZ")
    log("line", await r.readline())
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    log("until", await r.readuntil(b"XYZ"))
    try:
        await r.readuntil(b"XYZ")
    except LimitOverrunError as e:
        log("until", e, e.consumed)


@shows("ST2", "ST3")
async def stream_limit_without_a_separator():
    for n in range(8):
        r = StreamReader(limit=4)
        r.feed_data(b"a" * n)
        t = create_task(r.readuntil(b"XYZ"))
        await sleep(1)
        if t.done():
            log("overrun", n, t.exception())
        else:
            r.feed_data(b"XYZ")
            log("in time", n, await wait([t]) is None, state(t))


@shows("ST2", "ST3")
async def stream_line_that_grows_over_the_limit():
    loop = get_running_loop()
    r = StreamReader(limit=3)
    for i in range(6):
        loop.call_later(i, r.feed_data, b"a")
    loop.call_later(7, r.feed_data, b"\nb\n")
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    log("line", await r.readline())
    log("line", await r.readline())


@shows("ST3")
async def stream_overrun_keeps_the_buffer():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef")
    for i in range(2):
        try:
            await r.readuntil(b"\n")
        except LimitOverrunError as e:
            log("until", e)
    r.feed_data(b"\ngh\n")
    for i in range(2):
        try:
            await r.readuntil(b"\n")
        except LimitOverrunError as e:
            log("until", e)
    log("consumed", await r.readexactly(6))
    log("until", await r.readuntil())
    log("until", await r.readuntil())


@shows("ST3")
async def stream_readline_drops_a_long_line_with_its_end():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef\ngh\n")
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    log("line", await r.readline())


@shows("ST3")
async def stream_readline_drops_everything_without_an_end():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef")
    try:
        await r.readline()
    except ValueError as e:
        log("line", e)
    r.feed_data(b"gh\n")
    r.feed_eof()
    log("line", await r.readline(), r.at_eof())


@shows("ST3", "ST10")
async def stream_readline_drops_all_and_is_at_the_end():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef")
    r.feed_eof()
    log("before", r.at_eof())
    try:
        await r.readline()
    except ValueError as e:
        log("line", e, r.at_eof())
    log("line", await r.readline())


@shows("ST3")
async def stream_texts_of_read_errors():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef")
    try:
        await r.readuntil()
    except LimitOverrunError as e:
        log("not found", message(e), e.consumed)
    try:
        await r.readline()
    except ValueError as e:
        log("line not found", message(e))
    r.feed_data(b"abcdef\n")
    try:
        await r.readuntil()
    except LimitOverrunError as e:
        log("found", message(e), e.consumed)
    try:
        await r.readline()
    except ValueError as e:
        log("line found", message(e))
    r.feed_data(b"xyz")
    r.feed_eof()
    try:
        await r.readexactly(7)
    except IncompleteReadError as e:
        log("incomplete", contains(e, "3 bytes read on a total of 7 expected bytes"))
    try:
        await r.readuntil()
    except EOFError as e:
        log("end", contains(e, "0 bytes read on a total of undefined expected bytes"))


@shows("ST3", "ST5")
async def stream_error_classes():
    r = StreamReader(limit=3)
    r.feed_data(b"abcdef")
    for kind in [ValueError, EOFError, Exception]:
        try:
            try:
                await r.readuntil()
            except kind as e:
                log("caught", kind, e)
        except LimitOverrunError as e:
            log("passed", kind)
    r.feed_eof()
    for kind in [ValueError, LimitOverrunError, EOFError]:
        try:
            try:
                await r.readexactly(9)
            except kind as e:
                log("caught", kind, e)
        except IncompleteReadError as e:
            log("passed", kind)


@shows("ST4")
async def stream_separator_that_ends_first_wins():
    r = StreamReader()
    r.feed_data(b"aXYbXYcYX")
    log("shorter", await r.readuntil((b"XY", b"X")))
    log("order", await r.readuntil((b"Y", b"bXY")))
    log("longer ends first", await r.readuntil((b"YcY", b"bXYc", b"X")))
    log("rest", await r.readuntil((b"cYX", b"X")))


@shows("ST4")
async def stream_separators_that_end_together():
    r = StreamReader(limit=3)
    r.feed_data(b"123XYZ123XYZ")
    log("any order", await r.readuntil((b"Z", b"XYZ", b"YZ")))
    log("any order", await r.readuntil((b"XYZ", b"YZ", b"Z")))


@shows("ST4", "ST2")
async def stream_shortest_separator_measures_the_limit():
    r = StreamReader(limit=4)
    r.feed_data(b"123XYZ.123XYZ.1234XYZ.")
    try:
        log("one", await r.readuntil(b"XYZ"))
        log("dot", await r.readuntil((b".",)))
        log("both", await r.readuntil((b"XYZ", b"Z")))
    except LimitOverrunError as e:
        log("both", e)
    log("rest", await r.read(100))


@shows("ST4")
async def stream_separators_of_nothing():
    r = StreamReader()
    r.feed_data(b"abc\n")
    for separator in [b"", (), (b"", b"\n"), (b"\n", b"")]:
        try:
            log("until", await r.readuntil(separator))
        except ValueError as e:
            log("until", e)
    log("kept", await r.readuntil((b"\n",)))


@shows("ST4", "ST8")
async def stream_separators_of_nothing_after_an_error():
    r = StreamReader()
    r.set_exception(Err("x"))
    for separator in [b"", (), b"\n"]:
        try:
            await r.readuntil(separator)
        except Exception as e:
            log("until", e)


@shows("ST4")
async def stream_separator_in_pieces():
    loop = get_running_loop()
    r = StreamReader()
    n = 0
    for c in [b"a", b"-", b"-", b"b-", b"-=", b"-", b"-", b"=", b"=c"]:
        loop.call_later(n, r.feed_data, c)
        n += 1
    log("until", await r.readuntil(b"--=="))
    log("rest", await r.read(9))


@shows("ST4", "ST3")
async def stream_separators_of_different_lengths_in_pieces():
    loop = get_running_loop()
    r = StreamReader(limit=4)
    n = 0
    for c in [b"ab", b"E", b"N", b"cd", b"END", b"e", b";", b"abcdefg"]:
        loop.call_later(n, r.feed_data, c)
        n += 1
    for i in range(3):
        try:
            log("until", await r.readuntil((b"END", b";")))
        except LimitOverrunError as e:
            log("until", e)
            log("skipped", await r.readexactly(e.consumed))


@shows("ST4", "ST5")
async def stream_partial_may_hold_a_part_of_the_separator():
    r = StreamReader()
    r.feed_data(b"data\r\n\r")
    r.feed_eof()
    try:
        await r.readuntil(b"\r\n\r\n")
    except IncompleteReadError as e:
        log("until", e, e.partial, e.expected)
    log("empty", r.at_eof())


@shows("ST2", "ST4")
async def stream_separators_of_odd_bytes():
    r = StreamReader()
    r.feed_data(b"a\x00b\x00\x00c.+d%d]e\xff\xfef")
    log("zero", await r.readuntil(b"\x00"))
    log("zeros", await r.readuntil(b"\x00\x00"))
    log("pattern", await r.readuntil(b".+"))
    log("pattern", await r.readuntil((b"%d]", b".")))
    log("high", await r.readuntil(b"\xff\xfe"))
    r.feed_eof()
    log("rest", await r.read())


# The end of the stream.

@shows("ST5", "ST10")
async def stream_readline_at_the_end():
    r = StreamReader()
    r.feed_data(b"one\ntwo")
    r.feed_eof()
    for i in range(4):
        log("line", await r.readline(), r.at_eof())


@shows("ST5")
async def stream_incomplete_reads_empty_the_buffer():
    r = StreamReader()
    r.feed_data(b"abc")
    r.feed_eof()
    for n in [4, 4, 0]:
        try:
            log("exactly", await r.readexactly(n))
        except IncompleteReadError as e:
            log("exactly", e, e.partial, e.expected)
    try:
        await r.readuntil(b"x")
    except IncompleteReadError as e:
        log("until", e)
    log("read", await r.read(), await r.read(3), await r.readline())


@shows("ST5")
async def stream_end_wakes_every_kind_of_read():
    async def reads(label, r, aw):
        try:
            log(label, await aw, r.at_eof())
        except IncompleteReadError as e:
            log(label, e, r.at_eof())
    rs = [StreamReader() for i in range(6)]
    ts = [create_task(reads("read", rs[0], rs[0].read(5))), create_task(reads("all", rs[1], rs[1].read())),
          create_task(reads("line", rs[2], rs[2].readline())), create_task(reads("exactly", rs[3], rs[3].readexactly(2))),
          create_task(reads("until", rs[4], rs[4].readuntil((b";", b"."))))]
    await sleep(1)
    for r in rs:
        r.feed_eof()
    await gather(*ts)
    log("end", await rs[5].read(), rs[5].at_eof())


@shows("ST5", "ST10")
async def stream_end_may_come_twice():
    r = StreamReader()
    log("open", r.at_eof())
    r.feed_data(b"a")
    r.feed_eof()
    log("buffered", r.at_eof())
    r.feed_eof()
    log("read", await r.read(1), r.at_eof())
    r.feed_eof()
    log("read", await r.read(1), r.at_eof())


@shows("ST10")
async def stream_lines_yield_the_last_without_its_end():
    r = StreamReader()
    r.feed_data(b"a\n\nb\nlast")
    r.feed_eof()
    async for line in r:
        log("line", line)
    log("end", r.at_eof())
    async for line in r:
        log("never", line)
    log("again")


@shows("ST10")
async def stream_lines_can_be_left_and_taken_up():
    r = StreamReader()
    r.feed_data(b"head\n\nbody\nmore\n")
    r.feed_eof()
    async for line in r:
        if line == b"\n":
            break
        log("head", line)
    log("between", await r.read(2))
    async for line in r:
        log("body", line)


@shows("ST10", "ST3")
async def stream_lines_raise_and_go_on():
    r = StreamReader(limit=3)
    r.feed_data(b"a\nlong line\nb\n")
    r.feed_eof()
    for i in range(3):
        try:
            async for line in r:
                log("line", i, line)
            log("end", i)
        except ValueError as e:
            log("raised", i, e)


@shows("ST10")
async def stream_lines_of_a_stream_at_its_end():
    r = StreamReader()
    r.feed_eof()
    async for line in r:
        log("never")
    log("end", r.at_eof(), polls())


@shows("ST10")
async def stream_lines_while_fed():
    loop = get_running_loop()
    r = StreamReader()
    for i in range(4):
        loop.call_later(i + 1, r.feed_data, b"x\ny")
    loop.call_later(6, r.feed_eof)
    async for line in r:
        log("line", line, now())
        await sleep(0.25)
    log("end")


# How much a read takes.

@shows("ST6")
async def stream_read_takes_what_is_there():
    r = StreamReader(limit=2)
    r.feed_data(b"abcdefgh")
    log("three", await r.read(3))
    log("none", await r.read(0))
    log("many", await r.read(100))
    log("none", await r.read(0), await r.readexactly(0))
    r.feed_eof()
    log("end", await r.read(3), await r.read(-1), await r.read())


@shows("ST6")
async def stream_reading_nothing_does_not_wait():
    r = StreamReader()
    n = polls()
    log("read", await r.read(0), polls() - n)
    log("exactly", await r.readexactly(0), polls() - n)
    r.feed_data(b"abc\n")
    log("read", await r.read(1), polls() - n)
    log("exactly", await r.readexactly(1), polls() - n)
    log("line", await r.readline(), polls() - n)


@shows("ST6")
async def stream_negative_counts():
    r = StreamReader()
    r.feed_data(b"abcdef")
    try:
        await r.readexactly(-1)
    except ValueError as e:
        log("exactly", e)
    r.feed_eof()
    log("read", await r.read(-7), r.at_eof())


@shows("ST6", "ST8")
async def stream_negative_count_after_an_error():
    r = StreamReader()
    r.set_exception(Err("x"))
    for n in [-1, 0, 1]:
        try:
            await r.readexactly(n)
        except Exception as e:
            log("exactly", n, e)
        try:
            await r.read(n)
        except Exception as e:
            log("read", n, e)


@shows("ST6")
async def stream_read_to_the_end_waits_for_each_piece():
    loop = get_running_loop()
    r = StreamReader(limit=4)
    r.feed_data(b"start")
    loop.call_soon(r.feed_data, b"12")
    loop.call_soon(r.feed_data, b"34")
    loop.call_later(1, r.feed_data, b"5")
    loop.call_later(1, r.feed_data, b"6")
    loop.call_later(2, r.feed_data, b"789")
    loop.call_later(3, r.feed_eof)
    n = polls()
    log("all", await r.read(), polls() - n, now())


@shows("ST6")
async def stream_big_reads():
    loop = get_running_loop()
    r = StreamReader(limit=1000)
    r.set_transport(transport())

    async def feeds():
        for i in range(40):
            r.feed_data(b"0123456789" * 100)
            await sleep(0)
        r.feed_eof()
    t = create_task(feeds())
    v = await r.readexactly(12345)
    log("exactly", len(v))
    v = await r.read(4000)
    log("read", len(v))
    v = await r.read()
    log("all", len(v), v)
    await t


@shows("ST6")
async def stream_reads_that_return_at_once_do_not_suspend():
    r = StreamReader()
    get_running_loop().call_soon(log, "other")
    r.feed_data(b"a\nb\ncXdef")
    log("reads", await r.readline(), await r.readuntil(), await r.readuntil(b"X"), await r.read(1), await r.readexactly(2))
    await sleep(0)


@shows("ST6")
async def stream_read_starts_when_it_is_awaited():
    r = StreamReader()
    a = r.read(2)
    b = r.read(2)
    r.feed_data(b"abcd")
    log("second", await b)
    log("first", await a)
    c = r.readline()
    r.feed_data(b"line\n")
    t = create_task(c)
    log("before", await r.read(1))
    log("task", await t)
    log("reused", raised(c.send, None) is not None)


# Two readers, cancellation.

@shows("ST7")
async def stream_second_read_is_an_error():
    r = StreamReader()

    async def reads():
        log("first", await r.readline())
    t = create_task(reads())
    await sleep(0)
    for aw in [r.read(1), r.readline(), r.readexactly(1), r.readuntil(b"x"), r.read()]:
        try:
            await aw
        except RuntimeError as e:
            log("second", e)
    log("nothing", await r.read(0))
    r.feed_data(b"a\n")
    await t


@shows("ST7", "ST10")
async def stream_second_iteration_is_an_error():
    r = StreamReader()

    async def reads(label):
        try:
            async for line in r:
                log(label, line)
            log(label, "end")
        except RuntimeError as e:
            log(label, e)
    ts = [create_task(reads(label)) for label in ["a", "b", "c"]]
    await sleep(1)
    r.feed_data(b"1\n2\n")
    await sleep(1)
    r.feed_eof()
    await gather(*ts)


@shows("ST7")
async def stream_second_read_with_data_is_no_error():
    r = StreamReader()
    r.feed_data(b"abc")

    async def reads():
        log("first", await r.readline())
    t = create_task(reads())
    await sleep(0)
    log("second", await r.read(2))
    try:
        await r.readexactly(2)
    except RuntimeError as e:
        log("third", e)
    r.feed_data(b"d\n")
    await t


@shows("ST7")
async def stream_reads_of_one_reader_in_gather():
    r = StreamReader()
    get_running_loop().call_later(1, r.feed_data, b"a\nb\n")
    log("gather", await gather(r.readline(), r.readline(), r.read(1), return_exceptions=True))
    log("rest", await r.read(9))


@shows("ST7")
async def stream_cancelled_reads_lose_nothing():
    r = StreamReader()
    for make in [lambda: r.readline(), lambda: r.readexactly(50), lambda: r.readuntil(b"X")]:
        t = create_task(make())
        await sleep(0)
        r.feed_data(b"ab")
        await sleep(0)
        r.feed_data(b"cd")
        t.cancel()
        await wait([t])
        log("cut", t.cancelled())
    r.feed_eof()
    log("all", await r.read())


@shows("ST7")
async def stream_cancelled_read_to_the_end():
    r = StreamReader()
    r.feed_data(b"ab")
    t = create_task(r.read())
    await sleep(1)
    r.feed_data(b"cd")
    await sleep(1)
    t.cancel()
    await wait([t])
    r.feed_data(b"ef")
    r.feed_eof()
    log("left", t.cancelled(), await r.read())


@shows("ST7")
async def stream_next_reader_after_a_cancelled_one():
    r = StreamReader()

    async def reads(label):
        try:
            log(label, await r.readline())
        except CancelledError as e:
            log(label, "cut", e)
    a = create_task(reads("a"))
    await sleep(0)
    a.cancel("m")
    await sleep(0)
    b = create_task(reads("b"))
    await sleep(0)
    r.feed_data(b"line\n")
    log("fed", a.done(), b.done())
    await gather(a, b)


@shows("ST7")
async def stream_read_that_survives_its_cancellation():
    r = StreamReader()

    async def reads():
        v = []
        while not r.at_eof():
            try:
                v.append(await r.read(2))
                log("got", v)
            except CancelledError as e:
                log("cut", e)
                v.append(e)
        return v
    t = create_task(reads())
    await sleep(1)
    t.cancel("one")
    await sleep(1)
    r.feed_data(b"abc")
    t.cancel("two")
    await sleep(1)
    r.feed_data(b"d")
    r.feed_eof()
    log("result", await t, t.cancelling())


@shows("ST7", "D2")
async def stream_reads_with_timeouts():
    loop = get_running_loop()
    r = StreamReader()
    loop.call_later(1, r.feed_data, b"ab")
    loop.call_later(3, r.feed_data, b"c\n")
    for i in range(3):
        try:
            log("line", await wait_for(r.readline(), 1.25))
        except TimeoutError as e:
            log("line", e)
    try:
        async with timeout(1):
            await r.read(1)
    except TimeoutError as e:
        log("timeout", e)
    try:
        await wait_for(r.readline(), 0)
    except TimeoutError as e:
        log("no time", e)
    r.feed_data(b"x\n")
    log("in no time", await wait_for(r.readline(), 5), now())


@shows("ST7")
async def stream_timeout_at_the_tick_of_the_feed():
    loop = get_running_loop()
    r = StreamReader()
    for early in [True, False]:
        if early:
            loop.call_later(1, r.feed_data, b"ab")
        t = create_task(wait_for(r.read(1), 1))
        await sleep(0)
        if not early:
            loop.call_later(1, r.feed_data, b"cd")
        await wait([t])
        log("state", state(t), now())
    await sleep(1)
    r.feed_eof()
    log("left", await r.read())


@shows("ST7")
async def stream_shielded_read():
    r = StreamReader()
    inner = create_task(r.readline())

    async def waits():
        log("got", await shield(inner))
    t = create_task(waits())
    await sleep(0)
    t.cancel()
    await wait([t])
    r.feed_data(b"kept\n")
    log("inner", await inner, t.cancelled())


@shows("ST7")
async def stream_readers_in_wait_and_groups():
    loop = get_running_loop()
    rs = [StreamReader() for i in range(3)]
    for i in range(3):
        loop.call_later(3 - i, rs[i].feed_data, b"line\nmore")
    ts = [create_task(r.readline()) for r in rs]
    done, pending = await wait(ts, return_when=FIRST_COMPLETED)
    log("first", len(done), len(pending), [state(t) for t in ts])
    async for t in as_completed(ts):
        log("completed", t.result(), now())

    async def reads(r, n):
        log("exactly", n, await r.readexactly(n))
    try:
        async with TaskGroup() as tg:
            tg.create_task(reads(rs[0], 4))
            tg.create_task(reads(rs[1], 5))
            tg.create_task(reads(rs[2], 6))
            await sleep(1)
            rs[1].feed_eof()
    except ExceptionGroup as e:
        log("group", e)
    log("left", await rs[0].read(9), await rs[1].read(9), await rs[2].read(9))


@shows("ST7")
async def stream_readers_wake_in_the_order_of_their_feeds():
    rs = [StreamReader() for i in range(4)]
    f = Future()

    async def reads(i):
        log("got", i, await rs[i].read(9))

    async def waits():
        log("future", await f)
    ts = [create_task(reads(i)) for i in range(4)]
    ts.append(create_task(waits()))
    await sleep(0)
    rs[2].feed_data(b"c")
    rs[0].feed_data(b"a")
    f.set_result("f")
    rs[3].feed_eof()
    rs[1].set_exception(Err("b"))
    rs[2].feed_data(b"cc")
    log("gather", await gather(*ts, return_exceptions=True))


# Errors.

@shows("ST8")
async def stream_every_read_raises_the_error():
    r = StreamReader()
    r.feed_data(b"abc\ndef")
    log("none", r.exception())
    e = Err("broken")
    r.set_exception(e)
    log("exception", r.exception(), r.exception() is e)
    for aw in [r.read(1), r.read(0), r.read(), r.readline(), r.readexactly(0), r.readexactly(2), r.readuntil()]:
        try:
            await aw
        except Err as x:
            log("raised", x, x is e)
    try:
        async for line in r:
            log("never")
    except Err as x:
        log("lines", x)
    log("end", r.at_eof())


@shows("ST8")
async def stream_error_wakes_the_reader():
    for make in [lambda r: r.read(1), lambda r: r.read(), lambda r: r.readline(), lambda r: r.readexactly(4), lambda r: r.readuntil(b"x")]:
        r = StreamReader()
        t = create_task(make(r))
        await sleep(0)
        n = polls()
        e = Err("broken")
        r.set_exception(e)
        log("set", t.done())
        await wait([t])
        log("state", t.exception() is e, polls() - n)


@shows("ST8")
async def stream_error_after_data_in_one_tick():
    r = StreamReader()
    t = create_task(r.read(9))
    u = create_task(sleep(0))
    await sleep(0)
    r.feed_data(b"abc")
    r.set_exception(Err("x"))
    await wait([t])
    log("read", state(t))
    q = StreamReader()
    t = create_task(q.readexactly(9))
    await sleep(0)
    q.feed_data(b"abc")
    q.set_exception(Err("y"))
    await sleep(1)
    log("exactly", state(t))
    q.feed_data(b"def")
    q.feed_eof()
    await wait([t])
    log("exactly", state(t))
    try:
        log("until", await q.readuntil(b"f"))
    except Err as e:
        log("until", e)


@shows("ST8")
async def stream_end_then_error_and_error_then_end():
    r = StreamReader()
    r.feed_eof()
    r.set_exception(Err("late"))
    try:
        await r.read()
    except Err as e:
        log("end, error", e, r.at_eof())
    q = StreamReader()
    q.set_exception(Err("early"))
    q.feed_data(b"abc")
    q.feed_eof()
    try:
        await q.read()
    except Err as e:
        log("error, end", e, q.at_eof(), q.exception())


@shows("ST8")
async def stream_second_error_replaces_the_first():
    r = StreamReader()

    async def reads():
        try:
            await r.readline()
        except Exception as e:
            log("waiting", e)
        try:
            await r.readline()
        except Exception as e:
            log("next", e)
    t = create_task(reads())
    await sleep(0)
    r.set_exception(Err("one"))
    r.set_exception(Err2("two"))
    log("exception", r.exception())
    await t


@shows("ST8")
async def stream_error_that_is_a_cancellation():
    r = StreamReader()

    async def reads():
        try:
            await r.readline()
        except CancelledError as e:
            log("cut", e, current_task().cancelling())
            raise
    t = create_task(reads())
    await sleep(0)
    r.set_exception(CancelledError("fed"))
    await wait([t])
    log("task", t.cancelled())
    try:
        await r.read(1)
    except CancelledError as e:
        log("read", e)


# Feeding.

@shows("ST9")
async def stream_feeding_nothing_wakes_nobody():
    r = StreamReader(limit=1)
    r.set_transport(transport())

    async def reads():
        log("got", await r.read(5))
    t = create_task(reads())
    await sleep(0)
    r.feed_data(b"")
    await sleep(1)
    log("waiting", t.done())
    r.feed_data(b"x")
    await t
    r.feed_eof()
    log("nothing after the end", raised(r.feed_data, b"") is not None)


@shows("ST9")
async def stream_feeding_after_the_end_is_an_error():
    r = StreamReader()
    r.feed_data(b"ab")
    r.feed_eof()
    log("refused", raised(r.feed_data, b"cd") is not None)
    log("kept", await r.read(), r.at_eof())
    log("refused", raised(r.feed_data, b"ef") is not None, r.at_eof())


@shows("ST9")
async def stream_feeding_after_an_error():
    r = StreamReader(limit=1)
    r.set_transport(transport())
    r.set_exception(Err("x"))
    r.feed_data(b"abcd")
    log("fed", r.at_eof(), r.exception())
    r.feed_eof()
    log("ended", r.at_eof())


@shows("ST9")
async def stream_several_feeds_in_one_tick_are_one():
    r = StreamReader()

    async def reads():
        for i in range(3):
            log("got", await r.read(100))
    t = create_task(reads())
    await sleep(0)
    r.feed_data(b"a")
    r.feed_data(b"b")
    await sleep(0)
    r.feed_data(b"c")
    r.feed_eof()
    await t


@shows("ST9")
async def stream_feeding_between_wake_and_read():
    loop = get_running_loop()
    r = StreamReader()

    async def reads():
        log("got", await r.read(3))
        log("got", await r.read(3))
    t = create_task(reads())
    await sleep(0)
    loop.call_soon(r.feed_data, b"behind")
    r.feed_data(b"a")
    await t


@shows("ST9")
async def stream_readers_feed_each_other():
    a = StreamReader()
    b = StreamReader()

    async def passes(label, source, sink):
        while not source.at_eof():
            v = await source.readline()
            log(label, v)
            if v == b"stop\n" or v == b"":
                sink.feed_eof()
                break
            sink.feed_data(v)
    t = create_task(passes("ab", a, b))
    u = create_task(passes("ba", b, a))
    a.feed_data(b"x\n")
    await sleep(0)
    await sleep(0)
    await sleep(0)
    await sleep(0)
    a.feed_data(b"stop\n")
    await gather(t, u)


@shows("ST9")
def stream_fed_outside_of_its_loop():
    loop = new_event_loop()
    r = StreamReader(limit=4, loop=loop)
    r.feed_data(b"ab\ncdefghij")
    log("line", loop.run_until_complete(r.readline()))
    r.feed_data(b"k")
    log("read", loop.run_until_complete(r.read(3)))
    r.feed_eof()
    log("rest", loop.run_until_complete(r.read()), r.at_eof())
    loop.close()


@shows("ST9")
def stream_without_a_loop():
    log("refused", raised(StreamReader) is not None)


@shows("ST9")
async def stream_callback_that_feeds_too_late_is_reported():
    loop = get_running_loop()
    r = StreamReader()
    loop.call_later(1, r.feed_eof)
    loop.call_later(2, lambda: log("refused", raised(r.feed_data, b"x") is not None))
    log("end", await r.read(), now())
    await sleep(3)


@shows("ST7")
async def a_cancelled_read_keeps_its_place_until_it_has_come_back():
    r = StreamReader()

    async def one(label):
        try:
            log("got", label, await r.readline())
        except (RuntimeError, CancelledError) as e:
            log("cut", label, type_name(e))

    a = create_task(one("a"))
    await sleep(1)
    a.cancel()
    await one("at once")
    await sleep(0)
    b = create_task(one("b"))
    await sleep(1)
    r.feed_data(b"line\n")
    await wait([a, b])


@shows("ST7")
async def an_eager_read_after_one_without_time():
    get_running_loop().set_task_factory(eager_task_factory)
    r = StreamReader()

    async def one(label):
        try:
            log("got", label, await wait_for(r.readexactly(3), 0))
        except (RuntimeError, TimeoutError) as e:
            log("cut", label, type_name(e), polls())

    await wait([create_task(one("a")), create_task(one("b"))])
