# D and O: wait_for, timeout and timeout_at.

@shows("D1")
async def wait_for_makes_no_task():
    var = ContextVar("var", default=0)

    async def work():
        log("inside", current_task() is me, len(all_tasks()))
        var.set(1)
        await sleep(1)
        return "value"
    me = current_task()
    log("got", await wait_for(work(), 5), var.get())
    log("got", await wait_for(work(), None), now())


@shows("D2")
async def wait_for_with_no_time():
    async def work():
        log("never")

    async def stubborn():
        try:
            await sleep(5)
        finally:
            await sleep(2)
            log("cleaned")
    f = Future()
    f.set_result("ready")
    log("done", await wait_for(f, 0), await wait_for(f, -1))
    for delay in [0, -1]:
        try:
            await wait_for(work(), delay)
        except TimeoutError as e:
            log("unstarted", e)
    t = create_task(stubborn())
    await sleep(1)
    try:
        await wait_for(t, 0)
    except TimeoutError as e:
        log("late", e, t.cancelled(), now())
    g = Future()
    g.set_exception(Err("failed"))
    try:
        await wait_for(g, 0)
    except Err as e:
        log("failed", e)


@shows("D3")
async def wait_for_waits_for_cleanup():
    async def work():
        try:
            await sleep(10)
        finally:
            log("cleanup")
            await sleep(30)
            log("cleaned")
    try:
        await wait_for(work(), 1)
    except TimeoutError as e:
        log("late", e, now())
    t = create_task(work())
    try:
        await wait_for(t, 1)
    except TimeoutError as e:
        log("late task", e, now(), t.cancelled())


@shows("D4")
async def wait_for_of_something_that_swallows():
    async def work():
        try:
            await sleep(10)
        except CancelledError as e:
            log("swallowed", e, current_task().cancelling())
            return "value anyway"
    log("coroutine", await wait_for(work(), 1), current_task().cancelling())
    log("task", await wait_for(create_task(work()), 1), current_task().cancelling())


@shows("D5")
async def wait_for_of_something_that_fails_in_cleanup():
    async def work():
        try:
            await sleep(10)
        finally:
            raise Err("cleanup")
    try:
        await wait_for(work(), 1)
    except Err as e:
        log("coroutine", e, in_context(e, TimeoutError))
    try:
        await wait_for(create_task(work()), 1)
    except Err as e:
        log("task", e)


@shows("D6")
async def cancel_and_timeout_in_one_iteration():
    async def work():
        try:
            await wait_for(Future(), 2)
        except BaseException as e:
            log("inside", e, current_task().cancelling())
            raise
    for early in [True, False]:
        if early:
            holder = []
            get_running_loop().call_later(2, lambda: holder[0].cancel("user"))
            t = create_task(work())
            holder.append(t)
        else:
            t = create_task(work())
            await sleep(0)
            get_running_loop().call_at(now() + 2, t.cancel, "user")
        await wait([t])
        log("end", early, t.cancelled(), t.cancelling())


@shows("D7")
async def result_and_timeout_in_one_iteration():
    loop = get_running_loop()
    f = Future()
    loop.call_later(2, f.set_result, "first")
    try:
        log("got", await wait_for(f, 2))
    except TimeoutError as e:
        log("late", e, f.cancelled(), f.result())
    g = Future()

    async def work():
        try:
            log("got", await wait_for(g, 2))
        except TimeoutError as e:
            log("late", e, g.cancelled())
    t = create_task(work())
    await sleep(0)
    h = loop.call_at(now() + 2, lambda: log("set", raised(g.set_result, "second")))
    await t


@shows("D8")
async def outer_cancel_after_the_work_is_done():
    f = Future()

    async def work():
        return await wait_for(f, 10)
    t = create_task(work())
    await sleep(1)
    f.set_result("finished")
    log("cancel", t.cancel("outer"))
    try:
        await t
    except CancelledError as e:
        log("out", e, f.result(), t.cancelling())


@shows("D9")
async def the_cause_of_a_timeout():
    try:
        await wait_for(Future(), 1)
    except TimeoutError as e:
        log("wait_for", e.__cause__, message(e))
    try:
        async with timeout(1):
            await sleep(5)
    except TimeoutError as e:
        log("timeout", e.__cause__, message(e))
    try:
        await wait_for(Future(), 0)
    except TimeoutError as e:
        log("zero", e.__cause__)


@shows("D1")
async def wait_for_passes_results_and_errors():
    async def work(err):
        await sleep(1)
        if err:
            raise err
        return "value"
    log("got", await wait_for(work(None), 5))
    try:
        await wait_for(work(Err("x")), 5)
    except Err as e:
        log("error", e)
    try:
        await wait_for(work(TimeoutError("own")), 5)
    except TimeoutError as e:
        log("own", e, e.__cause__)
    try:
        await wait_for(work(CancelledError("c")), 5)
    except CancelledError as e:
        log("cancelled", e)


@shows("D2", "G11")
async def wait_for_around_a_shield():
    async def work():
        await sleep(3)
        log("finished")
        return "value"
    t = create_task(work())
    try:
        await wait_for(shield(t), 1)
    except TimeoutError as e:
        log("late", e, t.cancelling())
    log("got", await t)


@shows("D2")
async def wait_for_in_wait_for():
    async def work(n):
        try:
            await sleep(n)
            return n
        except CancelledError:
            log("cut", n)
            raise
    for outer in [1, 2, 3]:
        try:
            log("got", await wait_for(wait_for(work(2.5), 2), outer))
        except TimeoutError as e:
            log("late", outer, now())


@shows("D2", "C6")
async def wait_for_of_a_gather():
    async def work(n):
        try:
            await sleep(n)
            return n
        except CancelledError as e:
            log("cut", n, e)
            raise
    try:
        await wait_for(gather(work(1), work(3), work(4)), 2)
    except TimeoutError as e:
        log("late", e)
    log("got", await wait_for(gather(work(1), work(1.5)), 2))


@shows("D8")
async def cancelling_wait_for():
    async def work():
        try:
            await sleep(10)
        except CancelledError as e:
            log("inner", e)
            raise

    async def outer(make):
        try:
            await wait_for(make(), 5)
        except BaseException as e:
            log("outer", e, current_task().cancelling())
            raise
    for make in [work, lambda: create_task(work()), lambda: Future()]:
        t = create_task(outer(make))
        await sleep(1)
        t.cancel("m")
        await wait([t])
        log("end", t.cancelled())


@shows("D2", "D8")
async def cancelling_wait_for_zero_during_its_wait():
    async def slow():
        try:
            await sleep(10)
        finally:
            await sleep(2)
            log("cleaned")

    async def outer(t):
        try:
            await wait_for(t, 0)
        except BaseException as e:
            log("outer", e, t.done())
            raise
    i = create_task(slow())
    await sleep(0)
    o = create_task(outer(i))
    await sleep(1)
    o.cancel("m")
    await wait([o])
    log("end", o.cancelled(), i.done())
    await wait([i])


@shows("O1")
async def deadlines_of_timeouts():
    async with timeout(5) as cm:
        log("when", cm.when(), now(), cm.expired())
        await sleep(1)
    log("after", cm.expired(), cm.when())
    async with timeout(None) as cm:
        await sleep(100)
        log("never", cm.when())
    async with timeout_at(now() - 5) as cm:
        log("no suspension", cm.when() < now())
    log("after", cm.expired())
    try:
        async with timeout_at(now() - 5) as cm:
            await sleep(0)
            log("one iteration")
            await sleep(0)
            log("never")
    except TimeoutError as e:
        log("late", e, cm.expired(), now())
    try:
        async with timeout(-1):
            await sleep(5)
    except TimeoutError as e:
        log("negative", now())
    async with timeout_at(None) as cm:
        await sleep(1)
    log("none", cm.when(), cm.expired())


@shows("O2", "O3")
async def cancellation_requested_before_entry():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            log("swallowed", e)
        try:
            async with timeout(1):
                await sleep(5)
        except TimeoutError as e:
            log("converted", e, current_task().cancelling())
        return "end"
    t = create_task(work())
    await sleep(1)
    t.cancel("before")
    log("got", await t, t.cancelling())


@shows("O3")
async def cancellation_after_the_timer_fired():
    async def work():
        try:
            async with timeout(2) as cm:
                try:
                    await sleep(5)
                finally:
                    log("in cleanup", cm.expired(), current_task().cancelling())
                    await sleep(3)
        except BaseException as e:
            log("out", e, cm.expired(), current_task().cancelling())
            raise
    t = create_task(work())
    await sleep(3)
    t.cancel("user")
    await wait([t])
    log("end", t.cancelled())


@shows("O2")
async def an_expired_scope_and_a_foreign_cancel():
    f = Future()

    async def work():
        try:
            async with timeout(2) as cm:
                await f
        except BaseException as e:
            log("out", e, cm.expired(), current_task().cancelling())
    t = create_task(work())
    await sleep(1)
    f.cancel("foreign")
    await t


@shows("O4")
async def a_body_that_swallows_the_timeout():
    async with timeout(1) as cm:
        try:
            await sleep(5)
        except CancelledError as e:
            log("swallowed", e, current_task().cancelling(), cm.expired())
        await sleep(1)
        log("goes on")
    log("after", cm.expired(), current_task().cancelling())


@shows("O5")
async def a_body_that_raises_something_else():
    try:
        async with timeout(1) as cm:
            try:
                await sleep(5)
            finally:
                raise Err("instead")
    except Err as e:
        log("out", e, in_context(e, TimeoutError), cm.expired(), current_task().cancelling())
    try:
        async with timeout(1) as cm:
            raise Err("in time")
    except Err as e:
        log("out", e, in_context(e, TimeoutError), cm.expired())


@shows("O6")
async def nested_timeouts():
    for outer, inner in [[1, 2], [2, 1], [2, 2]]:
        try:
            async with timeout(outer) as o:
                try:
                    async with timeout(inner) as i:
                        await sleep(5)
                except TimeoutError as e:
                    log("inner raised", o.expired(), i.expired())
                    await sleep(5)
        except TimeoutError as e:
            log("outer raised", o.expired(), i.expired(), now(), current_task().cancelling())


@shows("O7")
async def rescheduling():
    cm = timeout(3)
    log("before", raised(cm.reschedule, 5))
    async with cm:
        cm.reschedule(now() + 10)
        await sleep(5)
        log("later", cm.when())
        cm.reschedule(None)
        await sleep(20)
        log("disarmed", cm.when())
        cm.reschedule(now() + 1)
    log("after", raised(cm.reschedule, 5), cm.expired())
    try:
        async with timeout(None) as cm:
            cm.reschedule(now() - 1)
            await sleep(0)
            log("one iteration", cm.expired())
            await sleep(3)
    except TimeoutError as e:
        log("past", e, now(), raised(cm.reschedule, 5))


@shows("O7")
async def rescheduling_an_expiring_scope():
    try:
        async with timeout(1) as cm:
            try:
                await sleep(5)
            finally:
                log("expiring", raised(cm.reschedule, now() + 5), cm.expired())
    except TimeoutError as e:
        log("late", e)


@shows("O8")
async def a_scope_is_used_once():
    cm = timeout(5)
    async with cm:
        await sleep(1)
    try:
        async with cm:
            log("never")
    except RuntimeError as e:
        log("again", e)
    try:
        async with timeout(5) as outer:
            async with outer:
                log("never")
    except RuntimeError as e:
        log("nested", e)


@shows("O9")
async def a_deadline_passed_without_the_loop():
    async with timeout(0) as cm:
        log("body")
    log("state", cm.expired())
    f = Future()
    f.set_result(1)
    async with timeout(0) as cm:
        await f
    log("state", cm.expired(), contains(cm, "finished"))
    await sleep(1)
    log("undisturbed", current_task().cancelling())


@shows("O1")
async def a_scope_in_another_task_and_cancellation():
    async def work(n, limit):
        try:
            async with timeout(limit):
                await sleep(n)
                return "in time"
        except TimeoutError:
            return "late"
    log("got", await gather(work(1, 2), work(3, 2), work(2, 2), work(2, None)))


@shows("O2")
async def timeouts_in_a_loop():
    n = 0
    for limit in [1, 2, 3, 4]:
        try:
            async with timeout(limit):
                n = n + 1
                await sleep(2.5)
                log("in time", limit)
        except TimeoutError:
            log("late", limit, now())
    log("count", n, current_task().cancelling())


@shows("O2")
async def a_task_cancelled_inside_two_scopes():
    async def work():
        try:
            async with timeout(5):
                try:
                    async with timeout(3):
                        await sleep(10)
                finally:
                    log("inner out")
        finally:
            log("outer out", current_task().cancelling())
    t = create_task(work())
    await sleep(1)
    t.cancel("user")
    try:
        await t
    except CancelledError as e:
        log("out", e)
    await sleep(10)


@shows("O6")
async def three_scopes_expire_together():
    try:
        async with timeout(1) as a:
            async with timeout(1) as b:
                async with timeout(1) as c:
                    await sleep(5)
    except TimeoutError as e:
        log("out", a.expired(), b.expired(), c.expired(), current_task().cancelling())
    await sleep(1)
    log("end")


@shows("O2", "TG10")
async def a_timeout_around_a_group():
    async def child(n):
        try:
            await sleep(n)
            log("child end", n)
        except CancelledError as e:
            log("child cut", n, e)
            raise
    try:
        async with timeout(2):
            async with TaskGroup() as tg:
                tg.create_task(child(1))
                tg.create_task(child(5))
    except TimeoutError as e:
        log("late", e, current_task().cancelling())


@shows("O2", "TG9")
async def a_timeout_inside_a_group():
    async def child(n):
        async with timeout(2):
            await sleep(n)
            log("child end", n)
    try:
        async with TaskGroup() as tg:
            tg.create_task(child(1))
            tg.create_task(child(5))
            tg.create_task(child(1.5))
    except ExceptionGroup as e:
        log("group", e)


@shows("D7", "O2")
async def the_result_arrives_with_the_timer():
    loop = get_running_loop()
    for order in ["result first", "timer first"]:
        f = Future()
        if order == "result first":
            loop.call_later(1, f.set_result, 1)
        try:
            async with timeout(1) as cm:
                if order == "timer first":
                    loop.call_later(1, lambda: f.done() or f.set_result(1))
                await f
            log("got", order)
        except TimeoutError:
            log("late", order, f.done(), f.cancelled())


@shows("D7", "O2")
async def an_error_arrives_with_the_timer():
    loop = get_running_loop()
    f = Future()
    loop.call_later(1, f.set_exception, Err("e"))
    try:
        async with timeout(1) as cm:
            await f
    except BaseException as e:
        log("out", e, cm.expired(), f.exception())
    g = Future()
    loop.call_later(1, g.set_exception, Err("w"))
    try:
        await wait_for(g, 1)
    except BaseException as e:
        log("wait_for", e, g.exception())


@shows("O7")
async def scopes_print_their_state():
    cm = timeout(5)
    log("created", contains(cm, "created"))
    async with cm:
        log("active", contains(cm, "active"))
    log("finished", contains(cm, "finished"))
    try:
        async with timeout(1) as cm:
            try:
                await sleep(5)
            finally:
                log("expiring", contains(cm, "expiring"))
    except TimeoutError:
        log("expired", contains(cm, "expired"))
