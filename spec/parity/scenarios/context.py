# TH6 to TH8: context variables.

@shows("TH6")
async def variables_without_a_value():
    var = ContextVar("var")
    log("missing", raised(var.get), var.get("given"))
    other = ContextVar("other", default="default")
    log("default", other.get(), other.get("given"))
    token = var.set(1)
    log("set", var.get(), var.get("given"))
    var.reset(token)
    log("reset", raised(var.get))
    log("used", raised(var.reset, token))


@shows("TH6")
async def a_token_of_another_context():
    var = ContextVar("var", default=0)
    ctx = copy_context()
    token = ctx.run(var.set, 5)
    log("other", raised(var.reset, token), var.get())
    log("there", ctx.run(var.get))
    ctx.run(var.reset, token)
    log("reset", ctx.run(var.get))
    second = ContextVar("second", default=0)
    t = var.set(1)
    log("variable", raised(second.reset, t))


@shows("TH7")
async def entering_a_context_twice():
    var = ContextVar("var", default=0)
    ctx = copy_context()

    def inside(depth):
        var.set(depth)
        log("inside", var.get(), raised(ctx.run, inside, depth + 1))
        return depth
    log("ran", ctx.run(inside, 1), var.get())
    log("again", ctx.run(var.get))


@shows("TH8")
async def tokens_as_scopes():
    var = ContextVar("var", default="outer")
    with var.set("inner"):
        log("inside", var.get())
        with var.set("deeper"):
            log("deeper", var.get())
        log("inside", var.get())
    log("outside", var.get())
    try:
        with var.set("failing"):
            raise Err("x")
    except Err as e:
        log("after", e, var.get())


@shows("TH6")
async def tokens_in_reverse_order():
    var = ContextVar("var", default=0)
    a = var.set(1)
    b = var.set(2)
    c = var.set(3)
    var.reset(b)
    log("b", var.get())
    var.reset(c)
    log("c", var.get())
    var.reset(a)
    log("a", var.get())


@shows("T10")
async def tasks_and_their_copies():
    var = ContextVar("var", default="none")

    async def leaf(n):
        log("leaf", n, var.get())
        var.set(f"leaf {n}")
        await sleep(n)
        log("leaf", n, var.get())

    async def branch(n):
        var.set(f"branch {n}")
        a = create_task(leaf(n))
        var.set("changed")
        b = create_task(leaf(n + 1))
        await gather(a, b)
        log("branch", n, var.get())
    var.set("root")
    await gather(branch(1), branch(5))
    log("root", var.get())


@shows("F10")
async def callbacks_carry_contexts():
    var = ContextVar("var", default="none")
    loop = get_running_loop()
    var.set("one")
    loop.call_soon(lambda: log("soon", var.get()))
    loop.call_later(1, lambda: log("later", var.get()))
    var.set("two")
    ctx = copy_context()
    loop.call_at(2, lambda: var.set("changed in the callback"), context=ctx)
    var.set("three")
    await sleep(3)
    log("end", var.get(), ctx.run(var.get))


@shows("F10")
async def callbacks_of_callbacks_inherit():
    var = ContextVar("var", default=0)
    loop = get_running_loop()

    def chain(n):
        log("chain", n, var.get())
        var.set(var.get() + 1)
        if n > 0:
            loop.call_soon(chain, n - 1)
    var.set(10)
    loop.call_soon(chain, 3)
    var.set(20)
    await sleep(1)
    log("end", var.get())


@shows("TH7")
async def run_returns_and_raises():
    var = ContextVar("var", default=0)
    ctx = copy_context()

    def work(a, b):
        var.set(a + b)
        if b == 0:
            raise Err("zero")
        return a * b
    log("got", ctx.run(work, 2, 3), ctx.run(var.get))
    log("raised", raised(ctx.run, work, 7, 0), ctx.run(var.get), var.get())
    other = ctx.copy()
    other.run(var.set, "other")
    log("copies", ctx.run(var.get), other.run(var.get))


@shows("T10")
async def a_shared_context_of_two_tasks():
    var = ContextVar("var", default=0)
    ctx = copy_context()

    async def add(n):
        for i in range(3):
            var.set(var.get() + n)
            log("value", n, var.get())
            await sleep(1)
    await gather(create_task(add(1), context=ctx), create_task(add(10), context=ctx))
    log("main", var.get(), ctx.run(var.get))


@shows("T11")
async def wait_for_and_groups_share_or_copy():
    var = ContextVar("var", default="main")

    async def change(v):
        var.set(v)
        await sleep(0)
    async with timeout(5):
        await change("timeout")
    log("timeout", var.get())
    async with TaskGroup() as tg:
        tg.create_task(change("group"))
        await change("body")
    log("group", var.get())
    async for t in as_completed([change("as_completed")]):
        log("as_completed", var.get())
    for c in as_completed([change("plain")]):
        await c
        log("plain", var.get())


@shows("F10")
async def done_callbacks_of_tasks_and_contexts():
    var = ContextVar("var", default="none")

    async def work():
        var.set("task")
        await sleep(1)
    var.set("main")
    t = create_task(work())
    t.add_done_callback(lambda f: log("callback", var.get()))
    var.set("later")
    t.add_done_callback(lambda f: log("second", var.get()))
    await t
    await sleep(0)
    log("main", var.get())


@shows("T16")
async def eager_tasks_and_contexts():
    var = ContextVar("var", default="none")

    async def work(v):
        log("sees", var.get())
        var.set(v)
        await sleep(1)
        log("keeps", var.get())
    var.set("main")
    a = create_task(work("a"), eager_start=True)
    log("unchanged", var.get())
    ctx = copy_context()
    b = create_task(work("b"), eager_start=True, context=ctx)
    log("given", var.get(), ctx.run(var.get))
    await gather(a, b)


@shows("T10")
def contexts_outside_of_a_loop():
    var = ContextVar("var", default="none")
    token = var.set("main")
    ctx = copy_context()
    var.reset(token)
    log("main", var.get(), ctx.run(var.get))
    loop = new_event_loop()

    async def work():
        log("task", var.get())
        var.set("task")
    loop.run_until_complete(work())
    log("after", var.get())
    t = ctx.run(loop.create_task, work())
    loop.run_until_complete(t)
    log("after", var.get(), ctx.run(var.get))
