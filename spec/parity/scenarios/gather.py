# G: sleep, gather and shield.

@shows("G1")
async def sleep_returns_its_result():
    log("got", await sleep(1, "result"), await sleep(0, 5), await sleep(-3, [1]))
    log("none", await sleep(1))
    try:
        await sleep(nan)
    except ValueError as e:
        log("nan", e)
    t = create_task(sleep(100))
    await sleep(1)
    t.cancel()
    await wait([t])
    log("time", now())


@shows("G1")
def the_timer_of_a_cancelled_sleeper_is_gone():
    loop = new_event_loop()

    async def main():
        t = create_task(sleep(100))
        await sleep(1)
        t.cancel()
        await wait([t])
        log("end", t.cancelled())
    loop.run_until_complete(main())
    log("nothing left", raised(loop.run_forever), loop.time())


@shows("G2")
async def results_in_argument_order():
    async def work(n, delay):
        await sleep(delay)
        log("done", n)
        return n
    log("got", await gather(work("a", 3), work("b", 1), work("c", 2)))


@shows("G2")
async def the_same_awaitable_twice():
    async def work():
        log("once")
        await sleep(1)
        return "w"
    c = work()
    f = Future()
    get_running_loop().call_later(2, f.set_result, "f")
    t = create_task(sleep(1, "t"))
    log("got", await gather(c, f, c, t, f, t))


@shows("G3")
async def an_empty_gather():
    g = gather()
    log("done", g.done(), g.result(), isfuture(g))
    log("await", await g, await gather(*[]))


@shows("G4")
async def the_first_exception_goes_on_at_once():
    async def fail(n, delay):
        await sleep(delay)
        log("fails", n)
        raise Err(n)

    async def work():
        await sleep(3)
        log("finished")
    g = gather(fail("a", 2), fail("b", 1), work())
    try:
        await g
    except Err as e:
        log("out", e, g.done(), g.exception())
    await sleep(4)
    log("end", reported())


@shows("G5")
async def a_cancelled_child_of_gather():
    async def work(n):
        await sleep(n)
        return n
    a = create_task(work(1))
    b = create_task(work(3))
    g = gather(a, b)
    await sleep(0.5)
    a.cancel("child")
    try:
        await g
    except CancelledError as e:
        log("out", e)
    log("state", g.cancelled(), g.done(), raised(g.exception), b.done(), current_task().cancelling())
    log("b", await b)


@shows("G6")
async def exceptions_returned():
    async def work(n):
        await sleep(n)
        if n == 2:
            raise Err("two")
        if n == 3:
            raise CancelledError("three")
        return n
    t = create_task(sleep(9))
    get_running_loop().call_later(1, t.cancel, "cut")
    got = await gather(work(1), work(2), work(3), t, return_exceptions=True)
    log("got", got)
    log("kinds", [isinstance(x, BaseException) for x in got])


@shows("G7")
async def cancelling_gather_raises_when_the_first_child_has_ended():
    async def work(n):
        try:
            await sleep(10)
        finally:
            await sleep(n)
            log("cleaned", n)

    async def outer():
        await gather(work(3), work(1), work(2))
    t = create_task(outer())
    await sleep(1)
    t.cancel("g")
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling())
    await sleep(5)


@shows("G8")
async def cancelling_a_gather_that_returns_exceptions():
    async def work(n):
        try:
            await sleep(10)
        except CancelledError:
            await sleep(n)
            log("swallowed", n)
            return n

    async def outer():
        await gather(work(1), work(2), return_exceptions=True)
        log("never")
    t = create_task(outer())
    await sleep(1)
    t.cancel("g")
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling())


@shows("G9")
async def cancelling_a_gather_that_is_done():
    async def fail():
        raise Err("x")

    async def work():
        await sleep(3)
        log("untouched")
        return 1
    t = create_task(work())
    g = gather(fail(), t)
    try:
        await g
    except Err as e:
        log("failed", e)
    log("cancel", g.cancel(), t.cancelling())
    log("got", await t)


@shows("G10")
async def shield_of_a_done_future():
    f = Future()
    f.set_result(1)
    s = shield(f)
    log("same", s is f)
    p = Future()
    q = shield(p)
    log("other", q is p, q.done())
    p.set_result(2)
    log("not yet", q.done())
    log("got", await q)


@shows("G11")
async def cancelling_a_shielded_waiter():
    async def inner():
        await sleep(3)
        log("inner goes on")
        return "inner"

    async def outer(t):
        try:
            return await shield(t)
        except CancelledError as e:
            log("outer", e, t.done())
            raise
    i = create_task(inner())
    o = create_task(outer(i))
    await sleep(1)
    o.cancel("c")
    await wait([o])
    log("counts", i.cancelling(), o.cancelling(), o.cancelled())
    log("got", await i)


@shows("G12")
async def cancelling_what_is_shielded():
    async def inner():
        await sleep(5)
    i = create_task(inner())
    s = shield(i)
    get_running_loop().call_later(1, i.cancel, "lost")
    try:
        await s
    except CancelledError as e:
        log("out", e, s.cancelled(), i.cancelled(), current_task().cancelling())


@shows("G13", "E9")
async def late_failures_behind_shields():
    async def inner(err):
        await sleep(2)
        if err:
            raise err
    for err in [Err("late"), Err2("other"), None]:
        s = shield(inner(err))
        await sleep(1)
        log("cancel", s.cancel(), s.cancelled())
        await sleep(2)
    log("end")


@shows("G11")
async def shield_passes_results_and_errors():
    async def work(err):
        await sleep(1)
        if err:
            raise err
        return "value"
    log("got", await shield(work(None)))
    try:
        await shield(work(Err("x")))
    except Err as e:
        log("error", e)
    try:
        await shield(work(CancelledError("own")))
    except CancelledError as e:
        log("cancelled", e)


@shows("G11", "G12")
async def shield_in_a_shield():
    async def inner():
        await sleep(3)
        return "deep"
    i = create_task(inner())
    s = shield(i)
    o = shield(s)
    log("distinct", s is o)
    o.cancel()
    await sleep(0)
    log("cancelled", o.cancelled(), s.cancelled(), i.cancelled())
    log("got", await s)


@shows("G2")
async def a_gather_inside_a_gather():
    async def work(n):
        await sleep(n)
        return n
    log("got", await gather(work(1), gather(work(3), work(2)), gather(), gather(gather(work(1)))))


@shows("C6")
async def cancelling_nested_gathers():
    async def work(n):
        try:
            await sleep(n)
        except CancelledError as e:
            log("cut", n, e)
            raise
    inner = gather(work(5), work(6))
    outer = gather(inner, work(7))
    await sleep(1)
    log("cancel", outer.cancel("m"))
    try:
        await outer
    except CancelledError as e:
        log("out", e, outer.cancelled(), inner.cancelled())


@shows("G5", "G8")
async def cancelling_the_inner_gather():
    async def work(n):
        try:
            await sleep(n)
            return n
        except CancelledError as e:
            log("cut", n, e)
            raise
    inner = gather(work(5), work(6))
    outer = gather(inner, work(2), return_exceptions=True)
    await sleep(1)
    log("cancel", inner.cancel("m"))
    log("got", await outer)


@shows("G4")
async def one_failure_in_a_gather_of_many():
    async def work(n):
        await sleep(n % 3)
        if n == 4:
            raise Err("four")
        log("end", n)
        return n
    try:
        await gather(*[work(i) for i in range(8)])
    except Err as e:
        log("out", e)
    await sleep(3)


@shows("G6", "IT14")
async def gather_of_done_and_failed_futures():
    a = Future()
    a.set_result("a")
    b = Future()
    b.set_exception(Err("b"))
    c = Future()
    c.cancel("c")
    n = polls()
    log("got", await gather(a, b, c, return_exceptions=True), polls() - n)
    try:
        await gather(a, b, c)
    except Err as e:
        log("error", e)
    try:
        await gather(a, c, b)
    except CancelledError as e:
        log("cancelled", e)


@shows("G2")
async def gather_keeps_none():
    async def work(v):
        return v
    got = await gather(work(None), work(1), work(None), work(False), work(None))
    log("got", got, len(got))


@shows("G2", "F5")
async def waiting_for_one_gather_by_many():
    async def work(n):
        await sleep(n)
        return n
    g = gather(work(1), work(2))

    async def waiter(n):
        try:
            log("got", n, await g)
        except CancelledError as e:
            log("cut", n, e)
    await gather(*[waiter(i) for i in range(3)])
    log("again", await g)


@shows("G5", "C6")
async def one_waiter_cancels_a_shared_gather():
    async def work(n):
        try:
            await sleep(n)
        except CancelledError:
            log("child cut", n)
            raise
    g = gather(work(3), work(4))

    async def waiter(n):
        try:
            await g
        except CancelledError as e:
            log("cut", n, e, current_task().cancelling())
            raise
    tasks = [create_task(waiter(i)) for i in range(3)]
    await sleep(1)
    tasks[1].cancel("one")
    await wait(tasks)
    log("end", g.cancelled(), [t.cancelling() for t in tasks])


@shows("G7")
async def a_child_that_swallows_gathers_cancel():
    async def work(n):
        try:
            await sleep(5)
        except CancelledError:
            log("swallowed", n)
            return n

    async def outer():
        try:
            log("result", await gather(work(1), work(2)))
        except CancelledError as e:
            log("outer", e)
            raise
    t = create_task(outer())
    await sleep(1)
    t.cancel("m")
    await wait([t])
    log("end", t.cancelled())


@shows("G7", "G4")
async def a_child_that_fails_while_gather_is_cancelled():
    async def work(n):
        try:
            await sleep(5)
        except CancelledError:
            raise Err(n)

    async def outer():
        await gather(work("a"), work("b"))
    t = create_task(outer())
    await sleep(1)
    t.cancel("m")
    try:
        await t
    except BaseException as e:
        log("out", e, t.cancelled(), t.cancelling())
    await sleep(1)
    log("end", reported())


@shows("G8")
async def failing_children_under_return_exceptions_and_cancel():
    async def work(n):
        try:
            await sleep(5)
        except CancelledError:
            await sleep(n)
            raise Err("during cancel")
    g = gather(work(1), work(2), return_exceptions=True)
    await sleep(1)
    g.cancel("m")
    try:
        await g
    except BaseException as e:
        log("out", e, g.cancelled(), g.done())


@shows("F1", "G2")
async def callbacks_of_a_gather():
    async def work(n):
        await sleep(n)
        return n
    g = gather(work(1), work(2))
    g.add_done_callback(lambda f: log("callback", f.result(), f is g))
    await sleep(1.5)
    log("pending", g.done(), raised(g.result))
    log("got", await g)


@shows("C3")
async def gather_in_an_unstarted_task():
    async def work(n):
        log("started", n)
        await sleep(n)

    async def outer():
        await gather(work(1), work(2))
    t = create_task(outer())
    t.cancel()
    await wait([t])
    log("end", t.cancelled())


@shows("G4", "G6")
async def interrupted_children_of_gather():
    async def work(n, err):
        await sleep(n)
        if err:
            raise err
        return n
    try:
        await gather(work(1, BaseErr("base")), work(2, None))
    except BaseErr as e:
        log("base", e)
    got = await gather(work(1, BaseErr("stored")), work(2, None), return_exceptions=True)
    log("got", got)


@shows("G8", "C6")
async def the_message_of_a_cancelled_gather_that_returns_exceptions():
    async def work(n):
        await sleep(n)

    async def outer(items):
        await gather(*items, return_exceptions=True)
    early = Future()
    early.cancel("early")
    for name, items in [["nested first", [gather(work(5), work(6)), work(7)]],
                        ["nested last", [work(7), gather(work(5), work(6))]],
                        ["cancelled before, last", [work(7), early]],
                        ["cancelled before, first", [early, work(7)]]]:
        t = create_task(outer(items))
        await sleep(1)
        t.cancel("m")
        try:
            await t
        except CancelledError as e:
            log(name, e)


@shows("T18", "IT13")
async def an_item_completed_while_gather_makes_the_others():
    f = Future()

    async def completes(future):
        future.set_result("early")
        return "completes"
    get_running_loop().set_task_factory(eager_task_factory)
    n = polls()
    g = gather(f, completes(f))
    log("pending first", g.done(), f.done())
    log("got", await g, polls() - n)
    h = Future()
    n = polls()
    g = gather(completes(h), h)
    log("done first", g.done())
    log("got", await g, polls() - n)


@shows("E7", "C6")
async def cancelling_a_gather_counts_as_having_seen_what_its_children_raised():
    async def fail(label):
        raise Err(label)

    async def stuck():
        while True:
            try:
                await Future()
            except CancelledError as e:
                log("stays", e)

    def main():
        return gather(fail("seen"), stuck(), return_exceptions=True)

    g = main()
    await sleep(1)
    log("cancel", g.cancel("m"))
    await sleep(1)
    log("still", g.done())
    get_running_loop().stop()


@shows("E5")
async def what_children_raised_is_reported_where_a_gather_never_ends():
    async def fail(label):
        raise Err(label)

    g = gather(fail("unseen"), Future(), return_exceptions=True)
    await sleep(1)
    log("still", g.done())
    get_running_loop().stop()


@shows("E7")
async def cancelling_a_gather_that_has_failed_silences_nothing():
    async def fail(label):
        raise Err(label)

    g = gather(fail("reported"))
    await sleep(1)
    log("cancel", g.done(), g.cancel())


@shows("E7")
async def cancelling_a_gather_of_a_failed_gather_silences_nothing():
    async def fail(label):
        raise Err(label)

    inner = gather(fail("reported"))
    await sleep(1)
    outer = gather(inner, Future(), return_exceptions=True)
    log("cancel", outer.cancel(), inner.done())
    get_running_loop().stop()


@shows("C6")
async def a_gather_cancels_children_that_are_done_too():
    a = Future()
    a.set_exception(Err("silenced"))
    g = gather(a, Future(), return_exceptions=True)
    log("cancel", g.cancel("m"), g.done(), a.done())
    get_running_loop().stop()


@shows("T14", "F5")
async def gather_waits_for_a_child_before_it_makes_the_next_eager_one():
    get_running_loop().set_task_factory(eager_task_factory)
    f = Future()

    async def awaits(label):
        log("has", label, await f)

    g = gather(awaits("before"), f, awaits("behind"), return_exceptions=True)
    g.add_done_callback(lambda g: log("gathered"))
    h = gather(f, awaits("last"))
    h.add_done_callback(lambda h: log("failed"))
    f.cancel("m")
    await wait([g, h])
    log("end", state(g), state(h))


@shows("T14")
async def gather_of_an_item_that_cannot_be_made_under_an_eager_factory():
    f = Future()

    def factory(loop, coro):
        if f.done():
            coro.close()
            raise Err("no more tasks")
        return eager_task_factory(loop, coro)

    async def ends():
        f.set_result("set")
        return "ended"

    get_running_loop().set_task_factory(factory)
    waiting = Future()
    try:
        gather(waiting, ends(), waiting, ends())
    except Err as e:
        log("refused", e)
    waiting.set_result(1)
    await sleep(0)
    get_running_loop().set_task_factory(None)
    log("end", await waiting)
