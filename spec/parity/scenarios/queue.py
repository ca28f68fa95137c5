# Q1 to Q8: queues. record/queue_matrix.py has the products of waits, wake-ups and cancellations.


@shows("Q1", "IT20")
async def queue_does_not_suspend_when_it_need_not():
    q = Queue(2)
    log("before", polls())
    await q.put(1)
    await q.put(2)
    log("put", polls(), q.full(), q.qsize())
    log("got", await q.get(), await q.get(), q.empty())
    log("after", polls())


@shows("Q4")
async def queue_join_of_nothing_returns_at_once():
    q = Queue()
    log("joined", await q.join(), polls())
    log("done", raised(q.task_done))


@shows("Q4")
async def queue_counts_what_was_put():
    q = Queue()
    for i in range(3):
        q.put_nowait(i)
    t = create_task(q.join())
    for i in range(3):
        log("got", q.get_nowait())
    await sleep(1)
    for i in range(3):
        log("done", raised(q.task_done), t.done())
        await sleep(0)
    log("once more", raised(q.task_done), state(t), text(q))


@shows("Q5")
async def queue_without_a_size_is_never_full():
    for n in [0, -1, -5]:
        q = Queue(n)
        for i in range(20):
            q.put_nowait(i)
        log("full", q.full(), q.qsize(), q.maxsize)


@shows("Q5")
async def queue_refuses_at_its_size():
    for q in [Queue(1), LifoQueue(1), PriorityQueue(1)]:
        log("put", raised(q.put_nowait, 1), q.full())
        log("again", raised(q.put_nowait, 2), q.qsize())
        log("got", q.get_nowait(), raised(q.get_nowait), text(q))


@shows("Q6")
async def queue_shut_down_gives_what_it_has():
    q = Queue()
    q.put_nowait("a")
    q.put_nowait("b")
    q.shutdown()
    q.shutdown()
    log("put", raised(q.put_nowait, "c"))
    log("got", await q.get(), q.get_nowait())
    log("none", raised(q.get_nowait))
    try:
        await q.get()
    except QueueShutDown as e:
        log("get", e, polls())
    try:
        await q.put(1)
    except QueueShutDown as e:
        log("put", e, polls())
    log("text", text(q))


@shows("Q7")
async def queue_shut_down_at_once_drops_what_it_has():
    q = Queue()
    for i in range(3):
        q.put_nowait(i)
    log("got", q.get_nowait())
    t = create_task(q.join())
    await sleep(0)
    q.shutdown(immediate=True)
    log("left", q.qsize(), text(q), raised(q.get_nowait))
    await sleep(1)
    log("joined", t.done())
    q.task_done()
    await sleep(0)
    log("joined", t.done(), raised(q.task_done))


@shows("Q8")
async def queue_priority_is_not_stable():
    q = PriorityQueue()
    for i in range(12):
        q.put_nowait((i % 3, "x"))
    for i in range(12):
        log("got", q.get_nowait())


@shows("Q8")
async def queue_priority_order_of_arrays():
    q = PriorityQueue()
    for item in [(2, "b"), (2, "a"), (1, "z"), (1,), (1, "z", 0), (0, 5), (0, 5, 1)]:
        q.put_nowait(item)
    while not q.empty():
        log("got", q.get_nowait())


@shows("Q8")
async def queue_priority_mixes_puts_and_gets():
    q = PriorityQueue()
    for item in [5, 3, 8, 1]:
        q.put_nowait(item)
    log("got", q.get_nowait(), q.get_nowait())
    for item in [4, 0, 9, 4]:
        q.put_nowait(item)
    while not q.empty():
        log("got", q.get_nowait())


@shows("Q8")
async def queue_lifo_is_a_stack():
    q = LifoQueue()
    for item in ["a", None, False, "b"]:
        q.put_nowait(item)
    log("got", q.get_nowait(), q.get_nowait())
    q.put_nowait("c")
    while not q.empty():
        log("got", q.get_nowait())


@shows("Q1")
async def queue_keeps_none_and_false():
    q = Queue()
    for item in [None, False, 0, "", None]:
        q.put_nowait(item)
    log("size", q.qsize())
    while not q.empty():
        log("got", await q.get())


@shows("Q1", "Q6")
async def queue_of_one_between_two_tasks():
    q = Queue(1)

    async def producer():
        for i in range(4):
            await q.put(i)
            log("put", i)
        q.shutdown()

    async def consumer():
        try:
            while True:
                log("got", await q.get())
        except QueueShutDown as e:
            log("end", e)

    await gather(producer(), consumer())


@shows("Q1", "Q4")
async def queue_workers_share_the_work():
    q = Queue()

    async def worker(name):
        while True:
            n = await q.get()
            await sleep(n)
            log("done", name, n)
            q.task_done()

    ts = [create_task(worker(name)) for name in ["a", "b", "c"]]
    for n in [1, 2, 0.5, 1, 3, 0]:
        q.put_nowait(n)
    await q.join()
    log("joined")
    for t in ts:
        t.cancel()
    await gather(*ts, return_exceptions=True)
    log("workers", [state(t) for t in ts])


@shows("Q2")
async def queue_getter_goes_to_the_end_of_the_line():
    q = Queue()

    async def one(name):
        log("has", name, await q.get())

    ts = [create_task(one(name)) for name in ["a", "b", "c"]]
    await sleep(0)
    q.put_nowait(1)
    log("took", q.get_nowait())
    await sleep(0)
    for i in range(3):
        q.put_nowait(i)
    await sleep(1)
    log("all", [t.done() for t in ts])


@shows("Q3")
async def queue_get_under_a_time_limit_loses_nothing():
    q = Queue()
    for i in range(3):
        try:
            log("got", await wait_for(q.get(), 1))
        except TimeoutError as e:
            log("late", e)
            q.put_nowait(i)
    log("text", text(q))


@shows("Q3")
async def queue_put_under_a_time_limit_leaves_nothing():
    q = Queue(1)
    q.put_nowait("old")
    try:
        await wait_for(q.put("new"), 1)
    except TimeoutError as e:
        log("late", e)
    log("got", q.get_nowait(), text(q))
    await wait_for(q.put("newer"), 1)
    log("got", q.get_nowait(), text(q))


@shows("K6")
def queue_belongs_to_the_loop_of_its_first_wait():
    q = Queue()

    async def wait_once():
        t = create_task(q.get())
        await sleep(0)
        q.put_nowait("a")
        log("got", await t)

    async def elsewhere():
        await q.put("b")
        log("got", await q.get())
        try:
            await q.get()
        except RuntimeError as e:
            log("refused", e)

    run(wait_once(), loop_factory=new_event_loop)
    run(elsewhere(), loop_factory=new_event_loop)


@shows("Q1")
async def queue_that_grows_after_it_has_turned_round():
    for turn in range(7):
        q = Queue()
        for i in range(turn):
            q.put_nowait("old")
            q.get_nowait()
        for i in range(2):
            q.put_nowait(i)
        log("first", q.get_nowait())
        for i in range(20):
            q.put_nowait(i + 2)
        log("all", [q.get_nowait() for i in range(21)], q.empty())
