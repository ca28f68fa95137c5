# N: Runner and run.

@shows("N1")
def what_run_leaves_behind():
    async def work(n):
        try:
            log("work", n)
            await sleep(10)
        except CancelledError as e:
            log("cut", n, e)
            await sleep(n)
            log("cleaned", n)
            raise

    async def main():
        for n in [3, 1, 2]:
            create_task(work(n))
        await sleep(1)
        log("main ends")
        return "main"
    log("got", run(main(), loop_factory=new_event_loop))


@shows("N1")
def leftovers_that_fail_are_reported():
    async def fail(n):
        try:
            await sleep(10)
        finally:
            log("fails", n)
            raise Err(n)

    async def main():
        create_task(fail("a"))
        create_task(fail("b"))
        await sleep(1)
    log("got", run(main(), loop_factory=new_event_loop))


@shows("N1")
def leftovers_that_swallow_the_cancel():
    async def stubborn():
        try:
            await sleep(10)
        except CancelledError:
            log("swallowed")
        await sleep(2)
        log("goes on")

    async def main():
        create_task(stubborn())
        await sleep(1)
    log("got", run(main(), loop_factory=new_event_loop))


@shows("N2")
def tasks_made_during_the_cleanup():
    async def late():
        log("late starts")
        await sleep(50)
        log("never")

    async def work():
        try:
            await sleep(10)
        finally:
            create_task(late())
            await sleep(0)
            log("cleaned")

    async def main():
        create_task(work())
        await sleep(1)
        return 1
    log("got", run(main(), loop_factory=new_event_loop))


@shows("N3")
def the_result_comes_after_the_cleanup():
    async def work():
        try:
            await sleep(10)
        finally:
            log("cleanup")

    async def main(err):
        create_task(work())
        await sleep(1)
        if err:
            raise err
        return "value"
    log("got", run(main(None), loop_factory=new_event_loop))
    log("error", raised(run, main(Err("main")), loop_factory=new_event_loop))
    log("base", raised(run, main(BaseErr("main")), loop_factory=new_event_loop))
    log("cancelled", raised(run, main(CancelledError("main")), loop_factory=new_event_loop))


@shows("N4")
def runs_of_one_runner():
    var = ContextVar("var", default="none")
    loops = []

    async def step(v):
        log("sees", var.get())
        var.set(v)
        loops.append(get_running_loop())
        await sleep(1)
        return v
    with Runner(loop_factory=new_event_loop) as runner:
        log("got", runner.run(step("one")))
        log("got", runner.run(step("two")))
        ctx = copy_context()
        log("got", runner.run(step("three"), context=ctx))
        log("got", runner.run(step("four")))
        log("loop", loops[0] is loops[1], runner.get_loop() is loops[0], runner.get_loop().time())
    log("outside", var.get(), ctx.run(var.get), loops[0].is_closed())


@shows("N5")
def a_closed_runner():
    async def work():
        return 1
    runner = Runner(loop_factory=new_event_loop)
    log("got", runner.run(work()))
    runner.close()
    runner.close()
    c = work()
    log("closed", raised(runner.run, c), raised(runner.get_loop))
    c.close()

    async def inside():
        c = work()
        log("inside", raised(run, c))
        c.close()
        other = Runner(loop_factory=new_event_loop)
        d = work()
        log("runner inside", raised(other.run, d))
        d.close()
    run(inside(), loop_factory=new_event_loop)


@shows("N6")
def run_takes_any_awaitable():
    async def work(x):
        log("work", x)
        await sleep(1)
        return x
    log("object", run(awaitable(lambda: work(1)), loop_factory=new_event_loop))
    log("number", raised(run, 5, loop_factory=new_event_loop))


@shows("N4")
def leftovers_stay_between_runs_of_a_runner():
    async def ticker():
        try:
            for i in range(10):
                log("tick", i)
                await sleep(1)
        finally:
            log("ticker out")

    async def main(n, start):
        if start:
            create_task(ticker())
        await sleep(n)
        return n
    with Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(1.5, True))
        log("between")
        runner.run(main(2, False))
        log("closing")
    log("closed")


@shows("N4")
def an_error_leaves_the_runner_usable():
    async def fail():
        await sleep(1)
        raise Err("x")

    async def work():
        return "fine"
    with Runner(loop_factory=new_event_loop) as runner:
        log("failed", raised(runner.run, fail()))
        log("then", runner.run(work()))
    log("end")


@shows("N5")
def an_error_in_the_with_block_closes_the_runner():
    async def work():
        await sleep(1)
    runner = Runner(loop_factory=new_event_loop)
    try:
        with runner:
            runner.run(work())
            raise Err("block")
    except Err as e:
        c = work()
        log("out", e, raised(runner.run, c))
        c.close()


@shows("N5")
def a_runner_never_used():
    with Runner(loop_factory=new_event_loop) as runner:
        log("nothing")
    log("loop", raised(runner.get_loop))


@shows("N4")
def a_runner_whose_loop_is_looked_at_first():
    async def work():
        await sleep(1)
        return get_running_loop()
    with Runner(loop_factory=new_event_loop) as runner:
        loop = runner.get_loop()
        log("same", loop.is_running(), runner.run(work()) is loop, loop.is_closed())
    log("closed", loop.is_closed())


@shows("N3", "C9")
def a_main_that_is_cancelled():
    async def main():
        get_running_loop().call_later(1, current_task().cancel, "timer")
        try:
            await sleep(5)
        finally:
            log("cleanup", now())
    log("out", raised(run, main(), loop_factory=new_event_loop))


@shows("N1", "T8")
def an_interrupt_from_main():
    async def work():
        try:
            await sleep(10)
        except CancelledError as e:
            log("cut", e)
            raise

    async def main(err):
        create_task(work())
        await sleep(1)
        raise err
    log("out", raised(run, main(KeyboardInterrupt("k")), loop_factory=new_event_loop))
    log("out", raised(run, main(SystemExit("s")), loop_factory=new_event_loop))


@shows("N11")
def debug_of_a_runner():
    async def main():
        return get_running_loop().get_debug()
    log("default", run(main(), loop_factory=new_event_loop))
    log("on", run(main(), loop_factory=new_event_loop, debug=True))
    log("off", run(main(), loop_factory=new_event_loop, debug=False))


@shows("N1")
def leftover_chains_are_cancelled_in_order():
    async def link(n):
        try:
            if n > 0:
                await create_task(link(n - 1), name=f"link{n - 1}")
            else:
                await sleep(10)
        except CancelledError as e:
            log("cut", n, e)
            raise

    async def main():
        create_task(link(3), name="link3")
        create_task(link(1), name="other")
        await sleep(1)
        log("tasks", len(all_tasks()))
    run(main(), loop_factory=new_event_loop)


@shows("N1", "C6")
def leftover_groups_and_shields():
    async def leaf(n):
        try:
            await sleep(n)
            log("leaf end", n)
        except CancelledError as e:
            log("leaf cut", n, e)
            raise

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(leaf(11))
            tg.create_task(leaf(12))

    async def shielded():
        await shield(leaf(13))

    async def main():
        create_task(grouped())
        create_task(shielded())
        g = gather(leaf(14), leaf(15))
        await sleep(1)
        log("main ends", g.done())
    log("got", run(main(), loop_factory=new_event_loop))
