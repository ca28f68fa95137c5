@shows("T1")
async def first_steps_run_in_order():
    async def child(n):
        log("child", n)
        await sleep(n)
        log("slept", n)
        return n

    a = create_task(child(2))
    b = create_task(child(1))
    log("made")
    log("got", await gather(a, b))


@shows("L16")
def keyboard_interrupt_leaves_the_loop():
    loop = new_event_loop()

    def stop():
        raise KeyboardInterrupt("k")

    loop.call_soon(stop)
    loop.call_soon(log, "later")
    try:
        loop.run_forever()
    except KeyboardInterrupt as e:
        log("out", e)
    loop.call_soon(loop.stop)
    loop.run_forever()


async def deadlock():
    async def lost():
        await get_running_loop().create_future()
    t = create_task(lost())
    f = Future()
    f.set_exception(Err("x"))
    try:
        async with timeout(3) as cm:
            await sleep(10)
    except TimeoutError as e:
        log("late", e, cm.expired(), e.__cause__)
    create_task(lost())
    lost()
    await t
