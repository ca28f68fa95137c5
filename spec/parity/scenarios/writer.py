# ST11 to ST13: writers and the protocol of streams, over a transport that only tells what is asked of it.


@shows("ST11")
async def drain_below_the_mark_does_not_suspend():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    w.write(b"a")
    before = polls()
    log("drained", await w.drain(), await w.drain(), polls() - before)


@shows("ST11")
async def several_tasks_drain_at_once():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())

    async def one(label):
        log("drains", label)
        log("drained", label, await w.drain())

    p.pause_writing()
    ts = [create_task(one(label)) for label in ["a", "b", "c"]]
    await sleep(1)
    log("waiting", [state(t) for t in ts])
    p.resume_writing()
    log("resumed", [state(t) for t in ts])
    await wait(ts)
    log("at once", await w.drain())


@shows("ST11")
async def a_drain_that_is_cancelled_leaves_the_others():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.pause_writing()
    ts = [create_task(w.drain()) for i in range(3)]
    await sleep(1)
    ts[1].cancel("m")
    await sleep(1)
    log("cut", [state(t) for t in ts])
    p.resume_writing()
    ts[0].cancel("late")
    await sleep(1)
    log("then", [state(t) for t in ts], ts[0].cancelled())


@shows("ST11")
async def a_pause_right_after_the_resumption_stops_newcomers_only():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.pause_writing()
    a = create_task(w.drain())
    await sleep(1)
    p.resume_writing()
    p.pause_writing()
    b = create_task(w.drain())
    await sleep(1)
    log("then", state(a), a.done(), b.done())
    p.resume_writing()
    await b
    log("end")


@shows("ST12")
async def drain_raises_the_readers_exception_first():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    t = transport()
    w = StreamWriter(t, p, r, get_running_loop())
    r.set_exception(Err("reading"))
    t.close()
    p.connection_lost(None)
    before = polls()
    try:
        await w.drain()
    except Err as e:
        log("drain", e, polls() - before, r.exception() is e)


@shows("ST12")
async def drain_of_a_closing_transport_yields_once():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    t = transport()
    w = StreamWriter(t, p, r, get_running_loop())
    w.close()
    log("closing", w.is_closing())
    before = polls()
    log("drained", await w.drain(), polls() - before)
    get_running_loop().call_soon(p.connection_lost, None)
    before = polls()
    try:
        await w.drain()
    except ConnectionResetError as e:
        log("lost", e, polls() - before)
    before = polls()
    try:
        await w.drain()
    except ConnectionResetError as e:
        log("again", e, polls() - before)


@shows("ST12")
async def drain_of_a_lost_connection_raises_at_once():
    p = StreamReaderProtocol(None)
    w = StreamWriter(transport(), p, None, get_running_loop())
    p.connection_lost(Err("why"))
    before = polls()
    try:
        await w.drain()
    except ConnectionResetError as e:
        log("lost", e, polls() - before)


@shows("ST12")
async def a_waiting_drain_returns_when_the_connection_ends_cleanly():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.pause_writing()
    a = create_task(w.drain())
    await sleep(1)
    p.connection_lost(None)
    await wait([a])
    log("then", state(a), r.at_eof())
    log("data", await r.read())
    try:
        await w.drain()
    except ConnectionResetError as e:
        log("next", e)


@shows("ST12")
async def a_waiting_drain_gets_the_error_of_the_connection():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.pause_writing()
    ts = [create_task(w.drain()) for i in range(2)]
    await sleep(1)
    p.connection_lost(Err("reset"))
    await wait(ts)
    log("then", [state(t) for t in ts], r.exception())
    try:
        await w.drain()
    except Err as e:
        log("next", e)


@shows("ST13")
async def wait_closed_again_and_again():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    w.close()
    ts = [create_task(w.wait_closed()) for i in range(2)]
    await sleep(1)
    log("open", [state(t) for t in ts])
    p.connection_lost(None)
    await wait(ts)
    before = polls()
    log("closed", await w.wait_closed(), await w.wait_closed(), polls() - before)


@shows("ST13")
async def wait_closed_raises_the_error_of_the_connection():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    a = create_task(w.wait_closed())
    await sleep(1)
    p.connection_lost(Err("reset"))
    await wait([a])
    log("first", a.exception())
    for i in range(2):
        try:
            await w.wait_closed()
        except Err as e:
            log("again", e, a.exception() is e)


@shows("ST13", "C5")
async def a_cancelled_wait_closed_ends_the_others():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    ts = [create_task(w.wait_closed()) for i in range(3)]
    await sleep(1)
    ts[1].cancel("m")
    await wait(ts)
    log("then", [state(t) for t in ts], [t.cancelling() for t in ts])
    p.connection_lost(Err("late"))
    try:
        await w.wait_closed()
    except (CancelledError, Err) as e:
        log("after", e)


@shows("ST13")
async def a_shielded_wait_closed_leaves_the_others():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    a = create_task(w.wait_closed())
    try:
        await wait_for(shield(w.wait_closed()), 1)
    except TimeoutError as e:
        log("late", e)
    p.connection_lost(None)
    await wait([a])
    log("then", state(a))


@shows("ST12", "ST13")
async def a_connection_lost_before_anybody_asks():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.data_received(b"left")
    p.connection_lost(None)
    log("closed", await w.wait_closed())
    log("left", await r.read(), r.at_eof())


@shows("ST10")
async def the_protocol_feeds_its_reader():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    t = transport()
    p.connection_made(t)
    p.data_received(b"one\ntw")
    log("line", await r.readline())
    log("stays open", p.eof_received())
    log("rest", await r.readline(), r.at_eof())
    p.connection_lost(None)
    log("end", await r.read())


@shows("ST1")
async def the_protocol_hands_its_transport_to_the_reader():
    r = StreamReader(limit=2)
    p = StreamReaderProtocol(r)
    p.connection_made(transport())
    p.data_received(b"abcdef")
    log("got", await r.readexactly(3), await r.readexactly(2))
    p.data_received(b"x")
    log("got", await r.read(9))


@shows("E1")
async def a_handler_of_a_connection_that_fails():
    async def handler(r, w):
        log("handler", await r.readline())
        w.write(b"answer")
        raise Err("in the handler")

    r = StreamReader()
    p = StreamReaderProtocol(r, handler)
    t = transport()
    p.connection_made(t)
    await sleep(1)
    p.data_received(b"question\n")
    await sleep(1)
    log("then", t.is_closing())


@shows("ST13")
async def a_handler_of_a_connection_that_returns_leaves_it_open():
    kept = []

    async def handler(r, w):
        kept.append(w)
        log("line", await r.readline())

    r = StreamReader()
    p = StreamReaderProtocol(r, handler)
    t = transport()
    p.connection_made(t)
    p.data_received(b"question\n")
    await sleep(1)
    log("then", t.is_closing())
    kept[0].close()
    p.connection_lost(None)
    log("closed", await kept[0].wait_closed())


@shows("C3")
async def a_handler_of_a_connection_that_is_cancelled():
    async def handler(r, w):
        log("line", await r.readline())

    r = StreamReader()
    p = StreamReaderProtocol(r, handler)
    t = transport()
    p.connection_made(t)
    await sleep(1)
    for task in all_tasks():
        if task is not current_task():
            task.cancel("m")
    await sleep(1)
    log("then", t.is_closing())


@shows("ST12")
async def drain_under_a_time_limit():
    r = StreamReader()
    p = StreamReaderProtocol(r)
    w = StreamWriter(transport(), p, r, get_running_loop())
    p.pause_writing()
    get_running_loop().call_later(3, p.resume_writing)
    for i in range(4):
        try:
            log("drained", await wait_for(w.drain(), 1))
        except TimeoutError as e:
            log("late", e)


@shows("ST12")
async def a_writer_asks_its_transport():
    w = StreamWriter(transport(), StreamReaderProtocol(None), None, get_running_loop())
    w.write(b"a")
    w.writelines([b"b", b"c"])
    log("eof", w.can_write_eof())
    w.write_eof()
    log("info", w.get_extra_info("peername"), w.get_extra_info("other", 5))
    log("closing", w.is_closing(), w.close(), w.is_closing())
