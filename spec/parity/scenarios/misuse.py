# What asyncio refuses of locks and queues: the error, its words, and that nothing has changed.


@shows("K5")
async def misuse_a_lock_released_unlocked():
    lk = Lock()
    log("never", type_name(raised(lk.release)), message(raised(lk.release)), text(lk))
    await lk.acquire()
    lk.release()
    log("twice", message(raised(lk.release)), text(lk))
    log("works", await lk.acquire(), text(lk))


@shows("K5", "K3")
async def misuse_a_lock_released_while_one_is_woken():
    lk = Lock()
    await lk.acquire()
    t = create_task(lk.acquire())
    await sleep(0)
    lk.release()
    log("twice", type_name(raised(lk.release)), message(raised(lk.release)), text(lk))
    log("got", await t, text(lk))


@shows("K15")
async def misuse_a_bounded_semaphore_released_too_often():
    for n in [0, 1, 3]:
        sm = BoundedSemaphore(n)
        log("full", n, type_name(raised(sm.release)), message(raised(sm.release)), text(sm))
    sm = BoundedSemaphore(1)
    await sm.acquire()
    sm.release()
    log("twice", message(raised(sm.release)), text(sm), sm.locked())
    log("works", await sm.acquire(), text(sm))


@shows("K15")
async def misuse_a_bounded_semaphore_with_one_in_line():
    sm = BoundedSemaphore(1)
    await sm.acquire()
    t = create_task(sm.acquire())
    await sleep(0)
    sm.release()
    log("woken", raised(sm.release), text(sm))
    log("over", message(raised(sm.release)), text(sm))
    log("got", await t, message(raised(sm.release)), text(sm))


@shows("K15")
async def misuse_semaphores_with_a_negative_value():
    for made in [Semaphore, BoundedSemaphore]:
        for n in [-1, -1000]:
            log("refused", type_name(raised(made, n)), message(raised(made, n)))


@shows("K16")
async def misuse_a_barrier_without_parties():
    for n in [0, -1, -1000]:
        log("refused", type_name(raised(Barrier, n)), message(raised(Barrier, n)))


@shows("K8")
async def misuse_a_condition_without_its_lock():
    cd = Condition()
    for f in [cd.notify, cd.notify_all, cd.release]:
        log("refused", type_name(raised(f)), message(raised(f)), text(cd))
    try:
        await cd.wait()
    except RuntimeError as e:
        log("wait", message(e), text(cd))
    try:
        await cd.wait_for(lambda: False)
    except RuntimeError as e:
        log("wait_for", message(e), text(cd))
    log("true", await cd.wait_for(lambda: True))
    async with cd:
        log("works", cd.notify(), cd.notify_all(), text(cd))


@shows("K8")
async def misuse_a_condition_whose_waiter_lost_its_lock():
    cd = Condition()

    async def one():
        async with cd:
            await cd.wait()
            cd.release()

    t = create_task(one())
    await sleep(1)
    async with cd:
        cd.notify()
    try:
        await t
    except RuntimeError as e:
        log("exit", message(e), text(cd))


@shows("Q4")
async def misuse_task_done_too_often():
    for q in [Queue(), PriorityQueue(), LifoQueue(2)]:
        log("never", type_name(raised(q.task_done)), message(raised(q.task_done)), text(q))
        q.put_nowait(1)
        log("once", raised(q.task_done))
        log("again", message(raised(q.task_done)), q.qsize(), text(q))
        log("joined", await q.join())
        q.put_nowait(2)
        t = create_task(q.join())
        await sleep(0)
        log("works", raised(q.task_done), message(raised(q.task_done)))
        await t
        log("end", q.get_nowait(), q.get_nowait(), raised(q.get_nowait))


@shows("Q7", "Q4")
async def misuse_task_done_after_items_were_dropped():
    q = Queue()
    for i in range(3):
        q.put_nowait(i)
    q.get_nowait()
    q.shutdown(True)
    log("one", raised(q.task_done))
    log("more", message(raised(q.task_done)), text(q))
    log("joined", await q.join())


@shows("Q5")
async def misuse_queues_with_negative_sizes():
    for made in [Queue, PriorityQueue, LifoQueue]:
        for n in [-1, -1000]:
            q = made(n)
            for i in range(3):
                q.put_nowait(i)
            log("endless", q.maxsize, q.full(), q.qsize(), text(q))


@shows("Q5")
async def misuse_full_and_empty_queues():
    for q in [Queue(1), PriorityQueue(1), LifoQueue(1)]:
        log("empty", type_name(raised(q.get_nowait)), message(raised(q.get_nowait)))
        q.put_nowait(1)
        log("full", type_name(raised(q.put_nowait, 2)), message(raised(q.put_nowait, 2)), q.qsize())
        q.shutdown()
        log("shut", type_name(raised(q.put_nowait, 3)), message(raised(q.put_nowait, 3)), q.qsize())
        log("left", q.get_nowait(), type_name(raised(q.get_nowait)), message(raised(q.get_nowait)))


@shows("K6")
def misuse_of_locks_across_loops():
    lk = Lock()
    ev = Event()
    sm = Semaphore(0)
    bs = BoundedSemaphore(1)
    cd = Condition()
    br = Barrier(2)

    async def in_condition():
        async with cd:
            await cd.wait()

    async def bind():
        await lk.acquire()
        await bs.acquire()
        ts = [create_task(c) for c in [lk.acquire(), ev.wait(), sm.acquire(), bs.acquire(), in_condition(), br.wait()]]
        await sleep(0)
        for t in ts:
            t.cancel()
        await wait(ts)
        log("bound", [text(x) for x in [lk, ev, sm, bs, cd, br]])

    async def elsewhere():
        for name, f in [("Lock", lk.acquire), ("Event", ev.wait), ("Semaphore", sm.acquire), ("BoundedSemaphore", bs.acquire),
                        ("Condition", br.wait)]:
            try:
                await f()
            except RuntimeError as e:
                log("refused", contains(message(e), " is bound to a different event loop"), contains(message(e), name))
        try:
            await in_condition()
        except RuntimeError as e:
            log("refused", contains(message(e), " is bound to a different event loop"))
        log("left", [text(x) for x in [lk, ev, sm, bs, cd, br]])
        lk.release()
        ev.set()
        sm.release()
        bs.release()
        log("free", await lk.acquire(), await ev.wait(), await sm.acquire(), await bs.acquire(), await cd.acquire())
    run(bind(), loop_factory=new_event_loop)
    run(elsewhere(), loop_factory=new_event_loop)


@shows("K6")
def misuse_of_queues_across_loops():
    getting = Queue()
    putting = Queue(1)
    joining = Queue()

    async def bind():
        putting.put_nowait("old")
        joining.put_nowait("work")
        ts = [create_task(c) for c in [getting.get(), putting.put("new"), joining.join()]]
        await sleep(0)
        for t in ts:
            t.cancel()
        await wait(ts)
        log("bound", [text(q) for q in [getting, putting, joining]])

    async def elsewhere():
        try:
            await getting.get()
        except RuntimeError as e:
            log("get", contains(message(e), " is bound to a different event loop"), contains(message(e), "Queue"))
        try:
            await putting.put("newer")
        except RuntimeError as e:
            log("put", contains(message(e), " is bound to a different event loop"))
        try:
            await joining.join()
        except RuntimeError as e:
            log("join", contains(message(e), " is bound to a different event loop"))
        log("left", [text(q) for q in [getting, putting, joining]], [q.qsize() for q in [getting, putting, joining]])
        await getting.put(1)
        log("free", await getting.get(), await putting.get(), raised(joining.task_done), await joining.join())
        t = create_task(joining.get())
        log("work", await t)
        try:
            await wait_for(joining.get(), 1)
        except TimeoutError as e:
            log("getters have a loop of their own", e)
    run(bind(), loop_factory=new_event_loop)
    run(elsewhere(), loop_factory=new_event_loop)


@shows("F6")
async def misuse_of_futures():
    f = Future()
    log("pending", message(raised(f.result)), message(raised(f.exception)))
    f.set_result(1)
    log("again", type_name(raised(f.set_result, 2)), type_name(raised(f.set_exception, Err("e"))), f.result())


@shows("T4")
async def misuse_of_tasks():
    async def one():
        await sleep(1)
        return "kept"

    t = create_task(one())
    log("result", message(raised(t.set_result, 1)), message(raised(t.set_exception, Err("e"))))
    log("then", await t)


@shows("O7", "O8")
async def misuse_of_scopes():
    tm = timeout(5)
    log("early", message(raised(tm.reschedule, 1)))
    async with tm:
        try:
            async with tm:
                log("never")
        except RuntimeError as e:
            log("twice", message(e))
    log("late", message(raised(tm.reschedule, 1)), tm.expired())


@shows("TG1", "TG16")
async def misuse_of_groups():
    async def child():
        log("never")

    tg = TaskGroup()
    for i in range(2):
        c = child()
        err = raised(tg.create_task, c)
        log("closed", type_name(err), i)
        if i == 0:
            async with tg:
                try:
                    async with tg:
                        log("never")
                except RuntimeError as e:
                    log("twice", type_name(e))


@shows("W1", "W7")
async def misuse_of_wait():
    f = Future()
    f.set_result(1)
    try:
        await wait([])
    except ValueError as e:
        log("empty", message(e))
    try:
        await wait([f], return_when="sometimes")
    except ValueError as e:
        log("when", message(e))


@shows("N5", "L13", "L14")
def misuse_of_runners_and_loops():
    r = Runner(loop_factory=new_event_loop)

    async def main():
        c = inner()
        log("inside", message(raised(run, c)))
        c.close()
        d = inner()
        log("same", message(raised(r.run, d)))
        d.close()
        loop = get_running_loop()
        log("running", message(raised(loop.run_forever)), message(raised(loop.close)))
        return "kept"

    async def inner():
        log("never")
    log("result", r.run(main()))
    loop = r.get_loop()
    r.close()
    r.close()
    log("closed", message(raised(r.get_loop)), message(raised(loop.call_soon, log)), message(raised(loop.run_forever)))
