# T: tasks.

@shows("T1")
async def first_steps_run_in_order():
    async def child(n):
        log("child", n)
        await sleep(n)
        log("slept", n)
        return n
    a = create_task(child(2))
    b = create_task(child(1))
    log("made", a.done(), b.done())
    log("got", await gather(a, b))


@shows("T1")
async def tasks_made_by_tasks():
    async def child(depth, name):
        log("child", name)
        if depth > 0:
            create_task(child(depth - 1, name + "a"))
            create_task(child(depth - 1, name + "b"))
        log("end", name)
    await child(2, "r")
    await sleep(1)


@shows("T2")
async def what_create_task_refuses():
    f = Future()
    f.set_result(1)
    log("number", raised(create_task, 5))
    log("future", raised(create_task, f))
    log("none", raised(create_task, None))
    log("object", raised(create_task, awaitable(lambda: f)))
    log("takes a future", await gather(f), await shield(f), await wait_for(f, 1), await ensure_future(f))


@shows("T3")
async def names():
    async def work():
        return current_task().get_name()
    a = create_task(work(), name="given")
    b = create_task(work())
    c = create_task(work())
    log("given", a.get_name(), contains(b.get_name(), "Task-"), b.get_name() == c.get_name())
    c.set_name("set")
    b.set_name(12)
    log("seen", await a, await b, await c)
    c.set_name(None)
    log("none", type_name(c.get_name()) in ["str", "string"])


@shows("T4")
async def tasks_refuse_results():
    async def work():
        await sleep(1)
        return "own"
    t = create_task(work())
    log("result", raised(t.set_result, 1))
    log("exception", raised(t.set_exception, Err("x")))
    log("own", await t)
    log("result", raised(t.set_result, 1))


@shows("T5")
async def a_task_that_awaits_itself():
    async def work():
        log("start")
        try:
            await current_task()
        except RuntimeError as e:
            log("refused", e)
        await sleep(1)
        return "alive"
    log("got", await create_task(work()))


@shows("T6")
async def a_bad_yield():
    async def work():
        for value in [5, "x"]:
            try:
                await bad_yield(value)
            except RuntimeError as e:
                log("refused", e, contains(message(e), "Task got bad yield"))
        await sleep(1)
        return "alive"
    log("got", await create_task(work()))


@shows("T8")
def interrupts_are_stored_too():
    loop = new_event_loop()

    async def leave(err):
        await sleep(1)
        try:
            raise err
        finally:
            log("cleanup", err)
    for err in [KeyboardInterrupt("k"), SystemExit("s")]:
        t = loop.create_task(leave(err))
        log("until", raised(loop.run_until_complete, t))
        log("stored", t.done(), t.exception(), t.cancelled())
    b = loop.create_task(leave(BaseErr("b")))
    log("base", raised(loop.run_until_complete, b))


@shows("T9")
async def all_tasks_lists_the_unfinished():
    async def work(n):
        await sleep(n)
    me = current_task()
    me.set_name("me")
    tasks = [create_task(work(i), name=f"t{i}") for i in range(3)]
    log("all", [t.get_name() for t in all_tasks()])
    await sleep(0.5)
    log("all", [t.get_name() for t in all_tasks()])
    tasks[2].cancel()
    await sleep(0)
    await sleep(0)
    log("all", [t.get_name() for t in all_tasks()])
    await sleep(3)
    log("all", [t.get_name() for t in all_tasks(get_running_loop())])


@shows("T10")
async def contexts_of_tasks():
    var = ContextVar("var", default="none")
    var.set("main")

    async def child(value):
        log("sees", var.get())
        var.set(value)
        await sleep(1)
        log("keeps", var.get())
    a = create_task(child("a"))
    var.set("later")
    b = create_task(child("b"))
    ctx = copy_context()
    c = create_task(child("c"), context=ctx)
    await wait([a, b, c])
    log("main", var.get(), "given", ctx.run(var.get), c.get_context() is ctx)
    log("own", a.get_context().run(var.get), b.get_context().run(var.get))


@shows("T11", "D1")
async def who_shares_a_context():
    var = ContextVar("var", default=0)

    async def change(v):
        var.set(v)
        return current_task() is me
    me = current_task()
    log("direct", await change(1), var.get())
    log("wait_for", await wait_for(change(2), 5), var.get())
    log("task", await create_task(change(3)), var.get())
    log("gather", await gather(change(4)), var.get())
    log("shield", await shield(change(5)), var.get())
    log("untimed", await wait_for(change(6), None), var.get())


@shows("T12")
async def what_a_task_prints():
    async def work():
        try:
            await sleep(5)
        except CancelledError:
            log("cancelling", contains(t, "cancelling"))
            await sleep(1)
            raise
    t = create_task(work(), name="named")
    log("name", contains(t, "named"), contains(t, "cancelling"))
    await sleep(1)
    log("waits", contains(t, "wait_for"))
    t.cancel()
    await wait([t])
    log("end", contains(t, "cancelled"))


@shows("T13", "T14")
async def an_eager_task_that_finishes():
    async def work(x):
        log("inside", current_task().get_name(), current_task() is outer, len(all_tasks()))
        return x
    outer = current_task()
    t = create_task(work("v"), eager_start=True, name="eager")
    log("made", t.done(), t.result(), t.get_coro(), current_task() is outer)
    log("all", len(all_tasks()), await t)


@shows("T14")
async def an_eager_task_that_suspends():
    async def work(x):
        log("first step", x)
        await sleep(1)
        log("second step", x, current_task().get_name())
        return x
    t = create_task(work("v"), eager_start=True, name="eager")
    log("made", t.done(), [x.get_name() == "eager" for x in all_tasks()])
    u = create_task(work("w"), name="lazy")
    log("lazy made", u.done())
    log("got", await t, await u, t.get_coro() is None)


@shows("T15")
async def eager_tasks_that_fail():
    async def fail(err):
        log("fails", err)
        raise err
    t = create_task(fail(Err("stored")), eager_start=True)
    log("stored", t.done(), t.exception())
    c = create_task(fail(CancelledError("own")), eager_start=True)
    log("cancelled", c.cancelled(), raised(c.result))
    b = create_task(fail(BaseErr("base")), eager_start=True)
    log("base", b.exception())
    k = fail(KeyboardInterrupt("out"))
    try:
        create_task(k, eager_start=True)
        log("never")
    except KeyboardInterrupt as e:
        log("out", e)


@shows("T16")
async def callbacks_and_context_of_an_eager_task():
    var = ContextVar("var", default="main")

    async def work():
        var.set("eager")
        return 1
    t = create_task(work(), eager_start=True)
    t.add_done_callback(lambda x: log("callback", x.result(), var.get()))
    log("made", t.done(), var.get())
    await sleep(0)
    ctx = copy_context()
    u = create_task(work(), eager_start=True, context=ctx)
    log("given", ctx.run(var.get), var.get(), u.done())


@shows("T17")
async def eager_start_false_under_an_eager_factory():
    async def work(x):
        log("work", x)
        return x
    get_running_loop().set_task_factory(eager_task_factory)
    log("factory", get_running_loop().get_task_factory() is eager_task_factory)
    a = create_task(work("eager"))
    b = create_task(work("lazy"), eager_start=False)
    log("made", a.done(), b.done())
    log("got", await b)
    get_running_loop().set_task_factory(None)
    c = create_task(work("plain"))
    log("made", c.done(), get_running_loop().get_task_factory())
    await c


@shows("T17")
def eager_start_without_a_running_loop():
    loop = new_event_loop()

    async def work(x):
        log("work", x)
        return x
    t = loop.create_task(work(1), eager_start=True)
    log("made", t.done())
    loop.set_task_factory(eager_task_factory)
    u = loop.create_task(work(2))
    log("made", u.done())
    log("got", loop.run_until_complete(t), loop.run_until_complete(u))


@shows("T18")
async def gather_of_eager_children():
    async def work(x):
        log("work", x)
        return x
    get_running_loop().set_task_factory(eager_task_factory)
    g = gather(work(1), work(2))
    log("done", g.done(), g.result())
    n = polls()
    log("await", await g, polls() - n)

    async def slow(x):
        await sleep(x)
        return x
    g = gather(work(3), slow(1))
    log("mixed", g.done(), await g)


@shows("T7")
async def an_unreferenced_task_goes_on():
    async def work():
        for i in range(3):
            await sleep(1)
            log("alive", i)

    def make():
        create_task(work())
    collected(make)
    await sleep(2.5)
    collect()
    await sleep(2)
    log("end", reported())


@shows("L27")
async def a_task_factory_of_ones_own():
    loop = get_running_loop()

    async def work(x):
        return x

    def factory(loop, coro):
        log("factory", coro)
        return Task(coro, loop=loop)
    loop.set_task_factory(factory)
    a = create_task(work(1))
    b = loop.create_task(work(2))
    log("got", await gather(a, b, work(3)), loop.get_task_factory() is factory)


@shows("T14")
async def a_custom_eager_constructor():
    async def work(x):
        log("work", x)
        return x
    get_running_loop().set_task_factory(create_eager_task_factory(Task))
    t = create_task(work(1), name="n")
    log("made", t.done(), t.get_name())
    get_running_loop().set_task_factory(None)


@shows("T1", "T14")
async def a_task_made_by_its_class():
    async def work(x):
        log("work", x)
        await sleep(1)
        return x
    t = Task(work(1), loop=get_running_loop(), name="direct")
    log("made", t.done(), t.get_name())
    log("got", await t)
    u = Task(work(2), loop=get_running_loop(), eager_start=True)
    log("eager", u.done(), await u)


@shows("T13")
async def coroutines_of_tasks():
    async def work():
        await sleep(1)
    c = work()
    t = create_task(c)
    log("coro", t.get_coro() is c, t.get_loop() is get_running_loop())
    await t
    log("after", t.get_coro() is c, t.done())


@shows("E6", "C13")
async def results_and_errors_of_tasks():
    async def work(kind):
        await sleep(1)
        if kind == "error":
            raise Err(kind)
        if kind == "cancel":
            raise CancelledError(kind)
        return kind
    tasks = [create_task(work(kind)) for kind in ["value", "error", "cancel"]]
    log("pending", raised(tasks[0].result), raised(tasks[0].exception))
    await wait(tasks)
    log("value", tasks[0].result(), tasks[0].exception())
    log("error", raised(tasks[1].result), tasks[1].exception())
    log("cancel", raised(tasks[2].result), raised(tasks[2].exception), tasks[2].cancelled())


@shows("F5")
async def the_same_task_awaited_by_many():
    async def work():
        await sleep(1)
        return "shared"
    t = create_task(work())

    async def waiter(n):
        v = await t
        log("waiter", n, v)
        return n
    log("all", await gather(*[waiter(i) for i in range(4)]))
    log("again", await t)


@shows("F1", "F4")
async def done_callbacks_of_tasks():
    async def work(err):
        await sleep(1)
        if err:
            raise err
        return "r"

    def cb(t):
        log("callback", t.get_name(), t.cancelled(), None if t.cancelled() else t.exception(), current_task())
    tasks = [create_task(work(None), name="ok"), create_task(work(Err("e")), name="bad"), create_task(work(None), name="cut")]
    for t in tasks:
        t.add_done_callback(cb)
    tasks[2].cancel()
    await sleep(2)
    tasks[0].add_done_callback(cb)
    log("removed", tasks[0].remove_done_callback(cb))
    await sleep(0)


@shows("L19")
async def current_task_follows_the_steps():
    async def work(name):
        log("current", current_task().get_name() == name)
        await sleep(0)
        log("current", current_task().get_name() == name, current_task(get_running_loop()).get_name())
    t = [create_task(work(n), name=n) for n in ["a", "b"]]
    await gather(*t)
    get_running_loop().call_soon(lambda: log("callback", current_task()))
    await sleep(0)


@shows("T14")
async def eager_tasks_inside_eager_tasks():
    async def inner(n):
        log("inner", n, current_task().get_name())
        await sleep(n)
        log("inner end", n)
        return n

    async def outer(n):
        log("outer", n, current_task().get_name())
        t = create_task(inner(n), eager_start=True, name=f"inner{n}")
        log("outer goes on", n, current_task().get_name())
        return await t
    a = create_task(outer(2), eager_start=True, name="outer2")
    b = create_task(outer(1), eager_start=True, name="outer1")
    log("main", a.done(), b.done())
    log("got", await a, await b)


@shows("T14", "C4")
async def an_eager_task_cancelled_at_its_first_wait():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            log("cut", e)
            raise
        finally:
            log("cleanup", current_task().cancelling())
    t = create_task(work(), eager_start=True)
    log("cancel", t.cancel("early"))
    try:
        await t
    except CancelledError as e:
        log("out", e)


@shows("T14", "C10")
async def an_eager_task_that_cancels_itself():
    async def work(suspend):
        current_task().cancel("self")
        log("goes on", current_task().cancelling())
        if suspend:
            await sleep(0)
            log("never")
        return "value"
    a = create_task(work(False), eager_start=True)
    log("no suspension", a.done(), a.cancelled())
    b = create_task(work(True), eager_start=True)
    log("suspension", b.done())
    await wait([a, b])
    log("end", a.cancelled(), b.cancelled(), b.cancelling())


@shows("T1", "IT3")
async def yielding_rounds():
    async def spin(name, n):
        for i in range(n):
            log(name, i)
            await sleep(0)
        return name
    log("got", await gather(spin("a", 3), spin("b", 2), spin("c", 4)))


@shows("IT1")
async def deep_await_chains():
    async def link(n):
        if n == 0:
            await sleep(1)
            return 0
        return 1 + await link(n - 1)
    log("depth", await link(50))

    async def failing(n):
        if n == 0:
            await sleep(1)
            raise Err("bottom")
        try:
            await failing(n - 1)
        finally:
            if n % 10 == 0:
                log("unwinding", n)
    try:
        await failing(40)
    except Err as e:
        log("out", e)


@shows("E6", "D1")
async def errors_keep_their_identity():
    e = Err("one object")

    async def fail():
        raise e
    t = create_task(fail())
    try:
        await t
    except Err as got:
        log("task", got is e, t.exception() is e)
    try:
        await gather(fail())
    except Err as got:
        log("gather", got is e)
    try:
        await shield(fail())
    except Err as got:
        log("shield", got is e)
    try:
        await wait_for(fail(), 3)
    except Err as got:
        log("wait_for", got is e)


@shows("C7")
async def awaiting_in_finally():
    async def work(err):
        try:
            log("body")
            await sleep(1)
            if err:
                raise err
            return "value"
        except Err as e:
            await sleep(1)
            log("handled", e)
            return "handled"
        finally:
            await sleep(1)
            log("finally")
    log("got", await create_task(work(None)))
    log("got", await create_task(work(Err("x"))))
    t = create_task(work(Err2("y")))
    await wait([t])
    log("got", t.exception())


@shows("T14", "T15")
async def a_task_goes_on_after_its_eager_child_ended():
    async def child(err):
        if err:
            raise err
        return "child"

    async def parent(err, again):
        await sleep(1)
        t = create_task(child(err), eager_start=True)
        if again:
            await sleep(1)
        log("child", t.done(), state(t))
        return "parent"
    for err in [None, Err("x"), CancelledError("c")]:
        for again in [False, True]:
            t = create_task(parent(err, again))
            await wait([t])
            log("parent", t.cancelled(), state(t))
