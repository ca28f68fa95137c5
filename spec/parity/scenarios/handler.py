# E: the exception handler.

@shows("E1")
def callback_failure_context():
    loop = new_event_loop()

    def handler(loop, context):
        keys = [k for k in ["message", "exception", "handle", "task", "future"] if context.get(k) is not None]
        log("context", keys, context.get("exception"), contains(context.get("message"), "callback"))
    loop.set_exception_handler(handler)

    def fail():
        raise Err("boom")
    loop.call_soon(fail)
    loop.call_later(1, loop.stop)
    loop.run_forever()
    log("handler", loop.get_exception_handler() is handler)


@shows("E2")
def a_handler_that_fails():
    loop = new_event_loop()

    def handler(loop, context):
        log("handler", context.get("message"))
        raise Err2("in the handler")
    loop.set_exception_handler(handler)

    def start():
        log("logs", logged(loop.call_exception_handler, {"message": "first"})[0])
        loop.call_soon(loop.stop)
    loop.call_soon(start)
    loop.call_soon(log, "goes on")
    loop.run_forever()


@shows("E2")
def a_handler_that_interrupts():
    loop = new_event_loop()

    def handler(loop, context):
        raise KeyboardInterrupt("h")
    loop.set_exception_handler(handler)

    def fail():
        raise Err("x")
    loop.call_soon(fail)
    loop.call_soon(log, "kept")
    log("out", raised(loop.run_forever))
    log("called", raised(loop.call_exception_handler, {"message": "m"}))
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("E3")
def what_the_default_handler_prints():
    loop = new_event_loop()
    log("no message", logged(loop.default_exception_handler, {}))
    log("keys", logged(loop.default_exception_handler, {"message": "the message", "zeta": 1, "alpha": 2, "middle": 3}))
    log("other", logged(loop.default_exception_handler, {"message": "other"}))


@shows("E5", "E6")
async def failures_nobody_reads():
    f = Future()
    f.set_exception(Err("future"))

    async def fail():
        raise Err("task")
    t = create_task(fail())
    f2 = Future()
    f2.add_done_callback(lambda fut: log("callback", fut.done()))
    f2.set_exception(Err2("only a callback"))
    await sleep(1)
    log("end", f.done(), t.done())


@shows("E6")
async def failures_that_were_read():
    a = Future()
    a.set_exception(Err("result"))
    log("result", raised(a.result))
    b = Future()
    b.set_exception(Err("exception"))
    log("exception", b.exception())
    c = Future()
    c.set_exception(Err("await"))
    try:
        await c
    except Err as e:
        log("await", e)

    async def fail():
        raise Err("task")
    t = create_task(fail())
    done, pending = await wait([t])
    log("wait reads nothing", done, pending)
    u = create_task(fail())
    await sleep(1)
    log("exception", u.exception())


@shows("E7")
async def cancel_silences_a_failure():
    f = Future()
    f.set_exception(Err("silenced"))
    log("future", f.cancel())

    async def fail():
        raise Err("silenced too")
    t = create_task(fail())
    u = create_task(fail())
    await sleep(1)
    log("task", t.cancel(), t.cancelled(), u.done())


@shows("E6", "E7", "C11")
async def a_failure_that_arrives_at_a_cancelled_waiter():
    async def waiter(f):
        await f
    f = Future()
    t = create_task(waiter(f))
    await sleep(0)
    f.set_exception(Err("future"))
    log("cancel", t.cancel())
    await wait([t])

    async def fail():
        raise Err("child")
    for lag in range(5):
        tasks = [create_task(waiter(gather(fail()))), create_task(waiter(create_task(fail()))), create_task(waiter(shield(fail())))]
        for i in range(lag):
            await sleep(0)
        log("cancel", lag, [t.cancel() for t in tasks])
        await wait(tasks)
        log("end", lag, [state(t) for t in tasks])


@shows("E5")
def a_failure_is_reported_when_its_future_is_collected():
    loop = new_event_loop()

    def make():
        f = loop.create_future()
        f.set_exception(Err("dropped"))
    collected(make)
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("reported", reported())


@shows("E8", "E5")
async def tasks_that_end_with_the_loop():
    async def never(x):
        await Future()
        log("never", x)
    a = create_task(never(1))
    b = create_task(never(2))
    await sleep(1)
    log("pending", a.done(), b.done())


@shows("E8")
async def helpers_of_gather_are_not_reported():
    async def never():
        log("waiting")
        await Future()

    async def gatherer():
        await gather(never(), never())
    g = create_task(gatherer())
    await sleep(1)
    log("end", g.done())


@shows("E8", "L11")
def the_task_of_run_until_complete_is_not_reported():
    loop = new_event_loop()

    async def never():
        log("started")
        await Future()
    loop.call_later(1, loop.stop)
    log("stopped", raised(loop.run_until_complete, never()))
    log("left", len(all_tasks(loop)))


@shows("E10")
def set_exception_handler_checks_its_argument():
    loop = new_event_loop()
    log("number", raised(loop.set_exception_handler, 5))
    log("string", raised(loop.set_exception_handler, "x"))
    loop.set_exception_handler(None)
    log("none", loop.get_exception_handler())


@shows("E4")
async def the_handler_runs_in_the_context_of_what_failed():
    var = ContextVar("var", default="outside")

    def handler(loop, context):
        log("handler sees", var.get(), context.get("exception"))
    get_running_loop().set_exception_handler(handler)

    def fail():
        raise Err("callback")
    ctx = copy_context()
    ctx.run(var.set, "inside")
    get_running_loop().call_soon(fail, context=ctx)
    await sleep(1)
    log("after", var.get())


@shows("E1")
async def call_exception_handler_directly():
    loop = get_running_loop()
    loop.call_exception_handler({"message": "by hand", "exception": Err("e"), "extra": 1})
    loop.call_exception_handler({"message": "plain"})
    f = Future()
    loop.call_exception_handler({"message": "with a future", "future": f})


@shows("G13")
async def late_failure_behind_a_shield():
    async def inner():
        await sleep(2)
        raise Err("late")

    async def outer():
        await shield(inner())
    t = create_task(outer())
    await sleep(1)
    t.cancel()
    try:
        await t
    except CancelledError as e:
        log("cut", e)
    await sleep(2)
    log("end")


@shows("E1", "L15")
async def done_callbacks_that_fail():
    f = Future()

    def bad(fut):
        log("bad", fut.result())
        raise Err("callback")

    def good(fut):
        log("good", fut.result())
    f.add_done_callback(bad)
    f.add_done_callback(good)
    f.set_result(3)
    log("await", await f)
    await sleep(0)
    log("end")


@shows("L16")
def an_interrupt_in_a_done_callback():
    loop = new_event_loop()
    f = loop.create_future()

    def interrupt(fut):
        raise SystemExit("callback")
    f.add_done_callback(interrupt)
    f.add_done_callback(lambda fut: log("second", fut.result()))
    loop.call_soon(f.set_result, 5)
    log("out", raised(loop.run_forever))
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("TH13")
def coroutines_never_awaited():
    loop = new_event_loop()

    async def a():
        log("never")

    async def b():
        log("never")

    async def c():
        log("never")
    collected(a)
    kept = b()
    closed = c()
    closed.close()
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("iscoroutine", iscoroutine(kept), iscoroutine(closed), unawaited())


@shows("TH13")
async def a_coroutine_given_to_a_task_is_no_loss():
    async def a(x):
        log("a", x)
        return x
    t = create_task(a(1))
    u = create_task(a(2))
    u.cancel()
    g = gather(a(3), a(4), return_exceptions=True)
    log("gathered", await g)
    log("tasks", t.result(), u.cancelled(), unawaited())
