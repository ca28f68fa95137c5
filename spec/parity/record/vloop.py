"""A BaseEventLoop with a virtual clock, and what makes CPython's open orders definite.

casync fixes some orders that CPython leaves to hash values and heap shapes (API 1.10, 2.4). Recording needs them
fixed too, so this file patches, in the recorder's process only:
- timers with equal deadlines run in the order of their making (TimerHandle comparison by (when, sequence));
- the sets inside tasks.py and taskgroups.py keep insertion order: wait() and as_completed() work and answer in
  argument order, a TaskGroup cancels its children in creation order;
- all_tasks() answers, and so run() cancels its leftovers, in creation order;
- every task is held strongly until its program is over (API 1.9).
"""
import asyncio
import collections.abc
import inspect
import itertools
import textwrap
import weakref

MAX_POLLS = 20000


class OrderedSet(collections.abc.MutableSet):
    """A set with the iteration order of insertion, for the module globals called `set`."""

    def __init__(self, items=()):
        self._items = dict.fromkeys(items)

    def __contains__(self, item):
        return item in self._items

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return list(self._items)[index]

    def add(self, item):
        self._items[item] = None

    def discard(self, item):
        self._items.pop(item, None)

    def clear(self):
        self._items.clear()


class OrderedWeakSet:
    """The open generators of a loop, in the order in which they began; asyncio's own has the finished too, while they are kept."""

    def __init__(self):
        self._items = weakref.WeakKeyDictionary()
        self.add = lambda item: self._items.__setitem__(item, None)
        self.discard = lambda item: self._items.pop(item, None)
        self.clear = self._items.clear

    def __iter__(self):
        return iter([item for item in self._items if item.ag_frame is not None])

    def __len__(self):
        return len(list(iter(self)))


class TooLong(BaseException):
    """A program that polls without end is a mistake in the program, never a trace."""


class Deadlock(RuntimeError):
    """Nothing is ready and no timer is set: casync's virtual loop raises RuntimeError there."""


class Selector:
    """Answers at once; with nothing ready, moves the clock to the next timer."""

    def __init__(self, loop):
        self.loop = loop

    def select(self, timeout):
        loop = self.loop
        loop.polls += 1
        if loop.polls > MAX_POLLS:
            raise TooLong
        if timeout is None:
            raise Deadlock
        if timeout > 0:
            loop.now = max(loop.now, loop._scheduled[0]._when)
        return ()


class VirtualLoop(asyncio.BaseEventLoop):
    """time() is virtual, polls counts iterations, created holds every task in creation order."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.polls = 0
        self.created = {}
        self._clock_resolution = 1e-9
        self._selector = Selector(self)
        self._asyncgens = OrderedWeakSet()

    def time(self):
        return self.now

    def create_task(self, coro, **options):
        # The number is taken first: an eager task may make others before its own call returns.
        number = next(_numbers)
        task = super().create_task(coro, **options)
        self.created[task] = number
        return task

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


_numbers = itertools.count()


def _in_creation_order(all_tasks):
    def ordered(loop=None):
        created = (loop or asyncio.get_running_loop()).created
        return OrderedSet(sorted(all_tasks(loop), key=lambda task: created.get(task, float("inf"))))
    return ordered


def _replace_in(module, name, old, new):
    """Recompiles one method of a class in its own module with a piece of its text replaced."""
    owner = getattr(module, name[0])
    source = textwrap.dedent(inspect.getsource(getattr(owner, name[1])))
    if old not in source:
        raise RuntimeError(f"{name} no longer contains {old}")
    made = {}
    exec(source.replace(old, new), module.__dict__, made)
    setattr(owner, name[1], made[name[1]])


def install():
    asyncio.tasks.set = asyncio.taskgroups.set = OrderedSet
    _replace_in(asyncio.tasks, ("_AsCompletedIterator", "__init__"),
                "{ensure_future(aw, loop=loop) for aw in set(aws)}",
                "set(ensure_future(aw, loop=loop) for aw in set(aws))")
    asyncio.tasks.all_tasks = asyncio.all_tasks = _in_creation_order(asyncio.tasks.all_tasks)

    # Without this, gather() outside a running loop finds the browser's loop that this CPython is set up with.
    asyncio.events._event_loop_policy = asyncio.events._BaseDefaultEventLoopPolicy()
    asyncio.TimerHandle = asyncio.events.TimerHandle = _ordered_timer()


def _ordered_timer():
    class TimerHandle(asyncio.TimerHandle):
        __slots__ = ("_number",)

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self._number = next(_numbers)

        def __lt__(self, other):
            return (self._when, self._number) < (other._when, other._number)

    return TimerHandle
