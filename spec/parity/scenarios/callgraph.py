# TH14 to TH16: the call graph. `graph` and `graph_text` show what both sides have: coroutines, no plain functions, no places; what
# stands in CPython's set is sorted. A limit counts plain functions too, so only 0 can be compared. Not here: that CPython goes on to
# say that a task awaits what wait() has left pending, or what a shield was cancelled for.


@shows("TH14")
def graph_outside_of_a_loop():
    log("capture", raised(capture_call_graph))
    log("format", raised(format_call_graph))
    log("no future", raised(capture_call_graph, 42))


@shows("TH14")
async def graph_of_what_is_no_future():
    log("number", raised(capture_call_graph, 42))
    log("text", raised(format_call_graph, "task"))
    log("loop", raised(capture_call_graph, get_running_loop()))


@shows("TH14")
async def graph_in_a_callback():
    def callback():
        log("capture", capture_call_graph())
        log("format", format_call_graph())

    get_running_loop().call_soon(callback)
    await sleep(0)
    await sleep(0)


@shows("TH14")
def graph_of_a_future_outside_of_a_loop():
    loop = new_event_loop()
    f = loop.create_future()
    log("graph", graph(f))
    log("text", graph_text(f))
    loop.close()


@shows("TH15")
async def graph_of_the_current_task():
    current_task().set_name("M")

    async def inner():
        log("graph", graph())
        log("same", graph(current_task()))

    async def outer():
        await inner()

    await create_task(outer(), name="T")


@shows("TH15")
async def graph_of_a_task_that_awaits_nested_coroutines():
    async def inner():
        await sleep(1)

    async def middle():
        await inner()

    async def outer():
        await middle()

    t = create_task(outer(), name="T")
    log("new", graph(t))
    await sleep(0.5)
    log("waiting", graph(t))
    await t
    log("done", graph(t)[2])


@shows("TH15")
async def graph_of_a_chain_of_tasks():
    current_task().set_name("M")

    async def child():
        await sleep(1)
        log("now", graph())

    async def parent(t):
        await t

    a = create_task(child(), name="A")
    b = create_task(parent(a), name="B")
    c = create_task(parent(b), name="C")
    await sleep(0.5)
    log("A", graph(a))
    log("B", graph(b))
    log("C", graph(c))
    await c
    log("over", graph(a)[2], graph(b)[2], graph(c)[2])


@shows("TH15")
async def graph_of_a_future_with_several_waiters():
    f = get_running_loop().create_future()

    async def waiter():
        await f

    tasks = [create_task(waiter(), name=f"W{i}") for i in [1, 2, 3]]
    await sleep(0)
    log("all", graph(f))
    tasks[1].cancel()
    await sleep(1)
    log("two", graph(f))
    f.set_result(1)
    await sleep(1)
    log("none", graph(f))


@shows("TH15")
async def graph_of_gathered_tasks():
    async def child():
        await sleep(1)

    async def parent(a, b):
        await gather(a, b)

    a = create_task(child(), name="A")
    b = create_task(child(), name="B")
    p = create_task(parent(a, b), name="P")
    await sleep(0)
    await sleep(0)
    log("A", graph(a))
    log("B", graph(b))
    await p
    log("over", graph(a)[2])


@shows("TH15")
async def graph_of_a_gather_that_nobody_awaits_yet():
    async def child():
        await sleep(1)

    async def other(g):
        await g

    a = create_task(child(), name="A")
    current_task().set_name("M")
    g = gather(a, sleep(2))
    log("gather", graph(g), graph(a)[2])
    t = create_task(other(g), name="T")
    await sleep(0.5)
    log("awaited by another", graph(g), graph(a)[2])
    await t
    log("over", graph(g)[2], graph(a)[2])


@shows("TH15")
async def graph_of_gathers_of_gathers():
    async def child():
        await sleep(1)

    async def parent(a):
        await gather(gather(a), sleep(2))

    a = create_task(child(), name="A")
    p = create_task(parent(a), name="P")
    await sleep(0.5)
    log("A", graph(a))
    await p


@shows("TH15")
async def graph_of_a_gather_made_outside_of_a_task():
    made = []
    f = get_running_loop().create_future()

    def callback():
        made.append(gather(f))

    get_running_loop().call_soon(callback)
    await sleep(0)
    await sleep(0)
    log("nobody", graph(f)[2])
    f.set_result(1)
    log(await made[0])


@shows("TH15")
async def graph_of_what_is_shielded():
    async def child():
        await sleep(1)

    async def parent(t):
        await shield(t)

    a = create_task(child(), name="A")
    p = create_task(parent(a), name="P")
    await sleep(0.5)
    log("A", graph(a))
    await p
    log("over", graph(a)[2])


@shows("TH15")
async def graph_of_a_shield_that_another_awaits():
    async def child():
        await sleep(1)

    async def other(f):
        await f

    current_task().set_name("M")
    a = create_task(child(), name="A")
    s = shield(a)
    t = create_task(other(s), name="T")
    await sleep(0.5)
    log("inner", graph(a)[2])
    log("outer", graph(s))
    await t


@shows("TH15")
async def graph_of_what_wait_waits_for():
    async def child(delay):
        await sleep(delay)

    async def parent(tasks):
        await wait(tasks)

    a = create_task(child(1), name="A")
    b = create_task(child(2), name="B")
    p = create_task(parent([a, b]), name="P")
    await sleep(0.5)
    log("A", graph(a)[2])
    log("B", graph(b)[2])
    await sleep(1)
    log("A", graph(a)[2])
    log("B", graph(b)[2])
    await p


@shows("TH15")
async def graph_of_a_group():
    async def child(delay):
        await sleep(delay)

    children = []

    async def parent():
        async with TaskGroup() as tg:
            children.append(tg.create_task(child(1), name="A"))
            children.append(tg.create_task(child(3), name="B"))
            await sleep(2)

    p = create_task(parent(), name="P")
    await sleep(0.5)
    log("in the body", graph(children[0]), graph(children[1]))
    await sleep(2)
    log("at the end", graph(children[0])[2], graph(children[1])[2])
    await p
    log("over", graph(children[1])[2])


@shows("TH15")
async def graph_through_wait_for_and_timeout():
    async def child():
        await sleep(1)

    async def with_limit(t):
        await wait_for(t, 5)

    async def with_scope(t):
        async with timeout(5):
            await t

    a = create_task(child(), name="A")
    p = create_task(with_limit(a), name="P")
    q = create_task(with_scope(a), name="Q")
    await sleep(0.5)
    log("A", graph(a))
    await q
    await p
    log("over", graph(a)[2])


@shows("TH15")
async def graph_of_what_is_awaited_as_completed():
    async def child():
        await sleep(1)

    async def parent(t):
        async for done in as_completed([t]):
            log("done", await done)

    a = create_task(child(), name="A")
    p = create_task(parent(a), name="P")
    await sleep(0.5)
    log("nobody", graph(a)[2])
    await p


@shows("TH15")
async def graph_without_stacks():
    current_task().set_name("M")

    async def child():
        await sleep(1)
        log("now", graph(limit=0))

    async def parent(t):
        await t

    a = create_task(child(), name="A")
    b = create_task(parent(a), name="B")
    await sleep(0.5)
    log("A", graph(a, limit=0))
    await b


@shows("TH15")
async def graph_of_what_was_added():
    loop = get_running_loop()
    f = loop.create_future()
    g = loop.create_future()

    async def other():
        await sleep(1)

    t = create_task(other(), name="T")
    await sleep(0)
    future_add_to_awaited_by(f, t)
    future_add_to_awaited_by(f, g)
    future_add_to_awaited_by(f, g)
    log("added", graph(f))
    future_discard_from_awaited_by(f, g)
    log("one", graph(f))
    future_discard_from_awaited_by(f, g)
    future_discard_from_awaited_by(f, t)
    log("none", graph(f))
    log("others", future_add_to_awaited_by(f, 1), future_add_to_awaited_by("f", t), future_discard_from_awaited_by(1, 2))
    await t


@shows("TH16")
async def graph_as_text():
    async def inner():
        await sleep(1)

    async def child():
        await inner()

    async def parent(t):
        await t

    async def grandparent(t):
        await gather(t)

    a = create_task(child(), name="A")
    b = create_task(parent(a), name="B with a space")
    c = create_task(grandparent(b), name="C")
    await sleep(0.5)
    log("A", graph_text(a))
    log("B", graph_text(b))
    log("without stacks", graph_text(a, limit=0))
    await c


@shows("TH16")
async def graph_of_the_current_task_as_text():
    current_task().set_name("M")

    async def inner():
        log("now", graph_text())

    async def child():
        await sleep(1)
        await inner()

    async def parent(t):
        await t

    a = create_task(child(), name="A")
    b = create_task(parent(a), name="B")
    await b


@shows("TH16")
async def graph_of_a_future_as_text():
    f = get_running_loop().create_future()
    log("alone", graph_text(f))

    async def waiter():
        await f

    t = create_task(waiter(), name="T")
    await sleep(0)
    log("awaited", graph_text(f))
    f.set_result(1)
    await t
    log("done", graph_text(f))
