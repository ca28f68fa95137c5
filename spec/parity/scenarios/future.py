# F: futures.

@shows("F1")
async def callbacks_never_run_inside_a_call():
    f = Future()
    f.add_done_callback(lambda x: log("one", x.result()))
    f.add_done_callback(lambda x: log("two"))
    f.set_result("r")
    log("set_result returned")
    await sleep(0)
    g = Future()
    g.add_done_callback(lambda x: log("failed", x.exception()))
    g.set_exception(Err("e"))
    log("set_exception returned")
    await sleep(0)
    h = Future()
    h.add_done_callback(lambda x: log("cancelled", x.cancelled()))
    log("cancel", h.cancel())
    await sleep(0)


@shows("F2")
async def a_callback_added_to_a_done_future():
    f = Future()
    f.set_result(1)
    f.add_done_callback(lambda x: log("callback", x.result()))
    get_running_loop().call_soon(log, "behind")
    log("added")
    await sleep(0)
    log("end")


@shows("F3")
async def removing_queued_callbacks():
    f = Future()

    def cb(x):
        log("cb", x.done())
    f.add_done_callback(cb)
    f.add_done_callback(cb)
    f.set_result(0)
    log("removed", f.remove_done_callback(cb))
    await sleep(0)
    log("removed", f.remove_done_callback(cb))


@shows("F4")
async def removing_callbacks():
    f = Future()

    def a(x):
        log("a")

    def b(x):
        log("b")
    f.add_done_callback(a)
    f.add_done_callback(b)
    f.add_done_callback(a)
    f.add_done_callback(a)
    log("removed", f.remove_done_callback(a), f.remove_done_callback(a), f.remove_done_callback(log))
    f.set_result(None)
    await sleep(1)
    log("end", f.result())


@shows("F5")
async def callbacks_and_waiters_in_order():
    f = Future()

    async def waiter(n):
        log("waits", n)
        v = await f
        log("resumed", n, v)
    f.add_done_callback(lambda x: log("first callback"))
    tasks = [create_task(waiter(i)) for i in range(3)]
    await sleep(0)
    f.add_done_callback(lambda x: log("last callback"))
    f.set_result("v")
    log("set")
    await gather(*tasks)


@shows("F6")
async def wrong_states():
    f = Future()
    log("result", raised(f.result))
    log("exception", raised(f.exception))
    f.set_result(1)
    log("twice", raised(f.set_result, 2))
    log("exception", raised(f.set_exception, Err("x")))
    log("cancel", f.cancel(), f.result(), f.cancelled(), f.done())
    g = Future()
    log("cancel", g.cancel("why"), g.cancel())
    log("twice", raised(g.set_result, 2), raised(g.set_exception, Err("x")))
    log("result", raised(g.result), raised(g.exception))
    h = Future()
    h.set_exception(Err("h"))
    log("twice", raised(h.set_result, 2), raised(h.set_exception, Err("x")))
    log("cancel", h.cancel(), h.exception(), raised(h.result))


@shows("F7")
async def what_set_exception_takes():
    f = Future()
    f.set_exception(Err)
    log("class", f.exception())
    g = Future()
    g.set_exception(TimeoutError)
    log("timeout", g.exception())
    k = Future()
    e = Err("same")
    k.set_exception(e)
    log("same", k.exception() is e, raised(k.result) is e)
    try:
        await k
    except Err as x:
        log("awaited", x is e)


@shows("F8")
async def a_future_failed_with_cancelled_error():
    f = Future()
    f.set_exception(CancelledError("c"))
    log("state", f.done(), f.cancelled())
    try:
        await f
    except CancelledError as e:
        log("await", e)
    log("count", current_task().cancelling())

    async def waiter():
        await f
    t = create_task(waiter())
    await wait([t])
    log("task", t.cancelled(), t.cancelling())


@shows("F9")
async def a_cancelled_future_keeps_its_message():
    f = Future()
    f.cancel("message")
    errors = []
    for i in range(3):
        try:
            await f
        except CancelledError as e:
            errors.append(e)
            log("await", i, e)
    log("fresh", errors[0] is errors[1], raised(f.result), raised(f.exception))
    g = Future()
    g.cancel()
    log("none", raised(g.result))


@shows("F10")
async def callbacks_run_in_the_context_they_were_added_in():
    var = ContextVar("var", default="d")
    f = Future()
    var.set("one")
    f.add_done_callback(lambda x: log("first", var.get()))
    var.set("two")
    f.add_done_callback(lambda x: log("second", var.get()))
    ctx = copy_context()
    ctx.run(var.set, "own")
    f.add_done_callback(lambda x: log("third", var.get()), context=ctx)
    var.set("three")
    f.set_result(0)
    await sleep(0)
    log("main", var.get())


@shows("F11")
def futures_of_another_loop():
    a = new_event_loop()
    b = new_event_loop()
    f = a.create_future()

    async def waiter():
        try:
            await f
        except RuntimeError as e:
            log("await", e)
        log("ensure", raised(ensure_future, f, loop=b))
        g = get_running_loop().create_future()
        g.set_result(1)
        log("gather", raised(gather, f, g))
        log("same", await ensure_future(g))
    b.run_until_complete(waiter())
    log("loops", f.get_loop() is a)


@shows("F12")
async def ensure_future_of_each_kind():
    f = Future()
    f.set_result("future")
    log("future", ensure_future(f) is f)

    async def work(x):
        log("work", x)
        return x
    t = ensure_future(work("coroutine"))
    log("task", t, ensure_future(t) is t, await t)
    w = ensure_future(awaitable(lambda: work("object")))
    log("object", w, await w)
    log("number", raised(ensure_future, 5))
    log("string", raised(ensure_future, "x"))


@shows("F12")
async def awaiting_an_object():
    async def work(x):
        log("work", x, current_task() is me)
        await sleep(x)
        return x
    me = current_task()
    log("got", await awaitable(lambda: work(1)))
    log("again", await awaitable(lambda: work(0)))


@shows("F12", "T2")
async def objects_among_the_awaitables():
    async def later(x):
        log("later", x)
        await sleep(x)
        return x
    log("gather", await gather(awaitable(lambda: later(2)), awaitable(lambda: later(1))))
    log("shield", await shield(awaitable(lambda: later(1))))
    log("wait_for", await wait_for(awaitable(lambda: later(1)), 3))
    log("late", await gather(wait_for(awaitable(lambda: later(3)), 1), return_exceptions=True))


@shows("F5", "IT5")
async def a_future_completed_by_a_timer():
    loop = get_running_loop()
    f = loop.create_future()
    loop.call_later(2, f.set_result, "timer")
    log("pending", f.done(), f.cancelled())
    log("got", await f, f.done())
    g = loop.create_future()
    loop.call_later(1, g.set_exception, Err("timer"))
    try:
        await g
    except Err as e:
        log("failed", e)
    h = loop.create_future()
    loop.call_later(1, h.cancel, "timer")
    try:
        await h
    except CancelledError as e:
        log("cancelled", e, current_task().cancelling())


@shows("F6")
async def results_of_many_kinds():
    for value in [None, True, False, 0, 1.5, "text", [1, [2]], Err("an error as a value")]:
        f = Future()
        f.set_result(value)
        log("value", f.result(), await f)


@shows("F1")
async def setting_results_from_callbacks_of_others():
    a = Future()
    b = Future()
    c = Future()
    a.add_done_callback(lambda f: b.set_result(f.result() + 1))
    b.add_done_callback(lambda f: c.set_result(f.result() + 1))
    c.add_done_callback(lambda f: log("c", f.result()))
    a.set_result(1)
    log("c done", c.done())
    n = polls()
    log("await", await c, polls() - n)


@shows("F5")
async def many_waiters_one_failure():
    f = Future()

    async def waiter(n):
        try:
            await f
        except Err as e:
            log("caught", n, e)
            return e
    tasks = [create_task(waiter(i)) for i in range(4)]
    await sleep(0)
    f.set_exception(Err("shared"))
    got = await gather(*tasks)
    log("same object", got[0] is got[3])


@shows("C4", "F5")
async def one_waiter_of_many_is_cancelled():
    f = Future()

    async def waiter(n):
        try:
            log("got", n, await f)
        except CancelledError as e:
            log("cut", n, e)
            raise
    tasks = [create_task(waiter(i)) for i in range(3)]
    await sleep(1)
    tasks[1].cancel("one")
    await sleep(1)
    log("future", f.cancelled(), [t.done() for t in tasks])
    await wait(tasks)
    log("all", [t.cancelled() for t in tasks])


@shows("F12")
async def kinds_of_futures():
    async def work():
        pass
    f = Future()
    t = create_task(work())
    c = work()
    g = gather()
    log("isfuture", isfuture(f), isfuture(t), isfuture(c), isfuture(g), isfuture(5), isfuture(None))
    log("iscoroutine", iscoroutine(f), iscoroutine(t), iscoroutine(c), iscoroutine(work))
    log("iscoroutinefunction", iscoroutinefunction(work), iscoroutinefunction(log), iscoroutinefunction(c))
    log("isinstance", isinstance(t, Future), isinstance(f, Task), isinstance(t, Task))
    log("loop", f.get_loop() is get_running_loop(), t.get_loop() is get_running_loop())
    c.close()
    await t


@shows("F2")
async def a_callback_adds_callbacks():
    f = Future()

    def outer(x):
        log("outer")
        f.add_done_callback(inner)
        get_running_loop().call_soon(log, "soon")

    def inner(x):
        log("inner")
    f.add_done_callback(outer)
    f.set_result(0)
    await sleep(0)
    log("between")
    await sleep(0)


@shows("C14")
async def cancelling_a_future_under_a_task():
    f = Future()

    async def waiter():
        try:
            await f
        finally:
            log("cleanup", current_task().cancelling())
    t = create_task(waiter())
    await sleep(0)
    log("cancel", f.cancel("from below"))
    try:
        await t
    except CancelledError as e:
        log("task", e, t.cancelled(), t.cancelling())


@shows("TH13")
async def coroutine_objects_by_hand():
    async def work(x):
        log("work", x)
        return x * 2
    c = work(4)
    log("kind", c, iscoroutine(c))
    raised(c.send, None)
    log("sent")
    d = work(5)
    d.close()
    try:
        await d
    except RuntimeError as e:
        log("closed", e)
    e = work(6)
    log("first", await e)
    try:
        await e
    except RuntimeError as err:
        log("second", err, contains(message(err), "already awaited"))


@shows("TH13")
async def throwing_into_a_coroutine():
    async def work():
        try:
            log("never")
        finally:
            log("never either")
    c = work()
    try:
        c.throw(Err("thrown"))
    except Err as e:
        log("out", e)
    try:
        await c
    except RuntimeError as e:
        log("again", e)
