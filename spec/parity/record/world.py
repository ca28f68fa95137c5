"""The names a scenario sees on CPython's side, and how its trace is written. world.lua is the same for casync."""
import asyncio
import contextvars
import gc
import inspect
import re
import sys
import warnings

import vloop

# Classes whose message is part of the contract. Of the others (RuntimeError, TypeError, ValueError ...) only the class
# is compared, because casync words its own messages.
WITH_MESSAGE = ("CancelledError", "Err", "SubErr", "Err2", "BaseErr", "KeyboardInterrupt", "SystemExit", "Exception")
LIBRARY = ("sleep", "wait", "waited", "wait_for", "_wait_for_one")  # casync watches a sample of these (API 1.1)
SHOWN_BYTES = 200
OWN_KEYS = ("source_traceback", "traceback")  # casync may add a traceback to a context
LOGGER = asyncio.log.logger
LOGGER.disabled = True


class Err(Exception):
    pass


class SubErr(Err):
    pass


class Err2(Exception):
    pass


class BaseErr(BaseException):
    pass


def quoted(data):
    """Bytes, or a text's bytes, on one line; of long data the beginning and the length."""
    text = "".join(chr(c) if 32 <= c < 127 else "\\n" if c == 10 else f"\\x{c:02x}" for c in data[:SHOWN_BYTES])
    return f"'{text}'" + (f"...{len(data)}" if len(data) > SHOWN_BYTES else "")


def show_error(err):
    name = type(err).__name__
    if isinstance(err, asyncio.IncompleteReadError):
        return f"{name}({quoted(err.partial)}, {show(err.expected)})"
    if isinstance(err, asyncio.LimitOverrunError):
        return f"{name}({err.consumed})"
    if isinstance(err, BaseExceptionGroup):
        return f"{name}('{err.message}', [{', '.join(show(e) for e in err.exceptions)}])"
    if name == "Deadlock":
        name = "RuntimeError"
    text = message(err)
    return f"{name}('{text}')" if text and name in WITH_MESSAGE else name


def show(value):
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, (int, float)):
        return format(value, ".9g")
    if isinstance(value, (str, bytes)):
        return quoted(value.encode() if isinstance(value, str) else value)
    if isinstance(value, BaseException):
        return show_error(value)
    if isinstance(value, (list, tuple, vloop.OrderedSet)):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, type):
        return value.__name__
    for kind, name in ((asyncio.Task, "Task"), (asyncio.Future, "Future"), (asyncio.TimerHandle, "TimerHandle"),
                       (asyncio.Handle, "Handle"), (asyncio.BaseEventLoop, "Loop"), (contextvars.Context, "Context")):
        if isinstance(value, kind):
            return name
    if inspect.iscoroutine(value):
        return "coroutine"
    return "function" if callable(value) else "object"


def message(err):
    if isinstance(err, BaseExceptionGroup):
        return err.message
    return str(err.args[0]) if err.args else ""


class World:
    """One run of one program: its trace, its loops and its names."""

    def __init__(self):
        self.trace, self.reports, self.loops, self.lost, self.held, self.over = [], [], [], [], [], False

    def log(self, *values):
        if self.over:  # a coroutine that the collector ends is no part of the program
            return
        try:
            loop = asyncio.get_running_loop()
            at = f"{loop.now:.9g} #{loop.polls}: "
        except RuntimeError:
            at = "-: "
        self.trace.append(at + " ".join(v if isinstance(v, str) and i == 0 else show(v) for i, v in enumerate(values)))

    def handler(self, loop, context):
        """What nobody caught. Reports made by the collector come at no fixed time: they are listed, sorted, at the end."""
        text = context["message"]
        if "never retrieved" in text or "destroyed" in text:
            text = text.replace("_GatheringFuture", "Future")
            self.reports.append(f"report: {text} {show(context.get('exception'))}")
            return
        keys = sorted(key for key in context if key not in OWN_KEYS)
        text = re.sub(r"(asynchronous generator) .*", r"\1", text)
        if context.get("handle") is not None:
            text = "Exception in callback"  # CPython goes on with a repr of the callback
        self.log("handler", text, keys, context.get("exception"))

    def warned(self, text, category, *_):
        text = str(text)
        if "never awaited" in text:
            name = text.split("'")[1].rpartition(".")[2]
            if name not in LIBRARY:
                self.lost.append(name)

    def new_loop(self):
        loop = vloop.VirtualLoop()
        loop.set_exception_handler(self.handler)
        self.loops.append(loop)
        return loop

    def names(self):
        named = {name: getattr(asyncio, name) for name in (
            "create_task", "ensure_future", "sleep", "gather", "shield", "wait_for", "wait", "as_completed", "timeout",
            "timeout_at", "TaskGroup", "Task", "Future", "current_task", "iscoroutine", "isfuture", "get_running_loop",
            "Runner", "run", "eager_task_factory", "create_eager_task_factory", "FIRST_COMPLETED", "FIRST_EXCEPTION",
            "ALL_COMPLETED", "StreamReader", "IncompleteReadError", "LimitOverrunError", "Lock", "Event", "Condition", "Semaphore",
            "BoundedSemaphore", "Barrier", "BrokenBarrierError", "Queue", "PriorityQueue", "LifoQueue", "QueueEmpty", "QueueFull",
            "QueueShutDown", "StreamReaderProtocol", "StreamWriter", "get_event_loop",
            "set_event_loop", "CancelledError", "InvalidStateError", "Handle", "TimerHandle", "capture_call_graph",
            "format_call_graph", "future_add_to_awaited_by", "future_discard_from_awaited_by")}
        named.update(
            Err=Err, SubErr=SubErr, Err2=Err2, BaseErr=BaseErr, log=self.log, message=message, new_event_loop=self.new_loop,
            iscoroutinefunction=inspect.iscoroutinefunction, all_tasks=lambda *a: list(asyncio.all_tasks(*a)),
            polls=lambda: asyncio.get_running_loop().polls, now=lambda: asyncio.get_running_loop().now,
            copy_context=contextvars.copy_context, ContextVar=contextvars.ContextVar, collect=collect, raised=raised,
            bad_yield=BadYield, awaitable=Awaitable, type_name=lambda v: type(v).__name__, in_context=in_context, state=state, text=text,
            complete=complete, waited=waited, transport=lambda refuses=False: Transport(self.log, refuses),
            logged=self.logged, nan=float("nan"), show=show, reported=self.reported,
            unawaited=self.unawaited, hold=lambda *values: self.held.append(values),
            contains=lambda text, part: part in str(text), collected=collected, graph=graph, graph_text=graph_text)
        return named

    def logged(self, f, *args):
        """What the library's logger prints while f(*args) runs: of every line the part before a colon."""
        lines = []
        error, LOGGER.error = LOGGER.error, lambda text, *a, **k: lines.extend(text.split("\n"))
        try:
            f(*args)
        finally:
            LOGGER.error = error
        return [line.partition(":")[0] for line in lines]

    def reported(self):
        """How many reports there are by now, after a full collection."""
        gc.collect()
        return len(self.reports)

    def unawaited(self):
        """The names of the coroutines lost by now. When one is noticed depends on the collector: no trace has them unasked."""
        gc.collect()
        return sorted(self.lost)

    def end(self):
        self.over = True
        self.held.clear()
        for loop in self.loops:
            if not loop.is_closed():
                loop.close()
            loop.created.clear()
            loop._ready.clear()
            loop._scheduled.clear()
        for _ in range(3):
            gc.collect()
        self.trace.extend(sorted(self.reports))


def collect():
    gc.collect()


def collected(make):
    """Calls make and drops what it returns, so that only the library can still refer to it."""
    make()
    gc.collect()


def raised(f, *args, **options):
    """The error that a plain call raises, or None."""
    try:
        f(*args, **options)
    except BaseException as err:
        return err


def state(future):
    """What became of a future, in one value."""
    if not future.done():
        return "pending"
    if future.cancelled():
        return "cancelled"
    return future.exception() or future.result()


def text(thing):
    """What a lock and its like print, as casync words it."""
    if isinstance(thing, asyncio.Queue):  # without its items and those who wait: casync lets them go sooner
        return re.sub(r" _\w+\[\d+\]| _queue=\[.*\](?=[ >])", "", str(thing))
    return re.sub(r"<asyncio\.locks\.(\w+) object at 0x[0-9a-f]+ (\[.*\])>", r"<\1 \2>", repr(thing))


def is_shown(frame):
    """Whether a frame belongs to a coroutine of the program: of plain functions casync's side has its interpreter's."""
    return inspect.iscoroutine(frame.f_generator) and "/" not in frame.f_code.co_filename


def shape(node):
    """A call graph as lists: name, the functions of the stack, those that await it, sorted: CPython keeps them in a set."""
    if node is None:
        return None
    name = node.future.get_name() if isinstance(node.future, asyncio.Task) else "Future"
    stack = [entry.frame.f_code.co_name for entry in node.call_stack if entry.frame and is_shown(entry.frame)]
    return [name, stack, sorted(map(shape, node.awaited_by), key=show)]


def graph(*args, **options):
    return shape(asyncio.capture_call_graph(*args, **options))


def graph_text(*args, **options):
    """The lines of format_call_graph without what differs: addresses, places, functions that are no coroutines."""
    lines = []
    for line in asyncio.format_call_graph(*args, **options).split("\n"):
        line = re.sub(r"id=0x[0-9a-f]+", "id", line)
        frame = re.match(r"( *  \|   )File '([^']*)', line \d+, in (async )?(.*)$", line)
        if not frame:
            lines.append(line)
        elif frame[3] and "/" not in frame[2]:
            lines.append(frame[1] + "async " + frame[4].rpartition(".")[2])
    return lines


def complete(future):
    """Ends the wait for a future that nobody completed."""
    if not future.done():
        future.set_result("completed")


async def waited(fs, **options):
    """wait() for a place that takes one value: casync returns its two as two values (API 2.1, 2.4)."""
    done, pending = await asyncio.wait(fs, **options)
    return [done, pending]


class Transport:
    """What a StreamReader pauses and resumes and a StreamWriter writes to; one that `refuses` cannot be paused."""

    def __init__(self, log, refuses):
        self.log, self.refuses, self.closing = log, refuses, False

    def pause_reading(self):
        self.log("pause_reading")
        if self.refuses:
            raise NotImplementedError

    def resume_reading(self):
        self.log("resume_reading")

    def write(self, data):
        self.log("write", data)

    def writelines(self, parts):
        self.log("writelines", parts)

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.log("write_eof")

    def close(self):  # says nothing: CPython calls it for a writer that is collected
        self.closing = True

    def is_closing(self):
        return self.closing

    def get_extra_info(self, name, default=None):
        return default


class BadYield:
    """An awaitable that yields a value to the task that is no future."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        return (yield self.value)


class Awaitable:
    """An object of a class of the user's own that awaits what f() returns."""

    def __init__(self, f):
        self.f = f

    def __await__(self):
        return self.f().__await__()


def in_context(err, kind):
    seen = set()
    todo = [err.__context__, err.__cause__]
    while todo:
        e = todo.pop()
        if e is None or id(e) in seen:
            continue
        seen.add(id(e))
        if type(e) is kind:
            return True
        todo += [e.__context__, e.__cause__]
    return False


def run(name, function_of):
    """Runs one scenario and returns its trace. `function_of(names)` gives the scenario's function."""
    world = World()
    warnings.showwarning = world.warned
    warnings.simplefilter("always")
    sys.unraisablehook = lambda _: None
    gc.collect()
    scenario = function_of(world.names())
    try:
        if inspect.iscoroutinefunction(scenario):
            loop = world.new_loop()
            main = scenario()
            world.log("result", loop.run_until_complete(main))
        else:
            world.log("result", scenario())
    except vloop.TooLong:
        raise RuntimeError(f"{name} does not end")
    except BaseException as err:
        world.log("raised", err)
    scenario = main = loop = function_of = None
    world.end()
    return world.trace
