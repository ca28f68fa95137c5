"""Random programs about queues and async generators: those of generator.py, whose tasks also share queues and make generators.

Every program ends: after a while `rescue_queues` shuts the queues down. Generators are kept, so that the collector closes none, and most
are asked by one task at a time: who asks while another one waits gets an error, as in Python.
"""
import generator
from generator import DELAYS, LIMITS

QUEUES = {"q": "Queue({a})", "b": "Queue({b})", "l": "LifoQueue({a})", "p": "PriorityQueue({a})"}
ITEMS = {"q": '{n}', "b": '"i{n}"', "l": 'None if {n} == 1 else {n}', "p": "({n} % 3, {n})"}

HELP = """
    async def gen(n):
        try:
            for i in range(n):
                await sleep({d1})
                log("gen", n, i)
                got = yield i
                if got is not None:
                    log("sent", got)
                    if got == "stop":
                        return
        except (Err, GeneratorExit) as e:
            log("in gen", e)
            await sleep({d2})
            {answer}
        finally:
            log("gen ends", n)
            await sleep({d3})

    async def from_queue():
        for i in range(5):
            try:
                item = await q.get()
                yield item
            except QueueShutDown as e:
                return

    async def outer(n):
        g = gen(n)
        kept.append(g)
        async for i in g:
            log("outer", i)
            yield i * 2

    async def rescue_queues():
        for x in [q, b, l, p]:
            x.shutdown({immediate})
        for i in range(40):
            log("done", [raised(x.task_done) for x in [q, b, l, p]])

    loop.call_later(24, lambda: create_task(rescue_queues()))
"""

# Under run() they belong to the function around it: shutdown_asyncgens() is to find them.
KEPT = "    gs = []\n    kept = []\n"

MORE = """
    await sleep(20)
    log("queues", [text(x) for x in [q, b, l, p]], [state(t) for t in ts])
    await loop.shutdown_asyncgens()
    hold(gs, kept)
    log("end")
"""


class Generator(generator.Generator):
    def __init__(self, seed):
        super().__init__(seed)
        self.name = f"random_queue_{seed}"
        self.made_items = 0

    def things(self):
        made = {"a": self.pick("", "", 1, 2), "b": self.random.randint(1, 2)}
        return KEPT + "".join(f"    {name} = {text.format(**made)}\n" for name, text in QUEUES.items())

    def help(self):
        return HELP.format(d1=self.pick(*DELAYS), d2=self.pick(*DELAYS), d3=self.pick(*DELAYS), immediate=self.pick("", "True"),
                           answer=self.pick("raise", "raise", "log('absorbed')", "yield 'more'", "raise Err2('other')"))

    def program(self):
        text = super().program()
        depth = "    " if text.startswith("def") else ""
        things, rest, more = ("".join(depth + line + "\n" if line else "\n" for line in part.split("\n")[:-1])
                              for part in (self.things(), self.help(), MORE))
        text = text.replace(f"{depth}    hs = []\n", f"{depth}    hs = []\n{things}{rest}", 1)
        last = f'{depth}    log("futures", [state(f) for f in fs])\n'
        text = text.replace(last, last + more, 1)
        if depth:
            text = text.replace("    " + KEPT.replace("\n    ", "\n        "), "", 1).replace("():\n", "():\n" + KEPT, 1)
        return text

    def statement(self, level, depth):
        return super().statement(level, depth) if self.chance(0.4) else self.own_statement(level, depth)

    def own_statement(self, level, depth):
        kinds = [(5, self.waits_in_line), (5, self.moves), (1, self.shows), (2, self.asks)] + ([(3, self.loops)] if depth < 2 else [])
        return self.random.choices([k for _, k in kinds], [w for w, _ in kinds])[0](level, depth)

    def queue(self):
        return self.pick("q", "q", "b", "b", "l", "p")

    def item(self, queue):
        self.made_items += 1
        return ITEMS[queue].format(n=self.made_items)

    def operation(self):
        queue = self.queue()
        return self.pick(f"{queue}.get()", f"{queue}.get()", f"{queue}.put({self.item(queue)})", f"{queue}.put({self.item(queue)})",
                         f"{queue}.join()")

    def guarded(self, lines):
        lines = ["try:"] + ["    " + line for line in lines]
        caught = self.pick("(QueueEmpty, QueueFull, QueueShutDown, TimeoutError)", "Exception", "Exception", "CancelledError")
        return lines + [f"except {caught} as e:", f"    log({self.label()}, e, current_task().cancelling())"]

    def waits_in_line(self, level, depth):
        awaited = self.operation()
        kind = self.random.randrange(4)
        if kind == 0:
            awaited = f"wait_for({awaited}, {self.pick(*LIMITS)})"
        elif kind == 1:
            awaited = f"gather({awaited}, {self.operation()}{', return_exceptions=True' if self.chance(0.6) else ''})"
        elif kind == 2:
            return ["if len(ts) < 8:", f"    ts.append(create_task({awaited}{self.eager()}))"]
        lines = [f"log({self.label()}, await {awaited})"]
        return self.guarded(lines) if self.chance(0.6) else lines

    def move(self):
        queue = self.queue()
        return self.pick(f"raised({queue}.get_nowait)", f"raised({queue}.get_nowait)", f"raised({queue}.put_nowait, {self.item(queue)})",
                         f"raised({queue}.put_nowait, {self.item(queue)})", f"raised({queue}.task_done)",
                         *([f"{queue}.shutdown({self.pick('', 'True')})"] if self.chance(0.15) else []))

    def moves(self, level, depth):
        if self.chance(0.2):
            return [f"loop.call_later({self.pick(*DELAYS)}, lambda: log({self.label()}, {self.move()}))"]
        return [f"log({self.label()}, {self.move()})"]

    def shows(self, level, depth):
        queue = self.queue()
        return self.pick([f"log({self.label()}, {', '.join(f'text({name})' for name in QUEUES)})"],
                         [f"log({self.label()}, {queue}.qsize(), {queue}.empty(), {queue}.full(), {queue}.maxsize)"])

    def made(self):
        return self.pick(f"gen({self.random.randint(1, 3)})", f"gen({self.random.randint(1, 3)})", f"outer({self.random.randint(1, 3)})",
                         "from_queue()")

    def asks(self, level, depth):
        n = self.target()
        call = self.pick(f"anext(gs[{n}])", f"anext(gs[{n}])", f"gs[{n}].asend({self.pick('None', self.label(), chr(34) + 'stop' + chr(34))})",
                         f"gs[{n}].athrow(Err({self.label()}))", f"gs[{n}].aclose()")
        lines = self.guarded([f"log({self.label()}, await {call})"])
        return [f"if len(gs) <= {n}:", f"    gs.append({self.made()})", "else:"] + ["    " + line for line in lines]

    def loops(self, level, depth):
        lines = [f"gs.append({self.made()})", "async for v in gs[len(gs) - 1]:", f"    log({self.label()}, v)"]
        lines += self.inner(level, depth)
        if self.chance(0.4):
            lines += [f"    if v {self.pick('==', '>')} 0:", "        break"]
        return self.guarded(lines) if self.chance(0.5) else lines


def program(seed):
    return Generator(seed).program()
