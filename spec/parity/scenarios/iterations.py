# Section 1 of SEMANTICS: how many polls lie between an await and its resumption.

@shows("IT1", "IT2", "IT3", "IT4")
async def polls_of_what_is_done_and_of_sleep():
    async def trivial():
        return "t"
    f = Future()
    f.set_result("f")
    n = polls()
    v = await trivial()
    log("coroutine", v, polls() - n)
    v = await f
    log("future", v, polls() - n)
    t = create_task(trivial())
    await sleep(0)
    n = polls()
    v = await t
    log("done task", v, polls() - n)
    n = polls()
    await sleep(0)
    log("sleep(0)", polls() - n)
    n = polls()
    await sleep(-1)
    log("sleep(-1)", polls() - n)
    n = polls()
    await sleep(3)
    log("sleep(3)", polls() - n)


@shows("IT5", "IT6", "IT7")
async def polls_of_a_callback_and_of_tasks():
    async def trivial():
        return 1
    f = Future()
    get_running_loop().call_soon(f.set_result, "soon")
    n = polls()
    v = await f
    log("future by call_soon", v, polls() - n)
    n = polls()
    v = await create_task(trivial())
    log("task", v, polls() - n)
    n = polls()
    v = await create_task(trivial(), eager_start=True)
    log("eager", v, polls() - n)


@shows("IT8", "IT9", "D1")
async def polls_of_wait_for():
    async def trivial():
        return "t"
    n = polls()
    v = await wait_for(trivial(), 5)
    log("coroutine with time", v, polls() - n)
    v = await wait_for(trivial(), None)
    log("coroutine without", v, polls() - n)
    n = polls()
    v = await wait_for(create_task(trivial()), 5)
    log("task", v, polls() - n)


@shows("IT10")
async def polls_of_cancelling_a_sleeper_and_an_unstarted_task():
    async def sleeper():
        await sleep(10)
    t = create_task(sleeper())
    await sleep(1)
    n = polls()
    t.cancel()
    try:
        await t
    except CancelledError:
        log("sleeping", polls() - n)
    t = create_task(sleeper())
    n = polls()
    t.cancel()
    try:
        await t
    except CancelledError:
        log("unstarted", polls() - n)
    await sleep(1)


@shows("IT11", "IT12", "IT24")
async def polls_of_wait_for_zero():
    async def trivial():
        log("never")
    f = Future()
    n = polls()
    try:
        await wait_for(f, 0)
    except TimeoutError as e:
        log("future", e, f.cancelled(), polls() - n)
    n = polls()
    try:
        await wait_for(trivial(), 0)
    except TimeoutError as e:
        log("coroutine", e, polls() - n)
    f = Future()
    n = polls()
    try:
        async with timeout(0):
            await f
    except TimeoutError:
        log("timeout(0)", f.cancelled(), polls() - n)


@shows("IT13", "IT14")
async def polls_of_gather():
    async def trivial(x):
        return x
    n = polls()
    v = await gather(trivial(1))
    log("one", v, polls() - n)
    n = polls()
    v = await gather(trivial(1), trivial(2), trivial(3), trivial(4))
    log("four", v, polls() - n)
    n = polls()
    v = await gather()
    log("none", v, polls() - n)
    f = Future()
    f.set_result(7)
    n = polls()
    v = await gather(f, f)
    log("done", v, polls() - n)


@shows("IT15")
async def polls_of_shield():
    async def trivial(x):
        return x
    n = polls()
    v = await shield(trivial("s"))
    log("coroutine", v, polls() - n)
    f = Future()
    f.set_result("f")
    n = polls()
    v = await shield(f)
    log("done", v, polls() - n)
    f = Future()
    n = polls()
    get_running_loop().call_soon(f.set_result, "p")
    v = await shield(f)
    log("pending", v, polls() - n)


@shows("IT16", "IT17")
async def polls_of_wait():
    async def trivial(x):
        return x
    n = polls()
    done, pending = await wait([create_task(trivial(1))])
    log("task", done, pending, polls() - n)
    f = Future()
    f.set_result(1)
    n = polls()
    done, pending = await wait([f])
    log("done future", done, pending, polls() - n)


@shows("IT18")
async def polls_of_as_completed():
    async def trivial(x):
        return x
    n = polls()
    async for t in as_completed([trivial(1)]):
        log("async", t.result(), polls() - n)
    n = polls()
    for c in as_completed([trivial(2)]):
        v = await c
        log("plain", v, polls() - n)


@shows("IT19")
async def polls_of_a_task_group():
    async def trivial(x):
        log("child", x)
    n = polls()
    async with TaskGroup() as tg:
        tg.create_task(trivial(1))
    log("one child", polls() - n)
    n = polls()
    async with TaskGroup() as tg:
        tg.create_task(trivial(1))
        tg.create_task(trivial(2))
        tg.create_task(trivial(3))
    log("three children", polls() - n)
    n = polls()
    async with TaskGroup():
        pass
    log("none", polls() - n)


@shows("IT22")
async def polls_of_cancelling_a_task_in_gather():
    async def sleeper():
        await sleep(10)

    async def gatherer():
        await gather(sleeper(), sleeper())
    t = create_task(gatherer())
    await sleep(1)
    n = polls()
    t.cancel("m")
    try:
        await t
    except CancelledError as e:
        log("gather", e, polls() - n)


@shows("IT23")
async def polls_of_cancelling_a_task_in_a_group():
    async def sleeper():
        await sleep(10)

    async def grouped():
        async with TaskGroup() as tg:
            tg.create_task(sleeper())
            tg.create_task(sleeper())
    t = create_task(grouped())
    await sleep(1)
    n = polls()
    t.cancel("m")
    try:
        await t
    except CancelledError as e:
        log("group", e, polls() - n)


@shows("IT13", "IT15")
async def polls_of_nested_waits():
    async def trivial(x):
        return x

    async def nested(x):
        return await gather(trivial(x), gather(trivial(x + 1), trivial(x + 2)))
    n = polls()
    v = await nested(1)
    log("gather of gather", v, polls() - n)
    n = polls()
    v = await wait_for(gather(trivial(1), trivial(2)), 3)
    log("wait_for gather", v, polls() - n)
    n = polls()
    v = await shield(gather(trivial(1)))
    log("shield gather", v, polls() - n)
    n = polls()
    v = await create_task(nested(5))
    log("task", v, polls() - n)


@shows("IT6")
async def polls_of_a_chain_of_tasks():
    async def link(n):
        if n == 0:
            await sleep(1)
            return "end"
        return await create_task(link(n - 1))
    n = polls()
    for depth in range(5):
        n = polls()
        v = await link(depth)
        log("depth", depth, v, polls() - n)


@shows("IT10", "C5")
async def polls_of_cancelling_a_chain_of_tasks():
    async def link(n):
        try:
            if n == 0:
                await sleep(10)
            await create_task(link(n - 1))
        finally:
            log("out of", n, current_task().cancelling())
    t = create_task(link(4))
    await sleep(1)
    n = polls()
    t.cancel("x")
    try:
        await t
    except CancelledError as e:
        log("cut", e, polls() - n)
