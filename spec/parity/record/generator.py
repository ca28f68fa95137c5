"""Random programs for both sides: a seed gives one program's text, always the same.

Every program ends: functions call only functions further down, loops are counted, each future that tasks share is
completed by a guard in the end, and tasks that others made are awaited only where a cancellation does not run through
(shield, wait), because two tasks that await each other would make cancel() recurse without end in CPython.
"""
import random

DELAYS = (0, 0, 0.5, 1, 1, 1, 1.5, 2, 2, 3)
LIMITS = (0, 0.5, 1, 1, 2, 2, 3, None)
ERRORS = {"Err": 10, "Err2": 6, "CancelledError": 5, "BaseErr": 1, "KeyboardInterrupt": 0.5, "SystemExit": 0.3}

HEAD = """async def {name}():
    loop = get_running_loop()
    var = ContextVar("var", default=0)
    ts = []
    fs = [Future() for i in range({futures})]
    hs = []

"""

TAIL = """    for f in fs:
        loop.call_later(20, complete, f)
{start}
    try:
{main}
    except (Exception, BaseErr) as e:
        log("main failed", e)
    except CancelledError as e:
        log("main cut", e, current_task().cancelling())
{rest}
    log("tasks", [state(t) for t in ts], [t.cancelling() for t in ts])
    log("futures", [state(f) for f in fs])
"""


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.name = f"random_{seed}"
        self.functions = self.random.randint(2, 5)
        self.futures = self.random.randint(1, 3)
        self.labels = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def label(self):
        self.labels += 1
        return f'"{self.labels}"'

    def program(self):
        text = HEAD.format(name=self.name, futures=self.futures)
        for i in reversed(range(self.functions)):
            text += f"    async def w{i}(x):\n" + self.body(2, i, False) + "\n"
        start = []
        if self.chance(0.15):
            start.append("    loop.set_task_factory(eager_task_factory)")
        for i in range(self.random.randint(2, 4)):
            start.append(f"    ts.append(create_task({self.call(-1)}{self.eager()}))")
        # Under run() what main leaves behind is cancelled in the end: there main does not always wait for it.
        runs = self.chance(0.2)
        rest = "    await sleep(25)" if not runs or self.chance(0.4) else f"    await sleep({self.pick(*DELAYS)})"
        text += TAIL.format(start="\n".join(start), main=self.body(2, -1, True), rest=rest)
        return self.under_run(text) if runs else text

    def under_run(self, text):
        inner = "".join("    " + line + "\n" if line else "\n" for line in text.replace(self.name, "main").split("\n"))
        return f"def {self.name}():\n{inner}\n    log('run', run(main(), loop_factory=new_event_loop))\n"

    def eager(self):
        return ", eager_start=True" if self.chance(0.12) else ""

    # Statements: lists of lines without indentation.

    def body(self, depth, level, is_main):
        lines = [] if is_main else [f"log({self.label()}, x, current_task().cancelling())"]
        lines += self.block(level, 0, self.random.randint(2, 4))
        if not is_main:
            lines.append(f"return {self.label()}")
        return "".join("    " * depth + line + "\n" for line in lines)

    def block(self, level, depth, count):
        lines = []
        for _ in range(count):
            lines += self.statement(level, depth)
        return lines

    def inner(self, level, depth):
        return ["    " + line for line in self.block(level, depth + 1, self.random.randint(1, 2))]

    def statement(self, level, depth):
        simple = [(6, self.awaits), (2, self.sleeps), (2, self.cancels), (1.5, self.futures_done), (1, self.starts),
                  (0.8, self.callbacks), (0.5, self.counts), (0.4, self.variables), (0.3, self.raises),
                  (0.4, self.done_callbacks), (0.3, self.handles)]
        nested = [(2, self.tries), (1.5, self.times), (1.2, self.groups), (0.4, self.repeats), (0.6, self.completes)]
        kinds = simple + (nested if depth < 2 else [])
        make = self.random.choices([k for _, k in kinds], [w for w, _ in kinds])[0]
        return make(level, depth)

    def awaits(self, level, depth):
        value = self.awaitable(level, 0)
        return [f"log({self.label()}, await {value})"]

    def sleeps(self, level, depth):
        return [f"await sleep({self.pick(*DELAYS)})"]

    def target(self):
        return self.random.randrange(4)

    def cancels(self, level, depth):
        if self.chance(0.15):
            return [f"current_task().cancel({self.label()})"]
        n = self.target()
        return [f"if len(ts) > {n}:", f"    log({self.label()}, ts[{n}].cancel({self.label()}))"]

    def completion(self):
        f = f"fs[{self.random.randrange(self.futures)}]"
        return self.pick(f"raised({f}.set_result, {self.label()})", f"raised({f}.set_exception, Err({self.label()}))",
                         f"{f}.cancel({self.label()})", f"raised({f}.set_result, {self.label()})")

    def futures_done(self, level, depth):
        return [f"log({self.label()}, {self.completion()})"]

    def starts(self, level, depth):
        return [f"if len(ts) < 8:", f"    ts.append(create_task({self.call(level)}{self.eager()}))"]

    def callback(self):
        n = self.target()
        return self.pick(f"lambda: log({self.label()}, {self.completion()})",
                         f"lambda: log({self.label()}, len(ts) > {n} and ts[{n}].cancel({self.label()}))",
                         f"lambda: log({self.label()}, var.get())")

    def callbacks(self, level, depth):
        if self.chance(0.3):
            return [f"loop.call_soon({self.callback()})"]
        return [f"hs.append(loop.call_later({self.pick(*DELAYS)}, {self.callback()}))"]

    def handles(self, level, depth):
        n = self.target()
        return [f"if len(hs) > {n}:", f"    hs[{n}].cancel()"]

    def counts(self, level, depth):
        return self.pick([f"log({self.label()}, current_task().uncancel())"],
                         [f"log({self.label()}, current_task().cancelling(), len(all_tasks()))"],
                         [f"log({self.label()}, [state(t) for t in ts])"])

    def variables(self, level, depth):
        return self.pick([f"var.set({self.label()})"], [f"log({self.label()}, var.get())"])

    def raises(self, level, depth):
        return [f"if x {self.pick('==', '!=')} {self.random.randint(0, 3)}:" if level >= 0 else "if True:",
                f"    raise {self.random.choices(*zip(*ERRORS.items()))[0]}({self.label()})"]

    def done_callbacks(self, level, depth):
        n = self.target()
        return [f"if len(ts) > {n}:",
                f"    ts[{n}].add_done_callback(lambda t: log({self.label()}, state(t), t.cancelling()))"]

    def tries(self, level, depth):
        lines = ["try:"] + self.inner(level, depth)
        kind = self.random.randrange(5)
        if kind == 0:
            lines += ["finally:", f"    log({self.label()}, current_task().cancelling())"]
            lines += [f"    await sleep({self.pick(*DELAYS)})"] if self.chance(0.5) else []
            return lines
        caught = self.pick("CancelledError", "CancelledError", "(Err, Err2)", "Exception", "BaseException", "TimeoutError")
        lines += [f"except {caught} as e:", f"    log({self.label()}, e, current_task().cancelling())"]
        if self.chance(0.4):
            lines.append(f"    await sleep({self.pick(*DELAYS)})")
        if kind == 1:
            lines.append("    raise")
        elif kind == 2:
            lines.append(f"    raise Err({self.label()})")
        elif kind == 3 and self.chance(0.5):
            lines += ["else:", f"    log({self.label()})"]
        return lines

    def times(self, level, depth):
        limit = self.pick(*LIMITS)
        lines = [f"async with timeout({limit}) as cm:"] + self.inner(level, depth)
        if self.chance(0.15):
            lines.append(f"    cm.reschedule(now() + {self.pick(*DELAYS)})")
            lines += self.inner(level, depth)
        if self.chance(0.7):
            lines = ["try:"] + ["    " + line for line in lines]
            lines += ["except TimeoutError as e:", f"    log({self.label()}, e, cm.expired())"]
        return lines

    def groups(self, level, depth):
        lines = ["async with TaskGroup() as tg:"]
        for _ in range(self.random.randint(1, 3)):
            lines.append(f"    tg.create_task({self.call(level)})")
        if self.chance(0.5):
            lines += self.inner(level, depth)
        if self.chance(0.7):
            lines = ["try:"] + ["    " + line for line in lines]
            lines += ["except BaseExceptionGroup as e:", f"    log({self.label()}, e, current_task().cancelling())"]
        return lines

    def repeats(self, level, depth):
        return ["for i in range(2):"] + self.inner(level, depth)

    def completes(self, level, depth):
        items = ", ".join(self.awaitable(level, 2) for _ in range(self.random.randint(1, 3)))
        limit = self.pick("", "", ", timeout=1", ", timeout=2")
        if self.chance(0.5):
            lines = [f"async for t in as_completed([{items}]{limit}):", f"    log({self.label()}, state(t))"]
        else:
            lines = [f"for c in as_completed([{items}]{limit}):", f"    log({self.label()}, await c)"]
        if self.chance(0.6):
            lines = ["try:"] + ["    " + line for line in lines]
            lines += ["except Exception as e:", f"    log({self.label()}, e)"]
        return lines

    # Expressions.

    def call(self, level):
        below = range(level + 1, self.functions)
        if not below or self.chance(0.25):
            return f"sleep({self.pick(*DELAYS)}, {self.label()})"
        return f"w{self.random.choice(below)}({self.random.randint(0, 3)})"

    def awaitable(self, level, depth):
        kinds = [(3, self.call), (1, self.future), (1, self.task)]
        if depth < 2:
            kinds += [(1.5, self.gathers), (1, self.waits_for), (0.8, self.shields), (0.8, self.waits)]
        make = self.random.choices([k for _, k in kinds], [w for w, _ in kinds])[0]
        return make(level) if make in (self.call, self.future, self.task) else make(level, depth + 1)

    def future(self, level):
        return f"fs[{self.random.randrange(self.futures)}]"

    def task(self, level):
        return f"create_task({self.call(level)}{self.eager()})"

    def items(self, level, depth):
        return ", ".join(self.awaitable(level, depth) for _ in range(self.random.randint(1, 3)))

    def gathers(self, level, depth):
        return f"gather({self.items(level, depth)}{', return_exceptions=True' if self.chance(0.4) else ''})"

    def waits_for(self, level, depth):
        return f"wait_for({self.awaitable(level, depth)}, {self.pick(*LIMITS)})"

    def shields(self, level, depth):
        return f"shield({self.awaitable(level, depth)})"

    def waits(self, level, depth):
        items = ", ".join(self.pick(self.task(level), self.future(level)) for _ in range(self.random.randint(1, 3)))
        when = self.pick("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION")
        return f"waited([{items}], timeout={self.pick(1, 2, 3, None)}, return_when={when})"


def program(seed):
    return Generator(seed).program()
