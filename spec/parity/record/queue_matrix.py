"""Writes the scenarios that wake and cancel tasks that wait at a queue, at every moment that matters."""
from sync_matrix import MOMENTS, TEXT, indent

# As in sync_matrix: (ids, what makes the queue x, lines of the wait, lines after it, lines of a wake-up).
OPERATIONS = {
    "get": ("Q1 Q3", "x = Queue()", "got = await x.get()", "", "x.put_nowait('item')"),
    "get_two": ("Q1 Q3", "x = LifoQueue()", "got = await x.get()", "", "x.put_nowait('one')\nx.put_nowait('two')"),
    "get_taken": ("Q2", "x = Queue()", "got = await x.get()", "", "x.put_nowait('item')\nlog('took', x.get_nowait())\nx.put_nowait('more')"),
    "get_least": ("Q2 Q8", "x = PriorityQueue()", "got = await x.get()", "", "x.put_nowait(2)\nx.put_nowait(1)\nlog('took', x.get_nowait())"),
    "get_shut": ("Q6", "x = Queue()", "got = None\ntry:\n    got = await x.get()\nexcept QueueShutDown as e:\n    log('shut', label, e)", "",
                 "x.shutdown()"),
    "get_shut_full": ("Q6", "x = Queue()", "got = None\ntry:\n    got = await x.get()\nexcept QueueShutDown as e:\n    log('shut', label, e)", "",
                      "log('put', raised(x.put_nowait, 'last'))\nx.shutdown()"),
    "get_shut_now": ("Q6 Q7", "x = Queue()", "got = None\ntry:\n    got = await x.get()\nexcept QueueShutDown as e:\n    log('shut', label, e)", "",
                     "log('put', raised(x.put_nowait, 'last'))\nx.shutdown(immediate=True)"),
    "put": ("Q1 Q3", "x = Queue(1)\nx.put_nowait('old')", "got = await x.put(label)", "", "log('got', raised(x.get_nowait), x.qsize())"),
    "put_two": ("Q1 Q3", "x = Queue(2)\nx.put_nowait('old')\nx.put_nowait('older')", "got = await x.put(label)", "",
                "log('got', raised(x.get_nowait), raised(x.get_nowait))"),
    "put_filled": ("Q2", "x = LifoQueue(1)\nx.put_nowait('old')", "got = await x.put(label)", "",
                   "log('got', raised(x.get_nowait), raised(x.put_nowait, 'new'))"),
    "put_shut": ("Q6", "x = Queue(1)\nx.put_nowait('old')", "got = None\ntry:\n    got = await x.put(label)\nexcept QueueShutDown as e:\n    log('shut', label, e)",
                 "", "x.shutdown()"),
    "put_shut_now": ("Q6 Q7", "x = Queue(1)\nx.put_nowait('old')",
                     "got = None\ntry:\n    got = await x.put(label)\nexcept QueueShutDown as e:\n    log('shut', label, e)", "",
                     "x.shutdown(immediate=True)"),
    "join": ("Q4", "x = Queue()\nx.put_nowait('old')", "got = await x.join()", "", "log('done', raised(x.task_done))"),
    "join_again": ("Q4", "x = Queue()\nx.put_nowait('old')", "got = await x.join()", "",
                   "log('done', raised(x.task_done))\nx.put_nowait('new')"),
    "join_shut": ("Q4 Q7", "x = Queue()\nx.put_nowait('old')\nx.put_nowait('older')\nx.get_nowait()", "got = await x.join()", "",
                  "x.shutdown(immediate=True)\nlog('done', raised(x.task_done))"),
}


def one(operation, moment):
    ids, make, wait, after, wake = OPERATIONS[operation]
    shown = ", ".join(f'"{i}"' for i in ids.split())
    return TEXT.format(shown=shown, name=f"queue_{operation}_{moment}", make=indent(make, 1), wait=indent(wait, 3),
                       after=indent(after, 3), wake=indent(wake, 2), moment=indent(MOMENTS[moment], 1))


def sources():
    for operation in OPERATIONS:
        for moment in MOMENTS:
            yield f"{operation}_{moment}", one(operation, moment)
