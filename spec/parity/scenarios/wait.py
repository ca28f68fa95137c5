# W: wait and as_completed.

@shows("W1")
async def what_wait_takes():
    async def work(n):
        await sleep(n)
        return n
    t = create_task(work(1))
    u = create_task(work(2))
    done, pending = await wait([t, t, u, t])
    log("twice", done, pending)
    c = work(3)
    for bad in [[], [c], [t, c]]:
        try:
            await wait(bad)
        except (ValueError, TypeError) as e:
            log("refused", e)
    try:
        await wait([t], return_when="SOMETIME")
    except ValueError as e:
        log("unknown", e)
    c.close()


@shows("W2")
async def wait_with_a_timeout():
    async def work(n):
        await sleep(n)
        return n
    a = create_task(work(1))
    b = create_task(work(3))
    done, pending = await wait([a, b], timeout=2)
    log("two seconds", done, pending, a.done(), b.cancelling())
    done, pending = await wait([b], timeout=0)
    log("zero", len(done), len(pending))
    done, pending = await wait([b], timeout=-1)
    log("negative", len(done), len(pending))
    done, pending = await wait([a, b], timeout=10)
    log("enough", len(done), len(pending), now())


@shows("W3")
async def first_exception_ignores_cancelled_items():
    async def work(n, err):
        await sleep(n)
        if err:
            raise err
        return n
    a = create_task(work(1, CancelledError("c")))
    b = create_task(work(2, Err("b")))
    c = create_task(work(3, None))
    done, pending = await wait([a, b, c], return_when=FIRST_EXCEPTION)
    log("done", [t is a for t in done], [t is c for t in pending], b.exception())
    done, pending = await wait([c], return_when=FIRST_EXCEPTION)
    log("none fails", len(done), len(pending))


@shows("W4")
async def cancelling_a_waiter():
    async def work(n):
        await sleep(n)
        log("end", n)
        return n
    a = create_task(work(2))
    b = create_task(work(3))

    async def waiter():
        try:
            await wait([a, b], timeout=9)
        except CancelledError as e:
            log("waiter", e)
            raise
    w = create_task(waiter())
    await sleep(1)
    w.cancel("w")
    await wait([w])
    log("running", a.done(), b.done(), a.cancelling())
    await wait([a, b])


@shows("W2")
async def first_completed():
    async def work(n):
        await sleep(n)
        return n
    tasks = [create_task(work(n)) for n in [3, 1, 2, 1]]
    pending = tasks
    while len(pending) > 0:
        done, pending = await wait(pending, return_when=FIRST_COMPLETED)
        log("done", [t.result() for t in done], len(pending))


@shows("W2")
async def wait_answers_in_argument_order():
    async def work(n):
        await sleep(n)
        return n
    tasks = [create_task(work(n)) for n in [5, 2, 4, 1, 3]]
    done, pending = await wait(tasks, timeout=3.5)
    log("done", [t.result() for t in done])
    log("pending", [tasks[0] is pending[0], tasks[2] is pending[1], len(pending)])
    await wait(tasks)


@shows("W3")
async def wait_for_futures_completed_together():
    loop = get_running_loop()
    fs = [loop.create_future() for i in range(4)]

    def finish():
        fs[2].set_result("c")
        fs[0].set_exception(Err("a"))
        fs[3].cancel()
    loop.call_later(1, finish)
    done, pending = await wait(fs, return_when=FIRST_COMPLETED)
    log("done", [f is fs[0] for f in done], len(pending), fs[0].exception(), fs[3].cancelled())


@shows("W2", "IT17")
async def wait_over_items_already_done():
    a = Future()
    a.set_result(1)
    b = Future()
    n = polls()
    done, pending = await wait([a, b], return_when=FIRST_COMPLETED)
    log("first", len(done), len(pending), polls() - n)
    n = polls()
    done, pending = await wait([a, b], timeout=0)
    log("zero", len(done), len(pending), polls() - n)
    n = polls()
    done, pending = await wait([a], timeout=5)
    log("all", len(done), len(pending), polls() - n, now())


@shows("W1")
async def two_waiters_on_the_same_tasks():
    async def work(n):
        await sleep(n)
        return n
    a = create_task(work(1))
    b = create_task(work(2))

    async def waiter(name, when):
        done, pending = await wait([b, a], return_when=when)
        log(name, [t.result() for t in done], len(pending))
    await gather(waiter("first", FIRST_COMPLETED), waiter("all", ALL_COMPLETED), waiter("again", FIRST_COMPLETED))


@shows("W3")
async def a_failure_stops_first_exception_only():
    async def work(n):
        await sleep(n)
        if n == 2:
            raise Err("two")
        return n
    for when in [FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED]:
        tasks = [create_task(work(n)) for n in [1, 2, 3]]
        at = now()
        done, pending = await wait(tasks, return_when=when)
        log("after", now() - at, len(done), len(pending))
        await gather(*tasks, return_exceptions=True)


@shows("W5")
async def as_completed_yields_the_callers_tasks():
    async def work(n):
        await sleep(n)
        return n
    tasks = [create_task(work(n)) for n in [3, 1, 2]]
    async for t in as_completed(tasks):
        log("next", t.result(), t in tasks, await t)


@shows("W5")
async def as_completed_in_plain_style():
    async def work(n):
        await sleep(n)
        return n
    t = create_task(work(2))
    items = []
    for c in as_completed([t, work(1), t, work(3)]):
        log("item", iscoroutine(c))
        items.append(c)
    log("items", len(items))
    for c in items:
        log("got", await c)


@shows("W6")
async def as_completed_runs_out_of_time():
    async def work(n):
        await sleep(n)
        return n
    tasks = [create_task(work(n)) for n in [4, 1, 3]]
    try:
        async for t in as_completed(tasks, timeout=2):
            log("next", t.result())
    except TimeoutError as e:
        log("late", e, now())
    log("running", [t.done() for t in tasks], tasks[0].cancelling())
    await wait(tasks)
    tasks = [create_task(work(n)) for n in [4, 1, 3]]
    for c in as_completed(tasks, timeout=2):
        try:
            log("plain", await c)
        except TimeoutError as e:
            log("plain late", e, now())
    await wait(tasks)


@shows("W6")
async def the_time_of_as_completed_starts_at_the_call():
    async def work(n):
        await sleep(n)
        return n
    tasks = [create_task(work(n)) for n in [1, 4]]
    it = as_completed(tasks, timeout=2)
    await sleep(3)
    try:
        async for t in it:
            log("next", t.result())
    except TimeoutError as e:
        log("late", now())
    await wait(tasks)


@shows("W7")
async def what_as_completed_refuses():
    async def work():
        log("never")
    t = create_task(sleep(0))
    f = Future()
    log("task", raised(as_completed, t))
    log("future", raised(as_completed, f))
    async for x in as_completed([]):
        log("never")
    for x in as_completed([]):
        log("never")
    await t
    log("end")


@shows("W5")
async def as_completed_of_failures():
    async def work(n):
        await sleep(n)
        if n == 2:
            raise Err("two")
        if n == 3:
            raise CancelledError("three")
        return n
    async for t in as_completed([work(3), work(2), work(1)]):
        try:
            log("got", await t)
        except BaseException as e:
            log("failed", e)
    for c in as_completed([work(3), work(2), work(1)]):
        try:
            log("got", await c)
        except BaseException as e:
            log("failed", e)


@shows("W5", "IT18")
async def as_completed_of_items_already_done():
    fs = [Future() for i in range(3)]
    fs[1].set_result("b")
    fs[0].set_result("a")
    n = polls()
    get_running_loop().call_later(1, fs[2].set_result, "c")
    async for f in as_completed(fs):
        log("next", f.result(), polls() - n)


@shows("W5")
async def leaving_as_completed_early():
    async def work(n):
        await sleep(n)
        log("end", n)
        return n
    tasks = [create_task(work(n)) for n in [2, 1, 3]]
    async for t in as_completed(tasks, timeout=10):
        log("first", t.result())
        break
    await sleep(5)
    log("all", [t.done() for t in tasks])


@shows("W4", "W5")
async def cancelling_a_loop_over_as_completed():
    async def work(n):
        await sleep(n)
        return n

    async def collector():
        async for t in as_completed(tasks):
            log("next", t.result())
    tasks = [create_task(work(n)) for n in [1, 5]]
    c = create_task(collector())
    await sleep(2)
    c.cancel("m")
    try:
        await c
    except CancelledError as e:
        log("out", e, tasks[1].done())
    await wait(tasks)


@shows("W5")
async def as_completed_with_slow_consumers():
    async def work(n):
        await sleep(n)
        return n
    async for t in as_completed([work(1), work(2), work(2.5), work(9)]):
        log("next", t.result())
        await sleep(2)
    log("end", now())


@shows("W5")
async def plain_items_awaited_out_of_order():
    async def work(n):
        await sleep(n)
        return n
    items = [c for c in as_completed([work(3), work(1), work(2)])]
    a, b = await gather(items[2], items[0])
    log("got", a, b)
    log("last", await items[1])


@shows("W5")
async def the_same_item_twice_in_as_completed():
    f = Future()
    get_running_loop().call_later(1, f.set_result, "f")
    n = 0
    async for x in as_completed([f, f, f]):
        n = n + 1
        log("next", x is f, x.result())
    log("count", n)
