"""Writes the scenarios that wake and cancel tasks that wait in line, at every moment that matters."""
# name: (ids, what makes the thing x so that it has to be waited for, lines of the wait, lines after it, lines of a wake-up)
OPERATIONS = {
    "lock": ("K1 K3", "x = Lock()\nawait x.acquire()", "got = await x.acquire()", "x.release()", "log('wake', raised(x.release))"),
    "lock_held": ("K2", "x = Lock()\nawait x.acquire()", "got = await x.acquire()", "await sleep(0.5)\nlog('gives', raised(x.release))",
                  "log('wake', raised(x.release))"),
    "lock_scope": ("K5 K20", "x = Lock()\nawait x.acquire()", "got = None\nasync with x as bound:\n    log('in', label, bound)\n    await sleep(0.25)", "",
                   "log('wake', raised(x.release))"),
    "event": ("K7", "x = Event()", "got = await x.wait()", "", "x.set()\nx.clear()"),
    "event_stays": ("K7", "x = Event()", "got = await x.wait()", "x.clear()", "x.set()"),
    "semaphore": ("K13 K14", "x = Semaphore(0)", "got = await x.acquire()", "", "x.release()"),
    "semaphore_two": ("K13 K14", "x = Semaphore(0)", "got = await x.acquire()", "await sleep(0.5)\nx.release()", "x.release()\nx.release()"),
    "semaphore_scope": ("K14 K20", "x = Semaphore(1)\nawait x.acquire()", "got = None\nasync with x:\n    await sleep(0.25)", "", "x.release()"),
    "bounded": ("K14 K15", "x = BoundedSemaphore(1)\nawait x.acquire()", "got = await x.acquire()", "log('gives', raised(x.release))",
                "log('wake', raised(x.release))"),
    "condition_one": ("K9 K10", "x = Condition()", "got = None\nasync with x:\n    got = await x.wait()", "", "async with x:\n    x.notify()"),
    "condition_two": ("K10 K11", "x = Condition()", "got = None\nasync with x:\n    got = await x.wait()\n    await sleep(0.25)", "",
                      "async with x:\n    x.notify(2)"),
    "condition_all": ("K9 K11", "x = Condition()", "got = None\nasync with x:\n    got = await x.wait()", "", "async with x:\n    x.notify_all()"),
    "condition_held": ("K8 K9", "x = Condition()", "got = None\nasync with x:\n    got = await x.wait()", "",
                       "await x.acquire()\nx.notify(1)\nloop.call_later(0.25, x.release)"),
    "condition_for": ("K10 K12", "x = Condition()\nready = []", "got = None\nasync with x:\n    got = await x.wait_for(lambda: len(ready) > 1 and label)", "",
                      "async with x:\n    ready.append(1)\n    x.notify(2)"),
    "condition_lock": ("K3 K8", "x = Condition()\nawait x.acquire()", "got = await x.acquire()", "x.release()", "log('wake', raised(x.release))"),
    "barrier": ("K16 K17", "x = Barrier(4)", "got = await x.wait()", "", "late.append(create_task(one('late')))"),
    "barrier_two": ("K16 K17 K18", "x = Barrier(2)", "got = await x.wait()", "", "late.append(create_task(one('late')))"),
    "barrier_scope": ("K17 K20", "x = Barrier(4)", "got = None\nasync with x as i:\n    got = i\n    await sleep(0.25)", "",
                      "late.append(create_task(one('late')))"),
    "barrier_reset": ("K18 K19", "x = Barrier(4)", "got = await x.wait()", "", "await x.reset()"),
    "barrier_abort": ("K18 K19", "x = Barrier(4)", "got = await x.wait()", "", "await x.abort()"),
}

# name: what happens to the tasks a, b and c, which wait, the others behind the first.
MOMENTS = {
    "undisturbed": "await wake()",
    "first_while_waiting": "log('cancel', a.cancel('m'))\nawait sleep(1)\nawait wake()",
    "middle_while_waiting": "log('cancel', b.cancel('m'))\nawait sleep(1)\nawait wake()",
    "first_woken": "await wake()\nlog('cancel', a.cancel('m'))",
    "middle_after_the_wake": "await wake()\nlog('cancel', b.cancel('m'))",
    "first_just_before": "log('cancel', a.cancel('m'))\nawait wake()",
    "first_twice": "log('cancel', a.cancel('one'), a.cancel('two'))\nawait wake()",
    "first_woken_twice": "await wake()\nlog('cancel', a.cancel('one'), a.cancel('two'))",
    "two_woken": "await wake()\nlog('cancel', a.cancel('m'), b.cancel('n'))",
    "all_but_the_last": "log('cancel', a.cancel('m'), b.cancel('n'))\nawait wake()",
    "first_taken_back": "await wake()\nlog('cancel', a.cancel('m'), a.uncancel())",
    "first_next_turn": "await wake()\nawait sleep(0)\nlog('cancel', a.cancel('m'))",
    "newcomer": "await wake()\nlate.append(create_task(one('new')))\nlog('cancel', a.cancel('m'))",
    "eager_newcomer": "await wake()\nlate.append(create_task(one('new'), eager_start=True))",
    "all": "log('cancel', a.cancel('a'), b.cancel('b'), c.cancel('c'))\nlate.append(create_task(one('new')))\nawait wake()",
    "second_wake": "await wake()\nawait wake()\nlog('cancel', a.cancel('m'))",
}

TEXT = """
@shows({shown})
async def {name}():
    loop = get_running_loop()
    late = []
{make}

    async def one(label):
        try:
{wait}
            log("has", label, got, text(x))
{after}
            return label
        except CancelledError as e:
            log("cut", label, e, text(x))
            raise

    async def wake():
{wake}
        log("woken", text(x))

    a = create_task(one("a"))
    b = create_task(one("b"))
    c = create_task(one("c"))
    await sleep(1)
    log("waiting", text(x))
{moment}
    log("then", text(x))
    await sleep(2)
    log("later", text(x), [state(t) for t in [a, b, c]], [t.cancelling() for t in [a, b, c]])
    for i in range(3):
        await wake()
        await sleep(1)
    log("end", text(x), [state(t) for t in [a, b, c]], [state(t) for t in late])
"""


def indent(text, depth):
    return "\n".join("    " * depth + line for line in text.split("\n")) if text else ""


def one(operation, moment):
    ids, make, wait, after, wake = OPERATIONS[operation]
    shown = ", ".join(f'"{i}"' for i in ids.split())
    return TEXT.format(shown=shown, name=f"{operation}_{moment}", make=indent(make, 1), wait=indent(wait, 3),
                       after=indent(after, 3), wake=indent(wake, 2), moment=indent(MOMENTS[moment], 1))


def sources():
    for operation in OPERATIONS:
        for moment in MOMENTS:
            yield f"{operation}_{moment}", one(operation, moment)
