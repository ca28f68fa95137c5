"""Random programs about locks and their like: those of generator.py, whose tasks also wait in line for what they share.

Every program ends: after a while `rescue` wakes, releases and breaks whatever there is, again and again.
"""
import generator
from generator import DELAYS, LIMITS

THINGS = {"lk": "Lock()", "ev": "Event()", "sm": "Semaphore({n})", "bs": "BoundedSemaphore({m})", "cd": "Condition({lock})",
          "br": "Barrier({parties})"}

RESCUE = """
    async def rescue():
        for i in range(30):
            ev.set()
            log("free", raised(lk.release), raised(bs.release))
            sm.release()
            await br.abort()
            if cd.locked():
                raised(cd.notify_all)
                raised(cd.release)
            await sleep(0.5)

    loop.call_later(24, lambda: create_task(rescue()))
"""

MORE = """
    await sleep(20)
    log("things", [text(x) for x in [lk, ev, sm, bs, cd, br]], [state(t) for t in ts])
"""


class Generator(generator.Generator):
    def __init__(self, seed):
        super().__init__(seed)
        self.name = f"random_sync_{seed}"

    def things(self):
        made = {"n": self.random.randint(0, 2), "m": self.random.randint(1, 2), "lock": self.pick("", "", "lk"),
                "parties": self.random.randint(1, 3)}
        return "".join(f"    {name} = {text.format(**made)}\n" for name, text in THINGS.items())

    def program(self):
        # The things come before the first function, the rescue after the last one.
        text = super().program()
        depth = "    " if text.startswith("def") else ""
        things, rescue, more = ("".join(depth + line + "\n" if line else "\n" for line in part.split("\n")[:-1])
                                for part in (self.things(), RESCUE, MORE))
        text = text.replace(f"{depth}    hs = []\n", f"{depth}    hs = []\n{things}", 1)
        text = text.replace(f"{depth}    for f in fs:\n{depth}        loop.call_later(20, complete, f)\n",
                            f"{rescue}{depth}    for f in fs:\n{depth}        loop.call_later(20, complete, f)\n", 1)
        last = f'{depth}    log("futures", [state(f) for f in fs])\n'
        return text.replace(last, last + more, 1)

    def statement(self, level, depth):
        return super().statement(level, depth) if self.chance(0.45) else self.own_statement(level, depth)

    def own_statement(self, level, depth):
        kinds = [(4, self.waits_in_line), (4, self.wakes), (1, self.shows)] + ([(4, self.scopes)] if depth < 2 else [])
        return self.random.choices([k for _, k in kinds], [w for w, _ in kinds])[0](level, depth)

    def operation(self):
        return self.pick("lk.acquire()", "lk.acquire()", "sm.acquire()", "bs.acquire()", "ev.wait()", "ev.wait()", "cd.acquire()",
                         "cd.wait()", "br.wait()", "br.wait()", "cd.wait_for(ev.is_set)")

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
        if self.chance(0.6):
            lines = ["try:"] + ["    " + line for line in lines]
            caught = self.pick("(RuntimeError, ValueError, BrokenBarrierError, TimeoutError)", "Exception", "CancelledError")
            lines += [f"except {caught} as e:", f"    log({self.label()}, e, current_task().cancelling())"]
        return lines

    def wake(self):
        return self.pick("raised(lk.release)", "raised(lk.release)", "raised(sm.release)", "raised(bs.release)", "ev.set()", "ev.set()",
                         "ev.clear()", f"raised(cd.notify, {self.random.randint(0, 3)})", "raised(cd.notify_all)", "raised(cd.release)")

    def wakes(self, level, depth):
        kind = self.random.randrange(5)
        if kind == 0:
            return [f"loop.call_later({self.pick(*DELAYS)}, lambda: log({self.label()}, {self.wake()}))"]
        if kind == 1:
            return [f"await br.{self.pick('reset', 'reset', 'abort')}()"]
        return [f"log({self.label()}, {self.wake()})"]

    def shows(self, level, depth):
        return self.pick([f"log({self.label()}, {', '.join(f'text({name})' for name in THINGS)})"],
                         [f"log({self.label()}, lk.locked(), ev.is_set(), sm.locked(), bs.locked(), cd.locked())"],
                         [f"log({self.label()}, br.parties, br.n_waiting, br.broken)"])

    def scopes(self, level, depth):
        name = self.pick("lk", "sm", "bs", "cd", "cd", "br")
        lines = [f"async with {name}{' as i' if name == 'br' else ''}:"]
        if name == "cd" and self.chance(0.7):
            lines.append(f"    {self.pick('await cd.wait()', f'log({self.label()}, await wait_for(cd.wait(), {self.pick(*LIMITS)}))', 'cd.notify()', 'cd.notify(2)', 'cd.notify_all()')}")
        if name == "br":
            lines.append(f"    log({self.label()}, i)")
        lines += self.inner(level, depth)
        if self.chance(0.6):
            lines = ["try:"] + ["    " + line for line in lines]
            lines += ["except Exception as e:", f"    log({self.label()}, e)"]
        return lines


def program(seed):
    return Generator(seed).program()
