# TH14 to TH16: who awaits whom. Frames are the programs' own on either side: stacks are left out by a limit of 0.


@shows("TH14")
def call_graph_outside_of_a_loop():
    err = raised(capture_call_graph)
    log("none", type_name(err))
    for value in [1, "task"]:
        log("refused", type_name(raised(capture_call_graph, value)))
    loop = new_event_loop()
    f = Future(loop=loop)
    g = capture_call_graph(f)
    log("future", g.future is f, len(g.call_stack), len(g.awaited_by))


@shows("TH14")
async def call_graph_of_a_callback_is_none():
    def callback():
        log("none", capture_call_graph(), format_call_graph() == "")
    get_running_loop().call_soon(callback)
    await sleep(0)
    t = current_task()
    log("own", capture_call_graph().future is t, capture_call_graph(t).future is t, len(capture_call_graph(limit=0).call_stack))


@shows("TH15")
async def call_graph_of_every_way_to_await():
    def links(g):
        return [g.future.get_name() if isinstance(g.future, Task) else "future", [links(x) for x in g.awaited_by]]

    f = Future()

    async def work():
        await f

    async def awaits(t):
        await t

    async def gathers(t):
        await gather(t, sleep(9))

    async def waits(t):
        await wait([t], timeout=9)

    async def shields(t):
        await shield(t)

    async def times(t):
        await wait_for(t, 9)

    async def groups(t):
        async with TaskGroup() as tg:
            tg.create_task(awaits(t), name="child")

    async def scoped(t):
        async with timeout(9):
            await t

    ts = []
    for way in [awaits, gathers, waits, shields, times, groups, scoped]:
        t = create_task(work(), name="inner")
        create_task(awaits(create_task(way(t), name="way")), name="outer")
        ts.append(t)
    await sleep(1)
    for t in ts:
        log("links", links(capture_call_graph(t, limit=0)))
    log("future", len(capture_call_graph(f, limit=0).awaited_by))
    f.set_result(None)
    await sleep(1)
    for t in ts:
        log("later", links(capture_call_graph(t, limit=0)))


@shows("TH15")
async def call_graph_of_a_task_that_was_cancelled():
    def links(g):
        return [g.future.get_name(), [links(x) for x in g.awaited_by]]

    async def slow():
        try:
            await sleep(9)
        finally:
            await sleep(1)

    async def outer():
        await shield(inner)

    inner = create_task(slow(), name="inner")
    t = create_task(outer(), name="outer")
    await sleep(1)
    log("before", links(capture_call_graph(inner, limit=0)))
    t.cancel()
    await sleep(1)
    inner.cancel()
    await wait([inner])
    log("end", links(capture_call_graph(inner, limit=0)))


@shows("TH15")
async def call_graph_added_by_hand():
    async def one():
        await sleep(5)

    a = create_task(one(), name="a")
    b = create_task(one(), name="b")
    future_add_to_awaited_by(a, b)
    future_add_to_awaited_by(a, b)
    log("added", [x.future.get_name() for x in capture_call_graph(a, limit=0).awaited_by])
    future_discard_from_awaited_by(a, b)
    future_discard_from_awaited_by(a, b)
    log("discarded", len(capture_call_graph(a, limit=0).awaited_by))


@shows("TH16")
async def call_graph_as_a_text():
    f = Future()

    async def work():
        await f

    async def middle(t):
        async with TaskGroup() as tg:
            tg.create_task(outer(t), name="child")

    async def outer(t):
        await t

    t = create_task(work(), name="inner")
    create_task(middle(t), name="middle")
    await sleep(1)
    for line in lines_of(format_call_graph(t, limit=0)):
        log("line", line)
    for line in lines_of(format_call_graph(f, limit=0)):
        log("of the future", line)
    for line in lines_of(format_call_graph(limit=0)):
        log("own", contains(line, "* Task(name='"))
    f.set_result(1)
