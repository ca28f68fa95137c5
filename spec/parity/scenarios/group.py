# TG: TaskGroup.

@shows("TG1")
async def create_task_outside_of_a_group():
    async def work(n):
        log("work", n)
        await sleep(n)
    tg = TaskGroup()
    c = work(1)
    log("before", raised(tg.create_task, c))
    try:
        await c
    except RuntimeError as e:
        log("closed", e)
    async with tg:
        tg.create_task(work(2))
    d = work(3)
    log("after", raised(tg.create_task, d))
    try:
        await d
    except RuntimeError as e:
        log("closed", e)


@shows("TG1")
async def create_task_while_aborting():
    async def fail():
        raise Err("first")

    async def late(tg):
        try:
            await sleep(5)
        finally:
            c = child()
            log("aborting", raised(tg.create_task, c))
            try:
                await c
            except RuntimeError as e:
                log("closed", e)

    async def child():
        log("never")
    try:
        async with TaskGroup() as tg:
            tg.create_task(late(tg))
            tg.create_task(fail())
    except ExceptionGroup as e:
        log("out", e)


@shows("TG1")
async def children_made_by_children():
    async def child(tg, n):
        log("child", n)
        await sleep(1)
        if n > 0:
            tg.create_task(child(tg, n - 1))
    async with TaskGroup() as tg:
        tg.create_task(child(tg, 3))
        log("body ends")
    log("all ended", now())


@shows("TG2")
async def the_first_failing_child():
    async def fail(n):
        await sleep(n)
        raise Err("fails")

    async def work(n):
        try:
            await sleep(n)
            log("never", n)
        except CancelledError as e:
            log("cut", n, e)
            raise
    try:
        async with TaskGroup() as tg:
            tg.create_task(work(5))
            tg.create_task(fail(1))
            tg.create_task(work(6))
            try:
                await sleep(3)
            except CancelledError as e:
                log("body", e, current_task().cancelling())
                raise
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())


@shows("TG2")
async def a_parent_already_waiting_absorbs_the_cancel():
    async def fail(n):
        await sleep(n)
        raise Err("fails")

    async def work(n):
        try:
            await sleep(n)
        finally:
            log("cleanup", n, parent.cancelling())
    parent = current_task()
    try:
        async with TaskGroup() as tg:
            tg.create_task(fail(1))
            tg.create_task(work(5))
    except ExceptionGroup as e:
        log("out", e, parent.cancelling())
    await sleep(1)
    log("undisturbed")


@shows("TG3")
async def a_body_that_awaits_the_failing_child():
    async def fail():
        await sleep(1)
        raise Err("child")
    try:
        async with TaskGroup() as tg:
            t = tg.create_task(fail())
            try:
                await t
            except BaseException as e:
                log("body", e, t.done(), t.exception())
                raise
    except ExceptionGroup as e:
        log("out", e)


@shows("TG4")
async def a_body_that_swallows_the_groups_cancel():
    async def fail():
        await sleep(1)
        raise Err("child")
    try:
        async with TaskGroup() as tg:
            tg.create_task(fail())
            try:
                await sleep(5)
            except CancelledError:
                log("swallowed", current_task().cancelling())
            await sleep(2)
            log("body ends", now())
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())


@shows("TG5")
async def a_failing_body():
    async def work(n):
        try:
            await sleep(n)
        except CancelledError as e:
            log("cut", n, e)
            raise
    try:
        async with TaskGroup() as tg:
            tg.create_task(work(5))
            await sleep(1)
            raise Err("body")
    except ExceptionGroup as e:
        log("out", e, len(e.exceptions), now())


@shows("TG6")
async def the_order_of_members():
    async def fail(n):
        try:
            await sleep(10)
        finally:
            await sleep(n)
            raise Err(f"child {n}")
    try:
        async with TaskGroup() as tg:
            for n in [3, 1, 2]:
                tg.create_task(fail(n))
            await sleep(1)
            raise Err2("body")
    except ExceptionGroup as e:
        log("out", e)


@shows("TG7")
async def a_cancelled_child_is_no_error():
    async def work(n):
        try:
            await sleep(n)
            log("end", n)
        except CancelledError as e:
            log("cut", n, e)
            raise
    async with TaskGroup() as tg:
        a = tg.create_task(work(2))
        b = tg.create_task(work(3))
        await sleep(1)
        a.cancel("one")
    log("out", a.cancelled(), b.cancelled(), now())


@shows("TG8")
def interrupts_come_out_bare():
    loop = new_event_loop()

    async def interrupt(err):
        await sleep(1)
        raise err

    async def work(n):
        try:
            await sleep(n)
        finally:
            await sleep(1)
            log("cleaned", n)

    async def from_child(err):
        async with TaskGroup() as tg:
            tg.create_task(work(5))
            tg.create_task(interrupt(err))

    async def from_body(err):
        async with TaskGroup() as tg:
            tg.create_task(work(5))
            await sleep(1)
            raise err
    for make in [from_child, from_body]:
        for err in [KeyboardInterrupt("k"), SystemExit("s")]:
            t = loop.create_task(make(err))
            log("loop", raised(loop.run_until_complete, t), t.done())
            if not t.done():
                log("again", raised(loop.run_until_complete, t))
            log("task", t.exception())


@shows("TG9")
async def which_group_is_raised():
    async def fail(err):
        raise err
    try:
        async with TaskGroup() as tg:
            tg.create_task(fail(Err("a")))
            tg.create_task(fail(Err2("b")))
    except BaseExceptionGroup as e:
        log("exceptions", e, isinstance(e, ExceptionGroup), e.__cause__, message(e))
    try:
        async with TaskGroup() as tg:
            tg.create_task(fail(Err("a")))
            tg.create_task(fail(BaseErr("b")))
    except BaseExceptionGroup as e:
        log("mixed", e, isinstance(e, ExceptionGroup), isinstance(e, Exception))


@shows("TG10")
async def a_cancel_from_outside():
    async def work(n):
        try:
            await sleep(10)
        except CancelledError as e:
            log("cut", n, e)
            await sleep(n)
            raise

    async def grouped():
        try:
            async with TaskGroup() as tg:
                tg.create_task(work(1))
                tg.create_task(work(2))
        except CancelledError as e:
            log("out", e, current_task().cancelling(), now())
            raise
    t = create_task(grouped())
    await sleep(1)
    t.cancel("outside")
    await wait([t])
    log("end", t.cancelled(), t.cancelling())


@shows("TG10")
async def a_cancel_from_outside_during_the_body():
    async def work(n):
        try:
            await sleep(10)
        except CancelledError as e:
            log("cut", n, e)
            raise

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(work(1))
            try:
                await sleep(5)
            except CancelledError as e:
                log("body", e)
                raise
    t = create_task(grouped())
    await sleep(1)
    t.cancel("outside")
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling())


@shows("TG11")
async def a_cancel_from_outside_and_a_failing_child():
    async def fail():
        try:
            await sleep(10)
        finally:
            raise Err("cleanup")

    async def grouped():
        try:
            async with TaskGroup() as tg:
                tg.create_task(fail())
        except ExceptionGroup as e:
            log("group", e, current_task().cancelling())
            try:
                await sleep(0)
                log("never")
            except CancelledError as c:
                log("cancelled again", c, current_task().cancelling())
                raise
    t = create_task(grouped())
    await sleep(1)
    t.cancel("outside")
    await wait([t])
    log("end", t.cancelled(), t.cancelling())


@shows("TG12")
async def nested_groups_failing_together():
    async def fail(n):
        await sleep(1)
        raise Err(n)
    try:
        async with TaskGroup() as outer:
            outer.create_task(fail("outer"))
            async with TaskGroup() as inner:
                inner.create_task(fail("inner"))
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())
    try:
        async with TaskGroup() as outer:
            async with TaskGroup() as inner:
                inner.create_task(fail("a"))
                outer.create_task(fail("b"))
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())


@shows("TG13")
async def the_exit_waits_for_a_stubborn_child():
    async def stubborn():
        for i in range(3):
            try:
                await sleep(5)
            except CancelledError:
                log("ignored", now())
        log("gives in", now())

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(stubborn())
    t = create_task(grouped())
    await sleep(1)
    t.cancel("m")
    await wait([t], timeout=3)
    log("waiting", t.done())
    await wait([t])
    log("end", t.cancelled())


@shows("TG14")
async def an_eagerly_failing_child():
    async def fail():
        log("fails")
        raise Err("eager")
    get_running_loop().set_task_factory(eager_task_factory)
    try:
        async with TaskGroup() as tg:
            t = tg.create_task(fail())
            log("still here", t.done(), current_task().cancelling())
            try:
                await sleep(0)
                log("once", current_task().cancelling())
                await sleep(0)
                log("never")
            except CancelledError as e:
                log("then", e)
                raise
    except ExceptionGroup as e:
        log("out", e)


@shows("TG14")
async def eager_children_that_finish():
    async def work(n):
        log("work", n)
        return n
    get_running_loop().set_task_factory(eager_task_factory)
    n = polls()
    async with TaskGroup() as tg:
        tasks = [tg.create_task(work(i)) for i in range(3)]
    log("out", [t.result() for t in tasks], polls() - n)


@shows("TG15")
async def results_are_read_from_the_tasks():
    async def work(n):
        await sleep(n)
        return n
    async with TaskGroup() as tg:
        a = tg.create_task(work(2), name="a")
        b = tg.create_task(work(1), name="b")
        log("names", a.get_name(), b.get_name(), a.done())
    log("got", a.result(), b.result(), now())


@shows("TG16")
async def entering_a_group_wrongly():
    tg = TaskGroup()
    async with tg:
        log("inside")
        try:
            async with tg:
                log("never")
        except RuntimeError as e:
            log("twice", e)
    try:
        async with tg:
            log("never")
    except RuntimeError as e:
        log("again", e)


@shows("TG16")
def entering_a_group_without_a_task():
    loop = new_event_loop()

    def plain():
        async def enter():
            async with TaskGroup():
                log("never")
        c = enter()
        log("refused", raised(c.send, None))
        loop.stop()
    loop.call_soon(plain)
    loop.run_forever()


@shows("T10")
async def a_group_with_contexts():
    var = ContextVar("var", default="d")

    async def work(v):
        log("sees", var.get())
        var.set(v)
    var.set("main")
    ctx = copy_context()
    async with TaskGroup() as tg:
        tg.create_task(work("own"), context=ctx)
        tg.create_task(work("copy"))
    log("after", var.get(), ctx.run(var.get))


@shows("TG2", "TG12")
async def a_nested_group_fails_the_outer_one_goes_on():
    async def fail():
        await sleep(1)
        raise Err("inner")

    async def work(n):
        await sleep(n)
        log("end", n)
    async with TaskGroup() as outer:
        outer.create_task(work(3))
        try:
            async with TaskGroup() as inner:
                inner.create_task(fail())
                inner.create_task(work(2))
        except ExceptionGroup as e:
            log("inner", e, current_task().cancelling())
    log("out", now())


@shows("TG9", "TG12")
async def a_child_group_inside_a_child():
    async def leaf(n):
        await sleep(n)
        if n == 2:
            raise Err("leaf")
        log("leaf end", n)

    async def branch(name):
        try:
            async with TaskGroup() as tg:
                for n in [1, 2, 3]:
                    tg.create_task(leaf(n))
        except BaseException as e:
            log(name, e)
            raise
    try:
        async with TaskGroup() as tg:
            tg.create_task(branch("left"))
            tg.create_task(branch("right"))
    except ExceptionGroup as e:
        log("out", e)


@shows("TG6")
async def two_children_fail_in_one_iteration():
    async def fail(n):
        await sleep(1)
        raise Err(n)
    try:
        async with TaskGroup() as tg:
            for n in ["a", "b", "c"]:
                tg.create_task(fail(n))
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())


@shows("TG10")
async def a_child_cancels_the_parent():
    async def work(parent):
        await sleep(1)
        parent.cancel("by a child")
        await sleep(5)

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(work(current_task()))
    t = create_task(grouped())
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling(), now())


@shows("TG10", "TG13")
async def the_parent_is_cancelled_twice():
    async def work():
        try:
            await sleep(10)
        except CancelledError as e:
            log("one", e)
        try:
            await sleep(10)
        except CancelledError as e:
            log("two", e)
            raise

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(work())
    t = create_task(grouped())
    await sleep(1)
    t.cancel("first")
    await sleep(1)
    t.cancel("second")
    await sleep(1)
    log("still waiting", t.done(), t.cancelling())
    await wait([t], timeout=20)
    log("end", t.done(), t.cancelled())


@shows("TG15")
async def a_body_that_returns_at_once():
    async def work():
        await sleep(2)
        log("work ends")
        return 7

    async def grouped():
        async with TaskGroup() as tg:
            t = tg.create_task(work())
            return t
    t = await grouped()
    log("got", t.result(), now())


@shows("TG10", "C9")
async def a_self_cancelled_body():
    async def work():
        try:
            await sleep(5)
        except CancelledError as e:
            log("child", e)
            raise

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(work())
            await sleep(1)
            current_task().cancel("self")
            log("body ends")
    t = create_task(grouped())
    try:
        await t
    except CancelledError as e:
        log("out", e, t.cancelling())


@shows("TG9")
async def subgroups_of_what_came_out():
    async def fail(err):
        raise err
    try:
        async with TaskGroup() as tg:
            for e in [Err("a"), Err2("b"), SubErr("c")]:
                tg.create_task(fail(e))
    except ExceptionGroup as e:
        log("sub", e.subgroup(Err), e.subgroup(ValueError))
        match, rest = e.split(Err)
        log("split", match, rest)
        log("derive", e.derive([Err("d")]))


@shows("TG2", "G11")
async def shielded_work_inside_a_group():
    async def work():
        await sleep(3)
        log("shielded end")

    async def fail():
        await sleep(1)
        raise Err("x")

    async def guard():
        await shield(work())
    try:
        async with TaskGroup() as tg:
            tg.create_task(guard())
            tg.create_task(fail())
    except ExceptionGroup as e:
        log("out", e, now())
    await sleep(5)


@shows("TG5", "O2")
async def a_timeout_expires_in_the_body_of_a_group():
    async def work(n):
        try:
            await sleep(n)
        finally:
            log("cleanup", n)
    try:
        async with TaskGroup() as tg:
            tg.create_task(work(5))
            async with timeout(1):
                await sleep(3)
    except ExceptionGroup as e:
        log("out", e, current_task().cancelling())
