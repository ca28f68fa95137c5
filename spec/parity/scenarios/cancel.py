# C: cancellation.

@shows("C1")
async def what_cancel_returns():
    async def work():
        await sleep(5)
    t = create_task(work())
    await sleep(1)
    log("first", t.cancel(), t.cancelling())
    log("second", t.cancel(), t.cancelling())
    log("third", t.cancel(), t.cancelling())
    await wait([t])
    log("done", t.cancel(), t.cancelling(), t.cancelled())
    u = create_task(sleep(0))
    await u
    log("finished", u.cancel(), u.cancelling())


@shows("C2")
async def cancelled_is_false_until_the_end():
    async def work():
        try:
            await sleep(5)
        except CancelledError:
            log("inside", t.cancelled(), t.done())
            await sleep(2)
            log("still", t.cancelled(), t.cancelling())
            raise
    t = create_task(work())
    await sleep(1)
    t.cancel()
    log("asked", t.cancelled())
    await sleep(1)
    log("between", t.cancelled(), t.done())
    await wait([t])
    log("end", t.cancelled())


@shows("C3")
async def cancelling_an_unstarted_task():
    async def work():
        try:
            log("never")
        finally:
            log("never either")
    t = create_task(work())
    log("cancel", t.cancel("early"), t.done())
    try:
        await t
    except CancelledError as e:
        log("awaiter", e, t.cancelled())


@shows("C4")
async def cancelling_a_task_that_waits_on_a_future():
    f = Future()
    f.add_done_callback(lambda x: log("future's callback", x.cancelled()))

    async def work():
        try:
            await f
        except CancelledError as e:
            log("task", e)
            raise
    t = create_task(work())
    await sleep(1)
    t.cancel("m")
    log("at once", f.cancelled(), t.done())
    await wait([t])
    log("end", raised(f.result), raised(t.result))


@shows("C5")
async def cancelling_a_task_that_waits_on_a_task():
    async def inner(swallow):
        try:
            await sleep(5)
        except CancelledError as e:
            log("inner", e, current_task().cancelling())
            if swallow:
                return "swallowed"
            raise

    async def outer(t):
        try:
            v = await t
            log("outer goes on", v, current_task().cancelling())
            await sleep(1)
            return v
        except CancelledError as e:
            log("outer", e, current_task().cancelling())
            raise
    for swallow in [False, True]:
        i = create_task(inner(swallow))
        o = create_task(outer(i))
        await sleep(1)
        o.cancel("c")
        log("counts", i.cancelling(), o.cancelling())
        await wait([o])
        log("end", i.cancelled(), o.cancelled(), o.cancelling())


@shows("C6")
async def cancelling_gather_shield_and_group():
    async def child(n):
        try:
            await sleep(5)
        except CancelledError as e:
            log("child", n, e)
            raise

    async def gathered():
        await gather(child(1), child(2))

    async def shielded():
        await shield(child(3))

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(child(4))
            tg.create_task(child(5))
    for f in [gathered, shielded, grouped]:
        t = create_task(f())
        await sleep(1)
        t.cancel("from outside")
        try:
            await t
        except CancelledError as e:
            log("out", e)
    await sleep(5)


@shows("C7")
async def a_swallowed_cancel_is_over():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            log("swallowed", e)
        await sleep(1)
        log("undisturbed", current_task().cancelling())
        log("uncancel", current_task().uncancel(), current_task().uncancel())
        return "value"
    t = create_task(work())
    await sleep(1)
    t.cancel()
    log("got", await t, t.cancelled(), t.cancelling())


@shows("C8")
async def two_cancels_before_delivery():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            log("one", e, current_task().cancelling())
        await sleep(1)
        log("no second")
    t = create_task(work())
    await sleep(1)
    log("cancel", t.cancel("first"), t.cancel("second"))
    await t
    log("end", t.cancelling())


@shows("C9")
async def a_task_that_cancels_itself():
    f = Future()
    f.set_result("done")

    async def plain():
        return "plain"

    async def work(how):
        current_task().cancel("self")
        log("future", await f)
        log("coroutine", await plain())
        try:
            if how == "zero":
                await sleep(0)
            elif how == "task":
                await create_task(plain())
            elif how == "gather":
                log("empty gather", await gather())
                await gather(plain())
            else:
                await sleep(1)
            log("never", how)
        except CancelledError as e:
            log("delivered", how, e)
            raise
    for how in ["zero", "task", "gather", "sleep"]:
        t = create_task(work(how))
        await wait([t])
        log("end", how, t.cancelled())


@shows("C10")
async def self_cancel_then_end():
    async def returns():
        current_task().cancel("r")
        return "lost"

    async def fails():
        current_task().cancel("f")
        raise Err("wins")
    a = create_task(returns())
    b = create_task(fails())
    await wait([a, b])
    log("returns", a.cancelled(), raised(a.result), a.cancelling())
    log("fails", b.cancelled(), b.exception(), b.cancelling())


@shows("C11")
async def cancel_beats_a_result_not_yet_seen():
    f = Future()
    g = Future()

    async def work(x):
        try:
            log("saw", await x)
        except Err as e:
            log("saw", e)
        except CancelledError as e:
            log("cut", e)
            raise
    t = create_task(work(f))
    u = create_task(work(g))
    await sleep(1)
    f.set_result("kept")
    g.set_exception(Err("kept too"))
    log("cancel", t.cancel("late"), u.cancel("late"))
    await wait([t, u])
    log("end", t.cancelled(), u.cancelled(), f.result(), g.exception())


@shows("C11")
async def cancel_one_iteration_after_the_result():
    loop = get_running_loop()
    for lag in range(4):
        f = Future()

        async def work():
            return await f
        t = create_task(work())
        await sleep(1)
        f.set_result("r")
        for i in range(lag):
            await sleep(0)
        log("lag", lag, t.done(), t.cancel())
        await wait([t])
        log("end", t.cancelled(), t.cancelling())


@shows("C12")
async def uncancel_drops_what_is_only_flagged():
    async def work():
        log("runs", current_task().cancelling())
        await sleep(1)
        return "value"
    t = create_task(work())
    t.cancel()
    log("uncancel", t.uncancel(), t.uncancel())
    log("unstarted", await t)

    async def itself():
        me = current_task()
        me.cancel()
        me.uncancel()
        await sleep(1)
        return "self"
    log("self", await create_task(itself()))
    u = create_task(work())
    await sleep(0)
    u.cancel()
    log("on its way", u.uncancel())
    await wait([u])
    log("end", u.cancelled(), u.cancelling())


@shows("C12")
async def uncancel_counts():
    async def work():
        me = current_task()
        for i in range(3):
            me.cancel(f"m{i}")
        log("count", me.cancelling(), me.uncancel(), me.uncancel(), me.cancelling())
        try:
            await sleep(1)
        except CancelledError as e:
            log("delivered", e, me.cancelling())
        log("zero", me.uncancel(), me.uncancel())
        await sleep(1)
        return "end"
    log("got", await create_task(work()))


@shows("C13")
async def raising_cancelled_error_by_itself():
    async def work():
        await sleep(1)
        raise CancelledError("own")
    t = create_task(work())
    try:
        await t
    except CancelledError as e:
        log("out", e)
    log("state", t.cancelled(), t.cancelling(), current_task().cancelling())


@shows("C14")
async def foreign_cancellation():
    async def inner():
        await sleep(5)

    async def outer(t):
        try:
            await t
        except CancelledError as e:
            log("foreign", e, current_task().cancelling())
            return "survives"
    i = create_task(inner())
    o = create_task(outer(i))
    await sleep(1)
    i.cancel("elsewhere")
    log("got", await o)
    try:
        await i
    except CancelledError as e:
        log("main", e, current_task().cancelling())


@shows("C15")
async def the_message_arrives_once():
    async def work():
        await sleep(5)
    t = create_task(work())
    await sleep(1)
    t.cancel("once")
    try:
        await t
    except CancelledError as e:
        log("awaiter", e)
    log("result", raised(t.result), raised(t.exception))
    try:
        await t
    except CancelledError as e:
        log("second await", e)


@shows("C16")
async def cancelled_error_is_no_exception():
    async def work():
        try:
            await sleep(5)
        except Exception as e:
            log("never", e)
        except BaseException as e:
            log("base", e, isinstance(e, Exception), isinstance(e, CancelledError))
            raise
    t = create_task(work())
    await sleep(1)
    t.cancel()
    await wait([t])
    log("end", t.cancelled())


@shows("C7", "C8")
async def cancel_during_cleanup():
    async def work():
        try:
            await sleep(5)
        finally:
            log("cleanup")
            try:
                await sleep(5)
                log("never")
            finally:
                log("inner cleanup", current_task().cancelling())
                await sleep(1)
                log("cleaned")
    t = create_task(work())
    await sleep(1)
    t.cancel("one")
    await sleep(1)
    t.cancel("two")
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling())


@shows("C10")
async def cancel_replaced_by_another_error():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            raise Err("instead")
    t = create_task(work())
    await sleep(1)
    t.cancel()
    try:
        await t
    except Err as e:
        log("out", e, t.cancelled(), t.cancelling())


@shows("C7")
async def cancel_in_finally_that_returns():
    async def work():
        try:
            await sleep(5)
        finally:
            return "finally wins"
    t = create_task(work())
    await sleep(1)
    t.cancel()
    log("got", await t, t.cancelling())


@shows("C1", "C4")
async def cancelling_many_in_one_iteration():
    async def work(n):
        try:
            await sleep(n)
            return n
        except CancelledError:
            log("cut", n)
            raise
    tasks = [create_task(work(i)) for i in range(6)]
    await sleep(2.5)
    for t in tasks:
        log("cancel", t.cancel())
    await wait(tasks)
    log("end", [t.cancelled() for t in tasks])


@shows("C4", "F1")
async def a_cancel_from_a_done_callback():
    async def work(n):
        try:
            await sleep(n)
            return n
        finally:
            log("ends", n)
    a = create_task(work(1))
    b = create_task(work(5))
    a.add_done_callback(lambda t: b.cancel("because"))
    try:
        await b
    except CancelledError as e:
        log("b", e, a.result())


@shows("C1", "C4")
async def tasks_that_cancel_each_other():
    async def work(name):
        try:
            await sleep(1)
            other = tasks[1] if name == "a" else tasks[0]
            log(name, other.cancel(name))
            await sleep(1)
            log("survives", name)
        except CancelledError as e:
            log("cut", name, e)
            raise
    tasks = []
    tasks.append(create_task(work("a")))
    tasks.append(create_task(work("b")))
    await wait(tasks)
    log("end", [t.cancelled() for t in tasks])


@shows("C5")
async def a_task_that_cancels_its_awaiter():
    async def inner(target):
        await sleep(1)
        log("cancel", target.cancel("by the child"))
        try:
            await sleep(1)
            return "child"
        except CancelledError as e:
            log("child cut", e)
            raise

    async def outer():
        try:
            return await create_task(inner(current_task()))
        except CancelledError as e:
            log("parent cut", e)
            raise
    t = create_task(outer())
    await wait([t])
    log("end", t.cancelled())


@shows("C7")
async def swallowing_again_and_again():
    async def work():
        n = 0
        while n < 3:
            try:
                await sleep(10)
            except CancelledError as e:
                n = n + 1
                log("swallowed", n, e, current_task().cancelling())
        return n
    t = create_task(work())
    for i in range(3):
        await sleep(1)
        t.cancel(f"m{i}")
    log("got", await t)


@shows("C9")
async def cancel_before_a_wait_that_does_not_suspend():
    async def work():
        await sleep(1)
        log("resumed")
        f = Future()
        f.set_result("ready")
        v = await f
        log("no delivery", v)
        return v
    t = create_task(work())
    await sleep(0)
    log("got", await t)

    async def self_cut():
        current_task().cancel()
        f = Future()
        f.set_exception(Err("ready"))
        try:
            await f
        except Err as e:
            log("error first", e)
        try:
            await Future()
        except CancelledError:
            log("then the cancel")
    await create_task(self_cut())


@shows("C12")
async def uncancel_in_a_structured_scope():
    async def scope(delay):
        me = current_task()
        handle = get_running_loop().call_later(delay, me.cancel, "scope")
        try:
            await sleep(2)
            return "in time"
        except CancelledError as e:
            if me.uncancel() == 0:
                log("own", e)
                return "out of time"
            log("foreign", e)
            raise
        finally:
            handle.cancel()
    log("got", await create_task(scope(3)))
    log("got", await create_task(scope(1)))
    t = create_task(scope(1))
    get_running_loop().call_later(1, t.cancel, "user")
    await wait([t])
    log("both", t.cancelled(), t.cancelling())


@shows("C15")
async def messages_of_other_kinds():
    async def work():
        await sleep(5)
    for text in ["", "a b", "x" + "y"]:
        t = create_task(work())
        await sleep(0)
        t.cancel(text)
        try:
            await t
        except CancelledError as e:
            log("message", e, message(e))


@shows("C9")
async def self_cancel_before_each_operation():
    async def plain():
        return 1
    f = Future()

    async def attempt(name, make):
        current_task().cancel(name)
        try:
            await make()
            log("no delivery", name)
        except CancelledError as e:
            log("delivered", e, current_task().cancelling())
        current_task().uncancel()
    me = current_task()
    await attempt("sleep", lambda: sleep(1))
    await attempt("future", lambda: f)
    f = Future()
    await attempt("gather", lambda: gather(plain(), plain()))
    await attempt("shield", lambda: shield(plain()))
    await attempt("wait_for", lambda: wait_for(Future(), 5))
    await attempt("wait", lambda: wait([create_task(plain())]))
    await attempt("task", lambda: create_task(plain()))
    await attempt("coroutine", plain)
    log("count", me.cancelling())


@shows("C5", "C9")
async def a_self_cancel_that_the_awaited_task_swallows():
    async def inner():
        while True:
            try:
                await sleep(5)
                return "slept"
            except CancelledError as e:
                log("swallowed", e, current_task().cancelling())

    async def outer(t):
        await sleep(1)
        current_task().cancel("self")
        v = await t
        log("outer goes on", v, current_task().cancelling())
        await sleep(1)
        return v
    t = create_task(inner())
    log("got", await create_task(outer(t)))
