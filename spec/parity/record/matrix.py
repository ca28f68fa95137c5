"""Writes the scenarios that cancel every suspending operation at every moment that matters."""
# The ids that a cancelled operation shows beside C4 and C8, by the start of its name.
SHOWN = {"sleep": "G1", "future": "F5", "failing_future": "F6", "cancelled_future": "C14", "coroutine": "T11", "task": "C5",
         "awaitable": "F12", "gather": "C6", "gather_exceptions": "G8", "shield": "G11", "wait": "W4", "wait_for": "D8",
         "wait_for_late": "D6", "wait_for_zero": "D2", "timeout": "O2", "timeout_late": "O3", "group": "TG10",
         "group_failing": "TG11", "as_completed": "W5"}

# name: (lines before the task is made, lines of the task's body). Each operation ends at t = 2 unless cancelled.
OPERATIONS = {
    "sleep": ("", "got = await sleep(2, 'slept')"),
    "future": ("f = Future()\nloop.call_later(2, f.set_result, 'f')", "got = await f"),
    "failing_future": ("f = Future()\nloop.call_later(2, f.set_exception, Err('f'))", "got = await f"),
    "cancelled_future": ("f = Future()\nloop.call_later(2, f.cancel, 'f')", "got = await f"),
    "coroutine": ("", "got = await work('c', 2)"),
    "task": ("", "got = await create_task(work('t', 2))"),
    "awaitable": ("", "got = await awaitable(lambda: work('o', 2))"),
    "gather": ("", "got = await gather(work('a', 1), work('b', 2))"),
    "gather_exceptions": ("", "got = await gather(work('a', 1), work('b', 2), return_exceptions=True)"),
    "gather_futures": ("f = Future()\nloop.call_later(2, f.set_result, 'f')", "got = await gather(f, f)"),
    "gather_nested": ("", "got = await gather(work('a', 1), gather(work('b', 2), work('c', 1)))"),
    "shield": ("", "got = await shield(work('s', 2))"),
    "shield_future": ("f = Future()\nloop.call_later(2, f.set_result, 'f')", "got = await shield(f)"),
    "wait_all": ("", "got = await waited([create_task(work('a', 1)), create_task(work('b', 2))])"),
    "wait_first": ("", "got = await waited([create_task(work('a', 2)), create_task(work('b', 3))], return_when=FIRST_COMPLETED)"),
    "wait_timeout": ("", "got = await waited([create_task(work('a', 3))], timeout=2)"),
    "wait_for_coroutine": ("", "got = await wait_for(work('w', 2), 4)"),
    "wait_for_task": ("", "got = await wait_for(create_task(work('w', 2)), 4)"),
    "wait_for_future": ("f = Future()\nloop.call_later(2, f.set_result, 'f')", "got = await wait_for(f, 4)"),
    "wait_for_late": ("", "got = await wait_for(work('w', 4), 2)"),
    "wait_for_late_task": ("", "got = await wait_for(create_task(work('w', 4)), 2)"),
    "wait_for_zero": ("", "got = await wait_for(create_task(work('w', 2)), 0)"),
    "timeout": ("", "got = None\nasync with timeout(4):\n    got = await work('w', 2)"),
    "timeout_late": ("", "got = None\nasync with timeout(2):\n    got = await work('w', 4)"),
    "group": ("", "got = None\nasync with TaskGroup() as tg:\n    tg.create_task(work('a', 1))\n    tg.create_task(work('b', 2))"),
    "group_body": ("", "got = None\nasync with TaskGroup() as tg:\n    tg.create_task(work('a', 3))\n    got = await sleep(2, 'body')"),
    "group_failing": ("", "got = None\nasync with TaskGroup() as tg:\n    tg.create_task(work('a', 3))\n    tg.create_task(failing(2))"),
    "as_completed": ("", "got = []\nasync for t in as_completed([work('a', 1), work('b', 2)]):\n    got.append(t.result())"),
    "as_completed_plain": ("", "got = []\nfor c in as_completed([work('a', 1), work('b', 2)]):\n    got.append(await c)"),
}

# name: what happens to the task t after it was made.
MOMENTS = {
    "waiting": "await sleep(0.5)\nlog('cancel', t.cancel('m'))",
    "twice": "await sleep(0.5)\nlog('cancel', t.cancel('one'), t.cancel('two'))",
    "in_cleanup": "await sleep(0.5)\nt.cancel('one')\nawait sleep(0.25)\nlog('cancel', t.cancel('two'))",
    "just_before_completion": "await sleep(0)\nawait sleep(0)\nlog('in time')",
    "with_completion": "await sleep(0)\nawait sleep(0)\nloop.call_at(2, cut)",
    "behind_completion": "await sleep(0)\nawait sleep(0)\nloop.call_at(2, lambda: loop.call_soon(cut))",
    "two_behind_completion": "await sleep(0)\nawait sleep(0)\nloop.call_at(2, lambda: loop.call_soon(lambda: loop.call_soon(cut)))",
}

WORK = """
@shows({shown})
async def {name}():
    loop = get_running_loop()

    async def work(label, delay):
        try:
            await sleep(delay)
            log("end", label)
            return label
        except CancelledError as e:
            log("cut", label, e)
            await sleep(0.5)
            log("cleaned", label)
            raise

    async def failing(delay):
        await sleep(delay)
        raise Err("failing")

    async def body():
{operation}
        log("got", got)
        return "value"

    def cut():
        log("cancel", t.cancel("m"), t.cancelling())

{early}{before}
    t = create_task(body())
{moment}
    try:
        log("returned", await t)
    except BaseException as e:
        log("raised", e)
    log("state", t.cancelled(), t.cancelling(), current_task().cancelling())
    await sleep(5)
"""

UNSTARTED = """
@shows("C3")
async def unstarted_operations():
    loop = get_running_loop()

    async def work(label, delay):
        log("never", label)

    async def failing(delay):
        log("never")

{parts}
"""


def indent(text, depth):
    return "\n".join("    " * depth + line for line in text.split("\n")) if text else ""


def one(operation, moment):
    before, body = OPERATIONS[operation]
    # The first timer of a deadline runs first: here the cancel comes before what completes the operation.
    early = "    loop.call_at(2, lambda: cut())\n" if moment == "just_before_completion" else ""
    shown = SHOWN[max((name for name in SHOWN if operation.startswith(name)), key=len)]
    return WORK.format(shown=f'"{"C8" if moment == "twice" else "C11" if "completion" in moment else "C4"}", "{shown}"', name=f"{operation}_cancelled_{moment}", operation=indent(body, 2), early=early,
                       before=indent(before, 1), moment=indent(MOMENTS[moment], 1))


def unstarted():
    parts = []
    for name, (before, body) in OPERATIONS.items():
        parts.append(indent(f"{before}\nasync def {name}():\n{indent(body, 1)}\n    log('never', got)\n"
                            f"t = create_task({name}(), name='{name}')\nt.cancel('{name}')\n"
                            f"try:\n    await t\nexcept CancelledError as e:\n"
                            f"    log('unstarted', e, t.cancelled(), t.cancelling(), polls())\n", 1))
    return UNSTARTED.format(parts="\n".join(parts))


def sources():
    yield "unstarted_operations", unstarted()
    for operation in OPERATIONS:
        for moment in MOMENTS:
            yield f"{operation}_cancelled_{moment}", one(operation, moment)

