"""Random programs about readers, as generator.py makes them about tasks: a seed gives one program's text, always the same.

Every program ends: loops are counted, and after a while each reader is fed its end. A reader has one task that reads;
others only read where nothing has to be waited for, since what two waiting reads do to each other is an error anyway.
"""
import random

ALPHABET = (b"a", b"b", b"cd", b"\n", b"\n", b"X", b"XY", b"Y", b"efghij", b"")
SEPARATORS = ('b"\\n"', 'b"X"', 'b"XY"', '(b"X", b"XY")', '(b"XY", b"\\n")', '(b"YX", b"\\n", b"abc")', '(b"Y",)', '()', 'b""')
LIMITS = (1, 2, 3, 5, 8, 20, None)
DELAYS = (0, 0, 0.5, 1, 1, 1.5, 2)

HEAD = """async def {name}():
    loop = get_running_loop()
    rs = []
    ts = []
"""

READER = """
    async def reads_{i}(r):
{body}
        return {label}

    rs.append(StreamReader({limit}))
{transport}    ts.append(create_task(reads_{i}(rs[{i}])))
"""

TAIL = """
    try:
{main}
    except Exception as e:
        log("main failed", e)
    await sleep(20)
    log("tasks", [state(t) for t in ts], [r.at_eof() for r in rs])
    for r in rs:
        r.feed_eof()
    await sleep(5)
    log("ended", [state(t) for t in ts], [r.at_eof() for r in rs], [r.exception() for r in rs])
    for t in ts:
        t.cancel("late")
    await wait(ts)
    for r in rs:
        try:
            log("left", await r.read())
        except Exception as e:
            log("left", e)
"""


class Generator:
    def __init__(self, seed):
        self.random = random.Random(f"streams {seed}")
        self.name = f"random_stream_{seed}"
        self.readers = self.random.randint(1, 3)
        self.labels = 0

    def pick(self, *choices):
        return self.random.choice(choices)

    def chance(self, share):
        return self.random.random() < share

    def label(self):
        self.labels += 1
        return f'"{self.labels}"'

    def program(self):
        text = HEAD.format(name=self.name)
        for i in range(self.readers):
            limit = self.pick(*LIMITS)
            transport = ""
            if self.chance(0.6):
                transport = f"    rs[{i}].set_transport(transport({'True' if self.chance(0.2) else ''}))\n"
            text += READER.format(i=i, body=self.block(2, self.reads), label=self.label(), limit=f"limit={limit}" if limit else "",
                                  transport=transport)
        return text + TAIL.format(main=self.block(2, self.feeds))

    def block(self, depth, make):
        lines = []
        for _ in range(self.random.randint(3, 7)):
            lines += make()
        return "\n".join("    " * depth + line for line in lines)

    def data(self):
        return repr(b"".join(self.random.choice(ALPHABET) for _ in range(self.random.randint(0, 6))))

    def reader(self):
        return f"rs[{self.random.randrange(self.readers)}]"

    # What the task of a reader does.

    def read(self):
        call = self.random.choices(
            [lambda: f"r.read({self.random.randint(0, 9)})", lambda: "r.readline()", lambda: "r.read()",
             lambda: f"r.readexactly({self.random.randint(-1, 9)})", lambda: f"r.readuntil({self.pick(*SEPARATORS)})"],
            [3, 3, 0.5, 2, 4])[0]()
        kind = self.random.randrange(8)
        if kind == 0:
            return f"await wait_for({call}, {self.pick(0, 0.5, 1, 2, 'None')})"
        if kind == 1:
            return f"await create_task({call})"
        return f"await {call}"

    def caught(self, lines):
        caught = self.random.choices(["Exception", "(Exception, CancelledError)", "LimitOverrunError", "(IncompleteReadError, ValueError)"],
                                     [8, 3, 1, 1])[0]
        return ["try:"] + ["    " + line for line in lines] + [f"except {caught} as e:", f"    log({self.label()}, e, r.at_eof())"]

    def reads(self):
        kind = self.random.randrange(10)
        if kind == 0:
            return [f"await sleep({self.pick(*DELAYS)})"]
        if kind == 1:
            return self.caught(["async for line in r:", f"    log({self.label()}, len(line), line)"]
                               + (["    break"] if self.chance(0.3) else []))
        if kind == 2:
            return [f"for i in range({self.random.randint(2, 4)}):"] + ["    " + line for line in self.one()]
        if kind == 3:
            skip = ["try:", f"    v = await r.readuntil({self.pick(*SEPARATORS[:7])})", f"    log({self.label()}, len(v), v)",
                    "except LimitOverrunError as e:", f"    log({self.label()}, e, await r.readexactly(e.consumed))"]
            return self.caught(skip)
        return self.one()

    def one(self):
        return self.caught([f"v = {self.read()}", f"log({self.label()}, len(v), v, r.at_eof())"])

    # What the main task does, and what it leaves to callbacks.

    def action(self):
        r, t = self.reader(), f"ts[{self.random.randrange(self.readers)}]"
        return self.random.choices(
            [f"log({self.label()}, raised({r}.feed_data, {self.data()}) is not None)", f"{r}.feed_eof()",
             f"{r}.set_exception({self.pick('Err', 'Err2')}({self.label()}))", f"log({self.label()}, {t}.cancel({self.label()}))",
             f"log({self.label()}, {r}.at_eof(), {r}.exception())"], [12, 1, 0.6, 1.2, 0.5])[0]

    def feeds(self):
        kind = self.random.randrange(9)
        if kind < 2:
            return [f"await sleep({self.pick(*DELAYS)})"]
        if kind == 2:
            return [f"loop.call_soon(lambda: {self.action()})"]
        if kind == 3:
            return [f"loop.call_later({self.pick(*DELAYS)}, lambda: {self.action()})" for _ in range(self.random.randint(1, 3))]
        if kind == 4:
            pieces = ", ".join(self.data() for _ in range(self.random.randint(2, 5)))
            r = self.reader()
            return [f"for c in [{pieces}]:", f"    raised({r}.feed_data, c)", f"    await sleep({self.pick(*DELAYS)})"]
        return [self.action() for _ in range(self.random.randint(1, 3))]


def program(seed):
    return Generator(seed).program()
