# K: locks and what else tasks wait in line for.

@shows("K1")
async def a_lock_is_first_come_first_served():
    lk = Lock()
    await lk.acquire()

    async def one(label):
        log("asks", label, await lk.acquire(), text(lk))
        await sleep(1)
        lk.release()
        log("gave", label, lk.locked(), text(lk))
    ts = [create_task(one(label)) for label in ["a", "b", "c"]]
    await sleep(1)
    lk.release()
    await wait(ts)
    log("end", text(lk))


@shows("K1", "K2")
async def a_newcomer_queues_behind_who_was_woken():
    lk = Lock()
    await lk.acquire()

    async def one(label):
        await lk.acquire()
        log("has", label)
        lk.release()
    a = create_task(one("a"))
    await sleep(0)
    lk.release()
    log("free", lk.locked(), text(lk))
    await lk.acquire()
    log("main has it", a.done(), text(lk))
    lk.release()
    await a


@shows("K3")
async def a_woken_waiter_that_is_cancelled_passes_it_on():
    lk = Lock()
    await lk.acquire()

    async def one(label):
        try:
            await lk.acquire()
            log("has", label)
        except CancelledError as e:
            log("cut", label, e, lk.locked())
            raise
    ts = [create_task(one(label)) for label in ["a", "b", "c"]]
    await sleep(0)
    lk.release()
    ts[0].cancel("one")
    ts[1].cancel("two")
    await sleep(1)
    log("then", [state(t) for t in ts], text(lk))


@shows("K4")
async def a_lock_whose_waiters_are_all_cancelled_is_free():
    lk = Lock()
    await lk.acquire()
    ts = [create_task(lk.acquire()) for i in range(3)]
    await sleep(0)
    for t in ts:
        t.cancel()
    lk.release()
    p = polls()
    log("in line", text(lk))
    log("has it", await lk.acquire(), polls() - p, text(lk))
    await sleep(0)
    log("after", text(lk), [t.cancelled() for t in ts])


@shows("K5")
async def a_lock_has_no_owner():
    lk = Lock()
    log("free", raised(lk.release), text(lk))
    await create_task(lk.acquire())
    log("other", raised(lk.release), text(lk))
    await lk.acquire()
    try:
        await wait_for(lk.acquire(), 1)
    except TimeoutError as e:
        log("not twice", e, text(lk))


@shows("K6")
def a_lock_belongs_to_the_loop_of_its_first_wait():
    lk = Lock()

    async def uncontended():
        await lk.acquire()
        lk.release()
        log("fine", text(lk))

    async def contended():
        await lk.acquire()
        t = create_task(lk.acquire())
        await sleep(0)
        log("in line", text(lk))
        lk.release()
        try:
            log("got", await t)
            lk.release()
        except RuntimeError as e:
            log("refused", e, text(lk))
    for main in [uncontended, uncontended, contended, uncontended, contended, uncontended]:
        run(main(), loop_factory=new_event_loop)


@shows("K6")
def events_semaphores_conditions_and_barriers_belong_to_a_loop():
    ev = Event()
    sm = Semaphore(0)
    cd = Condition()
    br = Barrier(2)

    async def in_condition():
        async with cd:
            await cd.wait()

    async def main():
        ts = [create_task(ev.wait()), create_task(sm.acquire()), create_task(in_condition()), create_task(br.wait())]
        await sleep(1)
        log("in line", [text(x) for x in [ev, sm, cd, br]])
        ev.set()
        sm.release()
        async with cd:
            cd.notify()
        u = create_task(br.wait())
        ts.append(u)
        await wait(ts)
        log("ended", [state(t) for t in ts])
        ev.clear()
        log("left", [text(x) for x in [ev, sm, cd, br]])
    run(main(), loop_factory=new_event_loop)

    async def other():
        ts = [create_task(ev.wait()), create_task(sm.acquire()), create_task(in_condition()), create_task(br.wait())]
        await sleep(1)
        log("refused", [state(t) for t in ts], [text(x) for x in [ev, sm, cd, br]])
    run(other(), loop_factory=new_event_loop)


@shows("K7")
async def an_event_that_is_cleared_at_once_wakes_all_the_same():
    ev = Event()

    async def one(label):
        log("woken", label, await ev.wait(), ev.is_set())
    ts = [create_task(one(i)) for i in range(3)]
    await sleep(1)
    log("waiting", text(ev))
    ev.set()
    log("set", text(ev))
    ev.clear()
    late = create_task(one("late"))
    await wait(ts)
    log("left", text(ev), late.done())
    ev.set()
    ev.set()
    await late
    log("at once", await ev.wait(), text(ev))


@shows("K8")
async def a_condition_asks_only_that_its_lock_is_held():
    cd = Condition()
    log("unheld", raised(cd.notify), raised(cd.notify_all), text(cd))
    try:
        await cd.wait()
    except RuntimeError as e:
        log("wait", e, text(cd))

    async def one():
        log("returns", await cd.wait(), cd.locked())
    await cd.acquire()
    t = create_task(one())
    await sleep(1)
    log("free", text(cd))
    await cd.acquire()
    cd.notify()
    cd.release()
    await t
    log("held", text(cd))


@shows("K9")
async def a_condition_has_its_lock_again_when_it_raises():
    cd = Condition()

    async def one():
        async with cd:
            try:
                await cd.wait()
            except CancelledError as e:
                log("cut", e, cd.locked(), current_task().cancelling())
                raise
    t = create_task(one())
    await sleep(1)
    await cd.acquire()
    for label in ["first", "second", "third"]:
        t.cancel(label)
        await sleep(1)
        log("still", state(t), text(cd))
    cd.release()
    await wait([t])
    log("end", t.cancelled(), t.cancelling(), text(cd))


@shows("K10")
async def a_notified_waiter_that_is_cancelled_notifies_another():
    cd = Condition()

    async def one(label):
        async with cd:
            await cd.wait()
            log("goes on", label)
    ts = [create_task(one(label)) for label in ["a", "b", "c"]]
    await sleep(1)
    async with cd:
        cd.notify(1)
    ts[0].cancel()
    await sleep(1)
    log("then", [state(t) for t in ts], text(cd))
    ts[1].cancel()
    await sleep(1)
    log("unnotified", [state(t) for t in ts], text(cd))
    ts[2].cancel()
    await sleep(1)
    log("end", [state(t) for t in ts], text(cd))


@shows("K10")
async def a_waiter_cancelled_unnotified_wakes_another_for_nothing():
    cd = Condition()

    async def one(label):
        async with cd:
            log("spurious", label, await cd.wait())
    a = create_task(one("a"))
    b = create_task(one("b"))
    await sleep(1)
    a.cancel()
    await sleep(1)
    log("then", state(a), state(b), text(cd))


@shows("K11")
async def notify_wakes_the_oldest_when_the_lock_is_free():
    cd = Condition()

    async def one(label):
        async with cd:
            await cd.wait()
            log("goes on", label, text(cd))
    async with cd:
        cd.notify(3)
        cd.notify_all()
    ts = [create_task(one(i)) for i in range(5)]
    await sleep(1)
    async with cd:
        cd.notify(0)
        cd.notify(2)
        log("notified", text(cd))
        await sleep(1)
        log("held", text(cd))
    await sleep(1)
    log("two", [t.done() for t in ts])
    async with cd:
        cd.notify()
        cd.notify()
        cd.notify_all()
    await wait(ts)


@shows("K12")
async def wait_for_ends_with_what_the_predicate_says():
    cd = Condition()
    said = []

    def predicate():
        log("asked", len(said))
        return len(said) > 1 and "enough"

    async def one():
        async with cd:
            log("said", await cd.wait_for(predicate))
    t = create_task(one())
    for i in range(3):
        await sleep(1)
        async with cd:
            said.append(i)
            cd.notify()
    await t
    async with cd:
        log("at once", await cd.wait_for(lambda: 5))
        try:
            await cd.wait_for(None)
        except TypeError as e:
            log("no function", e)


@shows("K12")
async def a_predicate_that_raises():
    cd = Condition()

    def predicate():
        raise Err("predicate")
    async with cd:
        try:
            await cd.wait_for(predicate)
        except Err as e:
            log("raised", e, text(cd))
    log("end", text(cd))


@shows("K11", "K5")
async def two_conditions_on_one_lock():
    lk = Lock()
    full = Condition(lk)
    empty = Condition(lk)
    made = []
    taken = []

    async def consumer():
        for i in range(3):
            async with full:
                await full.wait_for(lambda: len(made) > len(taken))
                taken.append(made[i])
                log("takes", made[i], text(full), text(empty))
                empty.notify()

    async def producer():
        for i in range(3):
            async with empty:
                await empty.wait_for(lambda: len(made) == len(taken))
                made.append(i + 1)
                full.notify()
    await gather(consumer(), producer())
    log("end", text(lk), text(full), text(empty))


@shows("K13")
async def a_semaphore_hands_over():
    sm = Semaphore(1)
    await sm.acquire()

    async def one(label):
        await sm.acquire()
        log("has", label, text(sm))
    a = create_task(one("a"))
    await sleep(0)
    sm.release()
    log("released", sm.locked(), text(sm))
    b = create_task(one("b"))
    await sleep(1)
    log("then", state(a), state(b), text(sm))
    sm.release()
    sm.release()
    await b
    log("end", text(sm))


@shows("K13")
async def newcomers_queue_behind_those_that_were_woken():
    sm = Semaphore(0)

    async def one(label):
        await sm.acquire()
        log("has", label, text(sm))
    ts = [create_task(one(i)) for i in range(2)]
    await sleep(0)
    sm.release()
    sm.release()
    sm.release()
    log("released", sm.locked(), text(sm))
    p = polls()
    await sm.acquire()
    log("main", polls() - p, text(sm))
    await wait(ts)


@shows("K14")
async def a_woken_semaphore_waiter_that_is_cancelled_gives_it_back():
    sm = Semaphore(0)
    ts = [create_task(sm.acquire()) for i in range(3)]
    await sleep(1)
    sm.release()
    ts[0].cancel()
    log("now", text(sm))
    await sleep(0)
    log("next turn", [state(t) for t in ts], text(sm))
    await sleep(0)
    log("turn after", [state(t) for t in ts], text(sm))
    ts[2].cancel()
    await sleep(1)
    log("end", [state(t) for t in ts], text(sm))


@shows("K15")
async def values_of_semaphores():
    for made in [Semaphore, BoundedSemaphore]:
        log("negative", raised(made, -1), raised(made, -100))
        log("none", text(made(0)), text(made()), text(made(3)))
    sm = Semaphore(0)
    sm.release()
    sm.release()
    log("grows", text(sm), await sm.acquire(), text(sm))
    bs = BoundedSemaphore(2)
    log("full", raised(bs.release), text(bs))
    await bs.acquire()
    log("one", raised(bs.release), raised(bs.release), text(bs))
    empty = BoundedSemaphore(0)
    log("never", raised(empty.release), empty.locked())


@shows("K16")
async def indexes_of_a_barrier_are_by_arrival():
    br = Barrier(3)

    async def one(label):
        log("index", label, await br.wait(), br.n_waiting, text(br))
    ts = [create_task(one(label)) for label in ["a", "b"]]
    await sleep(1)
    log("waiting", br.parties, br.n_waiting, br.broken, text(br))
    p = polls()
    log("last", await br.wait(), polls() - p, text(br), [t.done() for t in ts])
    await wait(ts)
    log("end", text(br))


@shows("K17")
async def a_cancelled_waiter_leaves_a_barrier():
    br = Barrier(2)
    a = create_task(br.wait())
    await sleep(1)
    a.cancel("m")
    await wait([a])
    log("left", a.cancelled(), br.n_waiting, br.broken, text(br))
    b = create_task(br.wait())
    await sleep(1)
    log("round", await br.wait(), await b)


@shows("K18")
async def newcomers_wait_while_a_barrier_drains():
    br = Barrier(2)

    async def one(label):
        for i in range(2):
            log("out", label, i, await br.wait(), text(br))
    ts = [create_task(one(label)) for label in ["a", "b", "c", "d"]]
    await sleep(1)
    log("then", [state(t) for t in ts], text(br))


@shows("K18", "K19")
async def newcomers_wait_while_a_barrier_resets():
    br = Barrier(3)

    async def one(label):
        try:
            log("out", label, await br.wait(), text(br))
        except BrokenBarrierError as e:
            log("broken", label, e, text(br))
    ts = [create_task(one(label)) for label in ["a", "b"]]
    await sleep(1)
    await br.reset()
    log("resetting", br.broken, br.n_waiting, text(br))
    for label in ["c", "d", "e"]:
        ts.append(create_task(one(label)))
    await wait(ts)
    log("end", text(br))
    await br.reset()
    log("empty", text(br))


@shows("K19")
async def abort_lasts_until_reset():
    br = Barrier(2)

    async def one(label):
        try:
            log("out", label, await br.wait())
        except BrokenBarrierError as e:
            log("broken", label, e, br.broken, text(br))
    a = create_task(one("a"))
    await sleep(1)
    await br.abort()
    log("aborted", br.broken, br.n_waiting, text(br))
    await a
    await one("b")
    await br.abort()
    await br.reset()
    log("reset", br.broken, text(br))
    await gather(one("c"), one("d"))


@shows("K16")
async def a_barrier_needs_parties():
    log("none", raised(Barrier, 0), raised(Barrier, -1))
    br = Barrier(1)
    log("alone", await br.wait(), await br.wait(), text(br))


@shows("K20")
async def what_scopes_bind():
    for made in [Lock(), Semaphore(2), BoundedSemaphore(2), Condition()]:
        async with made as bound:
            log("binds", bound, text(made))
        log("left", text(made))
        try:
            async with made:
                raise Err("inside")
        except Err as e:
            log("raised", e, text(made))
    async with Barrier(1) as index:
        log("barrier", index)


@shows("K20")
async def a_scope_whose_lock_was_released_inside():
    lk = Lock()
    try:
        async with lk:
            lk.release()
    except RuntimeError as e:
        log("exit", e, text(lk))


@shows("IT20")
async def what_is_free_does_not_suspend():
    lk = Lock()
    sm = Semaphore(1)
    ev = Event()
    ev.set()
    cd = Condition()
    p = polls()
    for i in range(3):
        await lk.acquire()
        lk.release()
        await sm.acquire()
        sm.release()
        await ev.wait()
        await cd.acquire()
        cd.release()
        await Barrier(1).wait()
    log("polls", polls() - p)


@shows("IT21")
async def an_event_set_by_a_callback():
    ev = Event()
    get_running_loop().call_soon(ev.set)
    p = polls()
    await ev.wait()
    log("polls", polls() - p)


@shows("K2", "K13")
async def polls_of_a_hand_over():
    lk = Lock()
    sm = Semaphore(0)
    await lk.acquire()
    loop = get_running_loop()
    loop.call_soon(lk.release)
    p = polls()
    await lk.acquire()
    log("lock", polls() - p)
    loop.call_soon(sm.release)
    p = polls()
    await sm.acquire()
    log("semaphore", polls() - p)


@shows("K3", "K14")
async def what_waits_in_line_under_a_timeout():
    lk = Lock()
    sm = Semaphore(0)
    ev = Event()
    await lk.acquire()
    for awaited in [lk.acquire(), sm.acquire(), ev.wait()]:
        try:
            log("got", await wait_for(awaited, 1))
        except TimeoutError as e:
            log("late", e, text(lk), text(sm), text(ev))
    get_running_loop().call_at(now() + 1, lk.release)
    try:
        log("both", await wait_for(lk.acquire(), 1), text(lk))
    except TimeoutError as e:
        log("both", e, text(lk))


@shows("K3")
async def a_cancelled_waiter_ahead_holds_the_next_up():
    lk = Lock()
    await lk.acquire()

    async def one(label):
        p = polls()
        try:
            await lk.acquire()
            log("has", label, polls() - p)
        except CancelledError:
            log("cut", label, polls() - p, text(lk))
            raise
    ts = [create_task(one(label)) for label in ["a", "b", "c", "d"]]
    await sleep(0)
    ts[0].cancel()
    ts[2].cancel()
    lk.release()
    log("free", text(lk))
    await sleep(1)
    lk.release()
    await sleep(1)
    log("end", [state(t) for t in ts], text(lk))


@shows("K1", "C8")
async def a_task_that_is_cancelled_and_asks_again_is_last():
    lk = Lock()
    await lk.acquire()

    async def again():
        try:
            await lk.acquire()
        except CancelledError as e:
            log("cut", e, text(lk))
            await lk.acquire()
            log("has", "again", current_task().cancelling())
            lk.release()

    async def one():
        await lk.acquire()
        log("has", "one")
        lk.release()
    a = create_task(again())
    b = create_task(one())
    await sleep(1)
    a.cancel("m")
    await sleep(1)
    lk.release()
    await wait([a, b])
