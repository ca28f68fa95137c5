"""Random programs about everything at once: tasks that share futures, locks, queues, generators, readers, writers, contexts and groups.

The parts are the generators of the other kinds. A storm of cancellations strikes the tasks at odd times. Every program ends, for
the reasons that its parts end; readers and writers are fed their end by a rescue of their own.
"""
import random
import re

import generator
import queue_generator
import sync_generator
from generator import DELAYS, LIMITS
from stream_generator import ALPHABET, SEPARATORS

SHARED = """    toks = []
    ctxs = [copy_context()]
    tgs = []
    lost = []
    rs = [StreamReader(limit={limit}), StreamReader()]
    rl = [Lock(), Lock()]
    rs[0].set_transport(transport())
    trs = [transport(), transport()]
    ps = [StreamReaderProtocol(r) for r in rs]
    ws = [StreamWriter(trs[i], ps[i], rs[i], loop) for i in range(2)]
"""

HELP = """
    def boom(err):
        raise err

    def lose(i, err):
        if i not in lost:
            lost.append(i)
            ps[i].connection_lost(err)

    def pause(i):
        raised(ps[i].pause_writing)

    def resume(i):
        raised(ps[i].resume_writing)

    def seen(f):
        log("seen", state(f))

    def strike(n, label):
        if len(ts) > n:
            log("strike", n, ts[n].cancel(label))

    async def rescue_streams():
        for i in range(2):
            raised(ps[i].resume_writing)
            lose(i, None)
        await sleep(1)
        for i in range(2):
            try:
                async with rl[i]:
                    log("left", rs[i].exception(), await rs[i].read())
            except (Exception, CancelledError) as e:
                log("left", e)
"""

MORE = """    log("streams", [r.at_eof() for r in rs], [w.is_closing() for w in ws])
    for i in range(2):
        ws[i].close()
"""


def indented(text, depth):
    return "".join(depth + line + "\n" if line else "\n" for line in text.split("\n")[:-1])


def quiet(rescue):
    """A rescue that does what it does without a line for each time."""
    return re.sub(r'log\("(?:free|done)", (.*)\)\n', r"\1\n", rescue)


class Generator(generator.Generator):
    def __init__(self, seed):
        super().__init__(seed)
        self.random = random.Random(f"mixed {seed}")
        self.name = f"random_mixed_{seed}"
        self.functions = self.random.randint(3, 6)
        self.made_items = 0
        self.parts = [self.borrow(sync_generator.Generator), self.borrow(queue_generator.Generator)]

    def borrow(self, part_class):
        """A generator of another kind with the state of this one, whose inner statements are of all kinds."""
        part = object.__new__(part_class)
        part.__dict__ = self.__dict__
        self.statement = self.any_statement
        return part

    def program(self):
        text = super().program()
        depth = "    " if text.startswith("def") else ""
        locks, queues = self.parts
        kept = queue_generator.KEPT
        made = indented(locks.things() + queues.things()[len(kept):] + SHARED.format(limit=self.random.randint(1, 8)), depth)
        helps = indented(quiet(queues.help()) + HELP, depth)
        strikes = "".join(f"{depth}    loop.call_later({self.random.randint(0, 20) * 0.25}, strike, {self.target()}, {self.label()})\n"
                          for _ in range(self.random.randint(0, 5)))
        rescue = indented(quiet(sync_generator.RESCUE), depth) + f"{depth}    loop.call_later(24, lambda: create_task(rescue_streams()))\n"
        text = text.replace(f"{depth}    hs = []\n", f"{depth}    hs = []\n{made}{helps}", 1)
        guard = f"{depth}    for f in fs:\n{depth}        loop.call_later(20, complete, f)\n"
        text = text.replace(guard, rescue + strikes + guard, 1)
        last = f'{depth}    log("futures", [state(f) for f in fs])\n'
        text = text.replace(last, last + indented(sync_generator.MORE + MORE + queue_generator.MORE, depth), 1)
        # Under run() generators belong to the function around it: shutdown_asyncgens() is to find them.
        head = f"def {self.name}():\n"
        return text.replace(head, head + kept, 1) if depth else text.replace("    hs = []\n", "    hs = []\n" + kept, 1)

    def under_run(self, text):
        if self.chance(0.6):
            return super().under_run(text)
        inner = "".join("    " + line + "\n" if line else "\n" for line in text.replace(self.name, "main").split("\n"))
        return (f"def {self.name}():\n{inner}\n    with Runner(loop_factory=new_event_loop) as runner:\n"
                f"        log('run', raised(runner.run, main()))\n        log('again', raised(runner.run, main()))\n")

    def body(self, depth, level, is_main):
        """Longer than the other kinds' and less often cut short by an error."""
        lines = [] if is_main else [f"log({self.label()}, x, current_task().cancelling())"]
        for _ in range(self.random.randint(3, 7)):
            made = self.any_statement(level, 0)
            lines += self.guarded(made) if self.chance(0.4) else made
        if not is_main:
            lines.append(f"return {self.label()}")
        return "".join("    " * depth + line + "\n" for line in lines)

    def any_statement(self, level, depth):
        kinds = [(8, super().statement), (4, self.parts[0].own_statement), (4, self.parts[1].own_statement), (3, self.streams),
                 (2, self.contexts), (2, self.tasks), (1, self.breaks)] + ([(1.5, self.scopes), (1, self.raised_groups)] if depth < 2 else [])
        return self.random.choices([k for _, k in kinds], [w for w, _ in kinds])[0](level, depth)

    def guarded(self, lines):
        caught = self.pick("Exception", "Exception", "(Exception, CancelledError)", "CancelledError")
        return ["try:"] + ["    " + line for line in lines] + [f"except {caught} as e:", f"    log({self.label()}, e, current_task().cancelling())"]

    # Readers and writers: two of each.

    def read(self):
        i = self.random.randrange(2)
        call = self.pick(f"rs[{i}].read({self.random.randint(0, 6)})", f"rs[{i}].readline()", f"rs[{i}].readexactly({self.random.randint(0, 6)})",
                         f"rs[{i}].readuntil({self.pick(*SEPARATORS[:7])})")
        call = self.pick(call, call, f"wait_for({call}, {self.pick(0.5, 1, 2, None)})", f"create_task({call})",
                         f"gather({call}, {self.future(0)}, return_exceptions=True)")
        # What a second read of one reader gets while the first has been woken and has not come back is a difference on purpose.
        return [f"async with rl[{i}]:", f"    log({self.label()}, await {call})"]

    def written(self):
        i = self.random.randrange(2)
        call = self.pick(f"ws[{i}].drain()", f"ws[{i}].drain()", f"ws[{i}].wait_closed()", f"shield(ws[{i}].wait_closed())")
        call = self.pick(call, call, f"wait_for({call}, {self.pick(*LIMITS)})", f"gather({call}, {self.future(0)}, return_exceptions=True)")
        return [f"log({self.label()}, await {call})"]

    def feed(self):
        i = self.random.randrange(2)
        data = repr(b"".join(self.random.choice(ALPHABET) for _ in range(self.random.randint(0, 6))))
        return self.random.choices(
            [f"raised(rs[{i}].feed_data, {data}) is not None", f"raised(ps[{i}].data_received, {data}) is not None",
             f"pause({i})", f"resume({i})",
             f"rs[{i}].set_exception(Err({self.label()}))", f"rs[{i}].feed_eof()", f"lose({i}, {self.pick('None', f'Err({self.label()})')})",
             f"ws[{i}].write({data})", f"ws[{i}].close()", f"rs[{i}].at_eof()"], [8, 3, 4, 4, 0.4, 0.4, 0.4, 1, 0.4, 1])[0]

    def streams(self, level, depth):
        kind = self.random.randrange(5)
        if kind < 2:
            return self.guarded(self.pick(self.read, self.read, self.written)())
        if kind == 2:
            return [f"loop.call_later({self.pick(*DELAYS)}, lambda: log({self.label()}, {self.feed()}))"]
        return [f"log({self.label()}, {self.feed()})" for _ in range(self.random.randint(1, 2))]

    # Context variables.

    def contexts(self, level, depth):
        n = self.random.randrange(3)
        held = self.random.choices(
            [f"log({self.label()}, raised(var.reset, toks[{n}]))", f"log({self.label()}, raised(ctxs[0].run, var.set, {self.label()}))",
             f"log({self.label()}, ctxs[0].run(var.get))",
             f"ts.append(create_task({self.call(level)}, context=ctxs[0], eager_start=False))"], [4, 2, 2, 2])[0]
        return self.pick([f"toks.append(var.set({self.label()}))"], [f"log({self.label()}, var.get())"],
                         [f"if len(toks) > {n} and len(ts) < 8:", f"    {held}"], [f"if len(toks) > {n} and len(ts) < 8:", f"    {held}"])

    # What is asked of tasks, futures and handles.

    def tasks(self, level, depth):
        n, f = self.target(), self.future(level)
        asked = self.pick(f"log({self.label()}, raised(ts[{n}].result))", f"log({self.label()}, raised(ts[{n}].exception))",
                          f"ts[{n}].set_name({self.label()})", f"log({self.label()}, ts[{n}].uncancel(), ts[{n}].cancelling())",
                          f"log({self.label()}, ts[{n}].done(), ts[{n}].cancelled())", f"ts[{n}].add_done_callback(seen)",
                          f"log({self.label()}, ts[{n}].remove_done_callback(seen))")
        return self.random.choices(
            [[f"if len(ts) > {n}:", f"    {asked}"], [f"{f}.add_done_callback(seen)"], [f"log({self.label()}, {f}.remove_done_callback(seen))"],
             [f"hs.append(loop.call_at(now() + {self.pick(*DELAYS)}, seen, {f}))"],
             [f"if len(hs) > {n}:", f"    log({self.label()}, hs[{n}].cancelled(), hs[{n}].when())"],
             [f"loop.{self.pick('call_soon(boom', f'call_later({self.pick(*DELAYS)}, boom')}, {self.pick('Err', 'Err', 'CancelledError')}({self.label()}))"],
             [f"log({self.label()}, await ensure_future({self.awaitable(level, 1)}))"],
             [f"c = {self.call(level)}", "c.close()"],
             ["for t in all_tasks():", "    if t is not current_task():", f"        t.cancel({self.label()})"],
             ["loop.stop()"]], [6, 2, 2, 2, 1, 2, 2, 1, 0.3, 0.05])[0]

    # Leaving early.

    def breaks(self, level, depth):
        items = ", ".join(self.awaitable(level, 2) for _ in range(self.random.randint(1, 3)))
        return self.guarded([f"async for t in as_completed([{items}]):", f"    log({self.label()}, state(t))", "    break"])

    # Scopes that others use too, and errors that are groups.

    def scopes(self, level, depth):
        kind = self.random.randrange(4)
        if kind == 0:
            return self.guarded([f"async with timeout_at(now() + {self.pick(*DELAYS)}) as tm:"] + self.inner(level, depth))
        if kind == 1:
            return self.guarded(["async with TaskGroup() as tg:", "    tgs.append(tg)"] + self.inner(level, depth))
        if kind == 2:
            n = self.random.randrange(2)
            return [f"if len(tgs) > {n} and len(ts) < {self.random.randint(1, 9)}:",
                    f"    log({self.label()}, raised(tgs[{n}].create_task, {self.call(level)}))"]
        return ["try:"] + self.inner(level, depth) + ["finally:"] + self.inner(level, depth)

    def raised_groups(self, level, depth):
        group = f"BaseExceptionGroup({self.label()}, [Err({self.label()}), {self.pick('Err2', 'SubErr', 'CancelledError', 'BaseErr')}({self.label()})])"
        lines = ["try:"] + self.inner(level, depth)
        lines += [f"    raise {group}"] if self.chance(0.3) else []
        return lines + ["except BaseExceptionGroup as e:", f"    part, rest = e.split({self.pick('Err', 'CancelledError', 'Exception')})",
                        f"    log({self.label()}, part, rest, current_task().cancelling())"] + (["    raise"] if self.chance(0.2) else [])


def program(seed):
    return Generator(seed).program()
