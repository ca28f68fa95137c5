# L: the loop, its callbacks and timers.

@shows("L1")
def call_soon_is_fifo():
    loop = new_event_loop()

    def first():
        log("first")
        loop.call_soon(log, "from first")
    loop.call_soon(first)
    loop.call_soon(log, "second", 2)
    loop.call_soon(log, "third")
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("between")
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("L1")
def callbacks_queued_by_callbacks_wait_for_the_next_iteration():
    loop = new_event_loop()

    def again(n):
        log("at", n)
        if n < 4:
            loop.call_soon(again, n + 1)
        else:
            loop.stop()
    loop.call_soon(again, 0)
    loop.run_forever()


@shows("L2")
def due_timers_run_behind_ready_callbacks():
    loop = new_event_loop()

    def busy():
        log("busy")
        loop.call_soon(log, "ready")
    loop.call_at(1, busy)
    loop.call_at(1, log, "same deadline")
    loop.call_later(2, loop.stop)
    loop.call_soon(log, "soon")
    loop.call_later(0, log, "due at once")
    loop.run_forever()


@shows("L5")
def equal_deadlines_run_in_order_of_making():
    loop = new_event_loop()
    for i in range(6):
        loop.call_at(2, log, "timer", i)
    loop.call_at(1, log, "early")
    loop.call_at(3, loop.stop)
    for i in range(6, 9):
        loop.call_at(2, log, "timer", i)
    loop.run_forever()


@shows("L6")
def call_later_zero_and_negative():
    loop = new_event_loop()

    def start():
        loop.call_later(0, log, "zero")
        loop.call_later(-5, log, "negative")
        loop.call_soon(log, "soon")
        loop.call_at(-1, log, "past")
        log("refused", raised(loop.call_later, None, log))
        loop.call_later(1, loop.stop)
    loop.call_soon(start)
    loop.run_forever()


@shows("L7")
def a_cancelled_handle_does_not_run():
    loop = new_event_loop()

    def first():
        log("first", later.cancelled())
        later.cancel()
        later.cancel()
        log("cancelled", later.cancelled())
    loop.call_soon(first)
    later = loop.call_soon(log, "never")
    loop.call_soon(log, "last")
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("L7", "L8")
def cancelled_timers_do_not_run():
    loop = new_event_loop()
    handles = [loop.call_at(i % 7 + 1, log, "timer", i) for i in range(20)]
    for i in range(20):
        if i % 3 != 0:
            handles[i].cancel()
    log("when", handles[3].when(), handles[3].cancelled(), handles[4].cancelled())
    loop.call_at(6, handles[6].cancel)
    loop.call_at(10, loop.stop)
    loop.run_forever()


@shows("L8")
def many_cancelled_timers_leave_the_rest_in_order():
    loop = new_event_loop()
    handles = [loop.call_at((i * 37) % 101, log, "timer", i) for i in range(150)]
    for i in range(150):
        if i % 10 != 0:
            handles[i].cancel()
    loop.call_at(200, loop.stop)
    loop.run_forever()


@shows("L7")
def a_timer_cancelled_by_a_callback_of_its_own_iteration():
    loop = new_event_loop()
    def cut():
        log("cut", second.cancelled())
        second.cancel()
    loop.call_at(1, cut)
    second = loop.call_at(1, log, "never")
    third = loop.call_at(1, log, "third")
    loop.call_at(1, loop.stop)
    loop.run_forever()
    log("late cancel", third.cancelled())
    third.cancel()
    log("late cancel", third.cancelled())


@shows("L9")
def stop_lets_the_iteration_finish():
    loop = new_event_loop()

    def stop():
        loop.stop()
        loop.call_soon(log, "added after stop")
        log("stopped")
    loop.call_soon(log, "before")
    loop.call_soon(stop)
    loop.call_soon(log, "behind stop")
    loop.run_forever()
    log("out")
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("out again")


@shows("L10")
def stop_before_run_gives_one_iteration():
    loop = new_event_loop()
    loop.call_soon(log, "one")
    loop.call_later(0, log, "due")
    loop.call_later(1, log, "not yet")
    loop.stop()
    loop.run_forever()
    log("cleared")
    loop.call_later(2, loop.stop)
    loop.run_forever()


@shows("L11")
def run_until_complete_of_a_stopped_loop():
    loop = new_event_loop()

    async def main():
        log("main")
        loop.stop()
        await sleep(1)
        return "done"
    t = loop.create_task(main())
    try:
        loop.run_until_complete(t)
    except RuntimeError as e:
        log("stopped", e, message(e), t.done())
    log("again", loop.run_until_complete(t))


@shows("L12")
def run_until_complete_with_stop_pending():
    loop = new_event_loop()
    f = loop.create_future()
    f.set_result("ready")
    loop.stop()
    log("result", loop.run_until_complete(f))

    async def trivial():
        return "trivial"
    loop.stop()
    log("coroutine", raised(loop.run_until_complete, trivial()))
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("L13")
def a_running_loop_refuses_to_run():
    loop = new_event_loop()
    other = new_event_loop()

    async def trivial():
        pass

    def inside():
        log("running", loop.is_running(), other.is_running())
        log("itself", raised(loop.run_forever))
        log("another", raised(other.run_forever))
        c = trivial()
        log("until", raised(loop.run_until_complete, c))
        c.close()
        log("still", get_running_loop() is loop)
        loop.stop()
    loop.call_soon(inside)
    loop.run_forever()
    log("after", loop.is_running(), raised(get_running_loop))


@shows("L14")
def closing():
    loop = new_event_loop()

    async def trivial():
        pass

    def inside():
        log("while running", raised(loop.close))
        loop.stop()
    loop.call_soon(inside)
    loop.run_forever()
    loop.call_soon(log, "dropped")
    loop.call_later(1, log, "dropped too")
    loop.close()
    loop.close()
    log("closed", loop.is_closed(), loop.is_running())
    log("call_soon", raised(loop.call_soon, log))
    log("call_later", raised(loop.call_later, 1, log))
    log("call_at", raised(loop.call_at, 1, log))
    c = trivial()
    log("create_task", raised(loop.create_task, c))
    log("run_forever", raised(loop.run_forever))
    log("until", raised(loop.run_until_complete, c))
    log("threadsafe", raised(loop.call_soon_threadsafe, log))
    c.close()


@shows("L15", "E1")
def a_failing_callback_does_not_stop_the_loop():
    loop = new_event_loop()

    def fail(err):
        raise err
    loop.call_soon(fail, Err("one"))
    loop.call_soon(log, "next")
    loop.call_soon(fail, CancelledError("c"))
    loop.call_later(1, fail, BaseErr("base"))
    loop.call_later(2, loop.stop)
    loop.run_forever()


@shows("L16")
def keyboard_interrupt_leaves_the_loop():
    loop = new_event_loop()

    def interrupt():
        raise KeyboardInterrupt("k")
    loop.call_soon(interrupt)
    loop.call_soon(log, "kept")
    try:
        loop.run_forever()
    except KeyboardInterrupt as e:
        log("out", e, loop.is_running(), loop.is_closed())
    loop.call_soon(loop.stop)
    loop.run_forever()


@shows("L16", "T8")
def system_exit_from_a_task_leaves_the_loop():
    loop = new_event_loop()

    async def leave():
        await sleep(1)
        raise SystemExit("bye")

    async def other():
        for i in range(3):
            log("other", i)
            await sleep(1)
    t = loop.create_task(leave())
    o = loop.create_task(other())
    try:
        loop.run_forever()
    except SystemExit as e:
        log("out", e, t.done(), t.exception())
    log("goes on", loop.run_until_complete(o))


@shows("L16")
def an_interrupt_during_run_until_complete():
    loop = new_event_loop()

    def interrupt():
        log("interrupt")
        raise KeyboardInterrupt

    async def main():
        try:
            await sleep(5)
            log("finished")
        finally:
            log("finally")
        return "m"
    t = loop.create_task(main())
    loop.call_later(2, interrupt)
    try:
        loop.run_until_complete(t)
    except KeyboardInterrupt as e:
        log("out", e, t.done(), loop.time())
    log("result", loop.run_until_complete(t))


@shows("L19")
def a_plain_callback_has_no_task():
    loop = new_event_loop()

    def plain():
        log("plain", current_task(), get_running_loop() is loop)
        loop.stop()

    async def tasked():
        log("task", current_task() is t, get_running_loop() is loop)
        loop.call_soon(plain)
    t = loop.create_task(tasked(), name="n")
    loop.run_forever()
    log("outside", current_task(loop), raised(get_running_loop), raised(current_task))


@shows("L21")
def without_a_running_loop():
    async def trivial():
        pass
    c = trivial()
    log("create_task", raised(create_task, c))
    log("all_tasks", raised(all_tasks))
    log("gather", raised(gather))
    log("sleep needs none", iscoroutine(c))
    c.close()


@shows("L21", "O8")
def timeout_without_a_running_loop():
    async def main():
        async with timeout(3) as scope:
            log("inside", scope.when())
        log("expired", scope.expired())
    log("made")
    loop = new_event_loop()
    log("main", loop.run_until_complete(main()))

    async def callback_scope():
        f = Future()

        def plain():
            async def enter():
                async with timeout(1):
                    log("never")
            c = enter()
            try:
                c.send(None)
            except RuntimeError as e:
                log("outside a task", e)
            f.set_result(1)
        loop.call_soon(plain)
        await f
    loop.run_until_complete(callback_scope())


@shows("L17")
def call_soon_threadsafe_uses_the_same_queue():
    loop = new_event_loop()
    loop.call_soon(log, "one")
    h = loop.call_soon_threadsafe(log, "two", 2)
    c = loop.call_soon_threadsafe(log, "never")
    c.cancel()
    loop.call_soon(log, "three")
    loop.call_soon_threadsafe(loop.stop)
    log("handles", h, c.cancelled())
    loop.run_forever()


@shows("L22")
def time_and_when_share_one_clock():
    loop = new_event_loop()
    h = loop.call_later(2.5, log, "a")
    log("when", h.when(), loop.time())

    def at():
        k = loop.call_later(1.25, loop.stop)
        log("when", k.when(), loop.time())
    loop.call_at(4, at)
    loop.run_forever()
    log("time", loop.time())


@shows("L11", "L12")
def runs_one_after_the_other():
    loop = new_event_loop()

    async def step(n):
        log("step", n)
        await sleep(n)
        return n * 2
    for n in range(3):
        log("got", loop.run_until_complete(step(n)))
    log("time", loop.time(), loop.is_running())
    f = loop.create_future()
    loop.call_later(1, f.set_exception, Err("e"))
    try:
        loop.run_until_complete(f)
    except Err as e:
        log("error", e)
    f = loop.create_future()
    loop.call_later(1, f.cancel, "m")
    try:
        loop.run_until_complete(f)
    except CancelledError as e:
        log("cancelled", e)


@shows("T1")
def a_task_made_before_the_loop_runs():
    loop = new_event_loop()

    async def work(n):
        log("work", n, current_task().get_name())
        await sleep(n)
        return n
    a = loop.create_task(work(1), name="a")
    b = loop.create_task(work(2), name="b")
    log("not started", a.done())
    log("b", loop.run_until_complete(b))
    log("a", a.done(), a.result())


@shows("L9", "T9")
def leftovers_stay_between_runs():
    loop = new_event_loop()

    async def ticker():
        for i in range(5):
            log("tick", i)
            await sleep(1)

    async def main(n):
        await sleep(n)
    t = loop.create_task(ticker())
    loop.run_until_complete(main(1.5))
    log("between", t.done(), [x is t for x in all_tasks(loop)])
    loop.run_until_complete(main(2))
    log("between", t.done())
    loop.run_until_complete(t)
    log("end", all_tasks(loop))


@shows("L13")
def two_loops_take_turns():
    a = new_event_loop()
    b = new_event_loop()

    async def work(name, n):
        log(name, get_running_loop() is a)
        await sleep(n)
        return f"{name} done"
    log("a", a.run_until_complete(work("first", 2)), a.time(), b.time())
    log("b", b.run_until_complete(work("second", 3)), a.time(), b.time())
    log("a", a.run_until_complete(work("third", 1)), a.time(), b.time())
    a.close()
    log("b", b.run_until_complete(work("fourth", 1)), a.is_closed(), b.is_closed())


@shows("L9", "L10")
def a_callback_that_stops_twice_and_runs_again():
    loop = new_event_loop()
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("one")
    loop.call_later(1, log, "timer")
    loop.call_later(2, loop.stop)
    loop.run_forever()
    log("two", loop.time())


@shows("L3")
def nothing_to_wait_for():
    loop = new_event_loop()
    log("forever", raised(loop.run_forever), loop.is_running())

    async def stuck():
        try:
            await Future()
        finally:
            log("cleanup")
    t = loop.create_task(stuck())
    log("until", raised(loop.run_until_complete, t), t.done())
    t.cancel()
    log("cancelled", raised(loop.run_until_complete, t))


@shows("L2")
def timers_made_by_timers():
    loop = new_event_loop()

    def chain(n):
        log("chain", n)
        if n > 0:
            loop.call_later(n, chain, n - 1)
            loop.call_later(n, log, "beside", n)
            loop.call_soon(log, "soon", n)
        else:
            loop.stop()
    loop.call_later(1, chain, 3)
    loop.run_forever()


@shows("TH9")
def debug_mode_checks_callbacks():
    loop = new_event_loop()
    log("debug", loop.get_debug())
    loop.set_debug(True)
    log("debug", loop.get_debug())

    async def work():
        pass
    log("coroutine function", raised(loop.call_soon, work))
    log("number", raised(loop.call_soon, 5))
    log("later", raised(loop.call_later, 1, work))
    log("at", raised(loop.call_at, 1, None))
    loop.set_debug(False)
    log("debug", loop.get_debug())


@shows("L7")
def handles_answer():
    loop = new_event_loop()
    h = loop.call_soon(log, "h")
    t = loop.call_later(3, log, "t")
    log("kinds", h, t, isinstance(h, Handle), isinstance(t, Handle), isinstance(t, TimerHandle))
    log("cancelled", h.cancelled(), t.cancelled(), t.when())
    t.cancel()
    log("cancelled", h.cancelled(), t.cancelled(), t.when())
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("ran", h.cancelled())


@shows("L1")
def a_huge_number_of_callbacks_keeps_its_order():
    loop = new_event_loop()
    seen = []

    def note(i):
        if i % 50 == 0:
            log("at", i)
        seen.append(i)
    for i in range(200):
        loop.call_soon(note, i)
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("seen", len(seen), seen[0], seen[199])


@shows("L5")
def timers_of_many_deadlines_run_sorted():
    loop = new_event_loop()
    for i in range(40):
        loop.call_at((i * 17) % 13 + 0.5, log, "at", i)
    loop.call_at(20, loop.stop)
    loop.run_forever()


@shows("L3", "L10")
def a_stopped_loop_does_not_sleep():
    loop = new_event_loop()
    loop.stop()
    loop.run_forever()
    log("nothing to do", loop.time())
    loop.call_later(5, log, "timer")
    loop.stop()
    loop.run_forever()
    log("not yet", loop.time())
    loop.call_later(5, loop.stop)
    loop.run_forever()
    log("end", loop.time())


@shows("L20")
def get_event_loop_never_makes_one():
    set_event_loop(None)
    log("none", type_name(raised(get_event_loop)))
    loop = new_event_loop()
    log("still none", type_name(raised(get_event_loop)))
    set_event_loop(loop)
    log("set", get_event_loop() is loop)

    async def main():
        log("running", get_event_loop() is get_running_loop(), get_event_loop() is loop)
    loop.run_until_complete(main())
    run(main(), loop_factory=new_event_loop)
    log("after", get_event_loop() is loop)
    set_event_loop(None)
    log("none", type_name(raised(get_event_loop)))


@shows("L20", "L21")
def set_event_loop_takes_loops_only():
    for value in [1, "loop", [], new_event_loop]:
        log("refused", type_name(raised(set_event_loop, value)))
    loop = new_event_loop()
    set_event_loop(loop)
    loop.close()
    log("closed", get_event_loop() is loop)
    set_event_loop(None)
