# A1 to A4 and the methods of async generators. Programs keep their generators: when a collector finds one is not fixed.


@shows("A1")
async def agen_is_iterated():
    async def count(n):
        for i in range(n):
            await sleep(1)
            yield i
        log("end of body")

    async for i in count(3):
        log("value", i)
    log("after", polls())


@shows("A1")
async def agen_that_does_not_await_does_not_suspend():
    async def count(n):
        for i in range(n):
            yield i

    log("before", polls())
    async for i in count(3):
        log("value", i, polls())
    log("after", polls())


@shows("A1")
async def agen_asend_brings_values():
    async def echo():
        got = yield "ready"
        while got != "stop":
            got = yield got
        log("stopped")

    g = echo()
    log("first", await anext(g))
    for v in ["a", 1, None, "b"]:
        log("sent", await g.asend(v))
    try:
        await g.asend("stop")
    except StopAsyncIteration as e:
        log("end", e)
    try:
        await g.asend("more")
    except StopAsyncIteration as e:
        log("still ended", e)
    log("close", await g.aclose())


@shows("A1")
async def agen_asend_of_a_value_to_a_new_one():
    async def gen():
        log("got", (yield 1))

    g = gen()
    try:
        await g.asend("early")
    except TypeError as e:
        log("refused", e)
    log("first", await g.asend(None))
    try:
        await g.asend("late")
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_athrow_arrives_at_the_yield():
    async def gen():
        while True:
            try:
                yield "value"
            except Err as e:
                log("in gen", e)
                await sleep(1)

    g = gen()
    log("first", await anext(g))
    log("thrown", await g.athrow(Err("a")))
    log("thrown", await g.athrow(Err))
    try:
        await g.athrow(Err2("b"))
    except Err2 as e:
        log("out", e)
    try:
        log("then", await g.athrow(Err("c")))
    except BaseException as e:
        log("then raised", e)
    try:
        await anext(g)
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_athrow_into_a_new_one():
    async def gen():
        log("never")
        yield 1

    g = gen()
    try:
        await g.athrow(Err("x"))
    except Err as e:
        log("out", e)
    try:
        await anext(g)
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_aclose_cleans_up():
    async def gen():
        try:
            yield 1
        finally:
            await sleep(1)
            log("clean")

    g = gen()
    log("first", await anext(g))
    log("closed", await g.aclose())
    log("again", await g.aclose())
    try:
        await anext(g)
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_aclose_of_a_new_one_runs_nothing():
    async def gen():
        log("never")
        yield 1

    g = gen()
    log("closed", await g.aclose())
    async for v in g:
        log("value", v)


@shows("A1")
async def agen_that_ignores_its_exit():
    async def gen():
        for i in range(4):
            try:
                yield i
            except GeneratorExit as e:
                log("ignored", e)

    g = gen()
    log("first", await anext(g))
    try:
        await g.aclose()
    except RuntimeError as e:
        log("refused", e)
    try:
        log("next", await anext(g))
    except BaseException as e:
        log("next raised", e)
    try:
        await g.aclose()
    except BaseException as e:
        log("close raised", e)
    async for v in g:
        log("rest", v)


@shows("A1")
async def agen_that_fails_while_it_closes():
    async def gen():
        try:
            yield 1
        finally:
            raise Err("cleanup")

    g = gen()
    await anext(g)
    try:
        await g.aclose()
    except Err as e:
        log("out", e)
    log("again", await g.aclose())


@shows("A1")
async def agen_raises_through_a_loop():
    async def gen():
        yield 1
        await sleep(1)
        raise Err("x")

    g = gen()
    try:
        async for v in g:
            log("value", v)
    except Err as e:
        log("out", e)
    async for v in g:
        log("never", v)


@shows("A1")
async def agen_cannot_raise_its_own_end():
    async def gen():
        yield 1
        raise StopAsyncIteration("x")

    g = gen()
    log("first", await anext(g))
    try:
        await anext(g)
    except RuntimeError as e:
        log("out", e)


@shows("A1")
async def agen_asked_while_it_runs():
    async def gen():
        await sleep(2)
        yield 1
        await sleep(2)
        yield 2

    g = gen()

    async def first():
        log("first", await anext(g))

    t = create_task(first())
    await sleep(1)
    for f in [lambda: anext(g), lambda: g.asend(None), lambda: g.athrow(Err("x")), lambda: g.aclose()]:
        try:
            await f()
        except RuntimeError as e:
            log("refused", e)
    await t
    log("second", await anext(g))
    await g.aclose()


@shows("A1")
async def agen_cancelled_inside():
    async def gen():
        try:
            yield 1
            await sleep(10)
            yield 2
        except CancelledError as e:
            log("in gen", e)
            raise
        finally:
            log("clean")

    g = gen()

    async def consume():
        async for v in g:
            log("value", v)

    t = create_task(consume())
    await sleep(1)
    t.cancel("m")
    await wait([t])
    log("task", state(t))
    try:
        await anext(g)
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_absorbs_a_cancellation():
    async def gen():
        try:
            await sleep(10)
        except CancelledError as e:
            log("in gen", e)
        yield "after"

    g = gen()

    async def consume():
        async for v in g:
            log("value", v, current_task().cancelling())
        return "done"

    t = create_task(consume())
    await sleep(1)
    t.cancel("m")
    log("result", await t)


@shows("A1")
async def agen_nested():
    async def inner(n):
        try:
            for i in range(n):
                await sleep(0)
                yield i
        finally:
            log("inner ends", n)

    async def outer():
        for n in [1, 2, 3]:
            async for i in inner(n):
                yield [n, i]

    async for v in outer():
        log("value", v)


@shows("A1")
async def agen_under_a_time_limit():
    async def slow():
        for d in [1, 2, 5]:
            await sleep(d)
            yield d

    g = slow()
    try:
        async with timeout(4):
            async for v in g:
                log("value", v)
    except TimeoutError as e:
        log("late", e)
    try:
        await anext(g)
    except StopAsyncIteration as e:
        log("end", e)


@shows("A1")
async def agen_shutdown_closes_the_open_ones():
    async def gen(n):
        try:
            yield n
        finally:
            await sleep(n)
            log("clean", n)

    gs = [gen(n) for n in [3, 1, 2]]
    for g in gs:
        await anext(g)
    new = gen(9)
    await get_running_loop().shutdown_asyncgens()
    log("shut")
    for g in gs:
        log("close", await g.aclose())
    log("new", await new.aclose())


@shows("A1")
async def agen_shutdown_reports_failures():
    async def gen(n):
        try:
            yield n
        finally:
            if n == 2:
                raise Err("cleanup")

    gs = [gen(n) for n in [1, 2]]
    for g in gs:
        await anext(g)
    await get_running_loop().shutdown_asyncgens()
    log("shut")


@shows("A1")
def agen_left_open_is_closed_by_run():
    gs = []

    async def gen():
        try:
            yield 1
        finally:
            await sleep(1)
            log("clean")

    async def main():
        gs.append(gen())
        log("first", await anext(gs[0]))
        return "main"

    log("run", run(main(), loop_factory=new_event_loop))


@shows("A2")
async def agen_collected_is_closed_by_a_task():
    async def gen():
        try:
            yield 1
        finally:
            await sleep(1)
            log("clean", len(all_tasks()))

    async def use():
        g = gen()
        log("first", await anext(g))

    await use()
    collect()
    await sleep(3)
    log("after", len(all_tasks()))


@shows("A3")
async def agen_left_by_break_stays_open():
    async def gen():
        try:
            for i in range(4):
                yield i
        finally:
            log("clean")

    g = gen()
    async for v in g:
        log("value", v)
        if v == 1:
            break
    log("left")
    async for v in g:
        log("value", v)


@shows("A4")
async def agen_after_the_shutdown_still_works():
    async def gen():
        yield 1
        yield 2

    await get_running_loop().shutdown_asyncgens()
    async for v in gen():
        log("value", v)
