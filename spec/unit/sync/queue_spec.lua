-- Queue, PriorityQueue and LifoQueue: what they keep and in which order, who waits, the end, and subclasses. What cancelling
-- does is in queue_cancel_spec.lua.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(class == nil and type(err) == "string" or class ~= nil and asyncio.isinstance(err, class), tostring(err))
  assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
end

local function queue_of(class, ...)
  local queue = class()
  for i = 1, select("#", ...) do queue:put_nowait((select(i, ...))) end
  return queue
end

local function drain(queue)
  local items = {n = 0}
  while not queue:empty() do
    items.n = items.n + 1
    items[items.n] = queue:get_nowait()
  end
  return items
end

describe("a Queue", function()
  it("gives its items in order and counts them", function()
    local queue = queue_of(asyncio.Queue, "a", "b", "c")
    assert.equal(3, queue:qsize())
    assert.equal("a", queue:get_nowait())
    queue:put_nowait("d")
    assert.same({n = 3, "b", "c", "d"}, drain(queue))
    assert.is_true(queue:empty())
    assert.equal(0, queue:qsize())
  end)

  it("takes any value, also nil and false", function()
    local queue = queue_of(asyncio.Queue, nil, false, 0, nil)
    assert.equal(4, queue:qsize())
    assert.same({n = 4, nil, false, 0, nil}, drain(queue))
    local lifo = queue_of(asyncio.LifoQueue, 1, nil, false, nil)
    assert.same({n = 4, nil, false, nil, 1}, drain(lifo))
  end)

  it("keeps its order however it grows and turns", function()
    local queue, next_in, next_out = asyncio.Queue(), 1, 1
    for round = 1, 200 do
      for _ = 1, round % 17 + 3 do
        queue:put_nowait(next_in)
        next_in = next_in + 1
      end
      for _ = 1, math.min(queue:qsize(), round % 13 + 4) do
        assert.equal(next_out, queue:get_nowait())
        next_out = next_out + 1
      end
    end
    for n = next_out, next_in - 1 do assert.equal(n, queue:get_nowait()) end
  end)

  it("lets go of what it gave away", function()
    local seen = setmetatable({}, {__mode = "v"})
    for _, class in ipairs{asyncio.Queue, asyncio.LifoQueue} do
      local queue = class()
      for i = 1, 3000 do queue:put_nowait{i} end
      for i = 1, 3000 do seen[i] = queue:get_nowait() end
      collectgarbage()
      assert.is_nil(next(seen))
      queue:put_nowait("again")
      assert.equal("again", queue:get_nowait())
    end
  end)

  it("has a size that is a field", function()
    assert.equal(0, asyncio.Queue().maxsize)
    assert.equal(3, asyncio.Queue(3).maxsize)
    assert.equal(-2, asyncio.Queue(-2).maxsize)
    assert.equal(4, asyncio.LifoQueue{maxsize = 4}.maxsize)
    assert.equal(4, asyncio.LifoQueue{maxsize = 4}.maxsize)
    raises(asyncio.TypeError, "unknown option 'size'", asyncio.Queue, {size = 1})
    raises(asyncio.TypeError, "integer expected, got string", asyncio.Queue, "x")
  end)

  it("is full at its size, and never without one", function() -- Q5
    local queue = asyncio.Queue(2)
    assert.is_false(queue:full())
    queue:put_nowait(1)
    queue:put_nowait(2)
    assert.is_true(queue:full())
    raises(asyncio.QueueFull, "QueueFull", queue.put_nowait, queue, 3)
    assert.equal(2, queue:qsize())
    for _, maxsize in ipairs{0, -1} do
      queue = asyncio.Queue(maxsize)
      for i = 1, 100 do queue:put_nowait(i) end
      assert.is_false(queue:full())
    end
  end)

  it("raises when there is nothing to get at once", function()
    raises(asyncio.QueueEmpty, "QueueEmpty", function() asyncio.Queue():get_nowait() end)
  end)

  it("refuses what is no queue", function()
    raises(nil, "Queue expected, got table", asyncio.Queue.put_nowait, {}, 1)
    raises(nil, "Queue expected, got no value", asyncio.Queue.get)
    raises(nil, "invalid format", function() asyncio.Queue():items("x") end)
    raises(asyncio.RuntimeError, "Queue.init() has not been called", function()
      asyncio.Queue.get_nowait(asyncio.Queue.__new(asyncio.Queue))
    end)
    raises(asyncio.RuntimeError, "called twice", function() asyncio.Queue():init() end)
  end)

  it("shows what is in it and who waits", function()
    local queue = asyncio.Queue(2)
    assert.equal("<Queue maxsize=2>", tostring(queue))
    queue:put_nowait("x")
    queue:put_nowait(false)
    assert.equal("<Queue maxsize=2 _queue={'x', false} tasks=2>", tostring(queue))
    queue:shutdown(true)
    assert.equal("<Queue maxsize=2 shutdown>", tostring(queue))
    queue = asyncio.LifoQueue()
    for i = 1, 20 do queue:put_nowait(i) end
    assert.is_truthy(tostring(queue):find("<LifoQueue maxsize=0 _queue={1, 2, .*, 12, %.%.%. 8 more} tasks=20>"))
  end)

  it_awaits("shows who waits", function()
    local queue = asyncio.PriorityQueue()
    local task = create_task(queue:get())
    await(sleep(0))
    assert.equal("<PriorityQueue maxsize=0 _getters[1]>", tostring(queue))
    task:cancel()
    assert.equal("<PriorityQueue maxsize=0>", tostring(queue))
  end)

  it("is one of the classes", function()
    local queue = asyncio.PriorityQueue(3)
    assert.is_true(asyncio.isinstance(queue, asyncio.Queue))
    assert.is_true(asyncio.isinstance(queue, asyncio.PriorityQueue))
    assert.is_false(asyncio.isinstance(queue, asyncio.LifoQueue))
    assert.equal("<class 'PriorityQueue'>", tostring(asyncio.PriorityQueue))
  end)
end)

describe("a LifoQueue", function()
  it("is a stack", function() -- Q8
    assert.same({n = 3, 3, 2, 1}, drain(queue_of(asyncio.LifoQueue, 1, 2, 3)))
  end)
end)

describe("a PriorityQueue", function()
  it("gives the least item first", function()
    assert.same({n = 6, 1, 1, 2, 3, 5, 9}, drain(queue_of(asyncio.PriorityQueue, 5, 1, 3, 9, 1, 2)))
    assert.same({n = 3, "a", "b", "c"}, drain(queue_of(asyncio.PriorityQueue, "b", "c", "a")))
  end)

  it("compares arrays element by element, as tuples", function()
    local queue = queue_of(asyncio.PriorityQueue, {2, "b"}, {2, "a"}, {1, "z"}, {1}, {1, "z", 0})
    local order = {}
    for i, item in ipairs(drain(queue)) do order[i] = table.concat(item, " ") end
    assert.same({"1", "1 z", "1 z 0", "2 a", "2 b"}, order)
    queue = queue_of(asyncio.PriorityQueue, {1, {2, {4}}}, {1, {2, {3}}}, {1, {2}})
    assert.same({n = 3, {1, {2}}, {1, {2, {3}}}, {1, {2, {4}}}}, drain(queue))
  end)

  it("compares only what differs, so equal priorities need comparable rests", function()
    local f = function() end
    local queue = queue_of(asyncio.PriorityQueue, {1, f})
    raises(nil, "attempt to compare two function values", queue.put_nowait, queue, {1, print})
    queue = queue_of(asyncio.PriorityQueue, {1, f, 2}, {1, f, 1})
    assert.equal(1, queue:get_nowait()[3])
    queue = queue_of(asyncio.PriorityQueue, {n = 3, 1, nil, 2}, {n = 3, 1, nil, 1})
    assert.equal(1, queue:get_nowait()[3])
  end)

  it("asks an object's own __lt", function()
    local meta = {__lt = function(a, b) return a.level < b.level end}
    local function job(level) return setmetatable({level = level}, meta) end
    local queue = queue_of(asyncio.PriorityQueue, job(3), job(1), job(2))
    for level = 1, 3 do assert.equal(level, queue:get_nowait().level) end
    queue = queue_of(asyncio.PriorityQueue, {0, job(2)}, {0, job(1)})
    assert.equal(1, queue:get_nowait()[2].level)
  end)

  it("keeps heapq's order among equals", function()
    -- Recorded: CPython 3.14.2 gives these labels in this order for ten items of equal priority.
    local meta = {__lt = function(a, b) return a.level < b.level end}
    local queue = asyncio.PriorityQueue()
    for i = 0, 9 do queue:put_nowait(setmetatable({level = i % 2, label = i}, meta)) end
    local labels = {}
    for _, item in ipairs(drain(queue)) do labels[#labels + 1] = item.label end
    assert.same({0, 2, 6, 4, 8, 9, 5, 3, 1, 7}, labels)
  end)

  it("keeps all items when a comparison raises", function()
    local queue = queue_of(asyncio.PriorityQueue, 5, 3)
    raises(nil, "attempt to compare", queue.put_nowait, queue, "x")
    assert.equal(3, queue:qsize()) -- as heapq.heappush, which appends first
  end)

  it("says so when a comparison changes it", function()
    local queue = asyncio.PriorityQueue()
    local meta = {}
    meta.__lt = function()
      meta.__lt = function() return false end
      queue:put_nowait(setmetatable({}, meta))
      return true
    end
    queue:put_nowait(setmetatable({}, meta))
    raises(asyncio.RuntimeError, "list changed size during iteration", queue.put_nowait, queue, setmetatable({}, meta))
  end)

  it("refuses arrays without end", function()
    local a, b = {}, {}
    a[1], b[1] = a, b
    local queue = queue_of(asyncio.PriorityQueue, a)
    raises(asyncio.RecursionError, "too deep", queue.put_nowait, queue, b)
  end)

  it_awaits("cannot await in a comparison", function()
    local meta = {__lt = function() await(sleep(0)) end}
    local queue = queue_of(asyncio.PriorityQueue, setmetatable({}, meta))
    raises(asyncio.RuntimeError, "cannot await", queue.put_nowait, queue, setmetatable({}, meta))
  end)
end)

describe("waiting at a Queue", function()
  it_awaits("is not needed where there is an item, or room", function() -- Q1
    local queue, loop = asyncio.Queue(1), asyncio.get_running_loop()
    local before = loop:_iterations()
    assert.equal(0, select("#", await(queue:put(1))))
    assert.equal(1, await(queue:get()))
    await(queue:put(nil))
    assert.equal(1, select("#", await(queue:get())))
    assert.equal(before, loop:_iterations())
  end)

  it_awaits("is in line", function() -- Q1
    local queue, log = asyncio.Queue(), {}
    for i = 1, 3 do
      create_task(function()
        local item = await(queue:get())
        log[#log + 1] = i .. item
      end)
    end
    await(sleep(0))
    for _, item in ipairs{"a", "b", "c"} do queue:put_nowait(item) end
    assert.same({}, log)
    await(sleep(0))
    assert.same({"1a", "2b", "3c"}, log)
  end)

  it_awaits("is in line for room too", function() -- Q1
    local queue, log = asyncio.Queue(1), {}
    queue:put_nowait(0)
    for i = 1, 3 do
      create_task(function()
        await(queue:put(i))
        log[#log + 1] = i
      end)
    end
    await(sleep(0))
    for i = 0, 3 do
      assert.equal(i, await(queue:get()))
      await(sleep(0))
    end
    assert.same({1, 2, 3}, log)
  end)

  it_awaits("goes on at the end of the line when somebody else took the item", function() -- Q2
    local queue, log = asyncio.Queue(), {}
    for i = 1, 2 do
      create_task(function()
        local item = await(queue:get())
        log[#log + 1] = i .. item
      end)
    end
    await(sleep(0))
    queue:put_nowait("x")
    assert.equal("x", queue:get_nowait())
    await(sleep(0))
    queue:put_nowait("a")
    queue:put_nowait("b")
    await(sleep(0))
    assert.same({"2a", "1b"}, log)
  end)

  it_awaits("ends for all at a shutdown", function() -- Q6
    local queue, log = asyncio.Queue(1), {}
    local function note(name, op)
      return create_task(function()
        local ok, err = pcall(await, op)
        log[#log + 1] = name .. " " .. (ok and tostring(err) or tostring(err.name))
      end)
    end
    note("get 1", queue:get())
    note("get 2", queue:get())
    await(sleep(0))
    queue:shutdown()
    queue:shutdown()
    await(sleep(0))
    assert.same({"get 1 QueueShutDown", "get 2 QueueShutDown"}, log)
    raises(asyncio.QueueShutDown, "QueueShutDown", queue.put_nowait, queue, 1)
    raises(asyncio.QueueShutDown, "QueueShutDown", queue.get_nowait, queue)
    raises(asyncio.QueueShutDown, "QueueShutDown", await, queue:get())
    raises(asyncio.QueueShutDown, "QueueShutDown", await, queue:put(1))
  end)

  it_awaits("ends for those with an item to put, and what is there can be had", function() -- Q6
    local queue = asyncio.Queue(1)
    queue:put_nowait("there")
    local putter = create_task(queue:put("too late"))
    await(sleep(0))
    queue:shutdown()
    raises(asyncio.QueueShutDown, "QueueShutDown", await, putter)
    assert.equal("there", await(queue:get()))
    raises(asyncio.QueueShutDown, "QueueShutDown", await, queue:get())
  end)

  it("in a second loop is an error, without waiting it is not", function() -- K6
    local queue = asyncio.Queue()
    testing.run(function()
      local getter = create_task(queue:get())
      await(sleep(0))
      queue:put_nowait("first")
      assert.equal("first", await(getter))
    end)
    testing.run(function()
      queue:put_nowait("second")
      assert.equal("second", await(queue:get()))
      raises(asyncio.RuntimeError, "is bound to a different event loop", await, queue:get())
    end)
  end)

  it("is refused where nothing can be awaited, and nothing has happened", function()
    local queue = asyncio.Queue(1)
    raises(asyncio.RuntimeError, "await", await, queue:get())
    queue:put_nowait(1)
    assert.equal(1, await(queue:get())) -- which has nothing to wait for
    assert.equal("<Queue maxsize=1 tasks=1>", tostring(queue))
  end)

  it_awaits("serves 100,000 tasks", function()
    local queue, sum = asyncio.Queue(), 0
    local tasks = {}
    for i = 1, 100000 do tasks[i] = create_task(function()
      local item = await(queue:get())
      sum = sum + item
    end) end
    await(sleep(0))
    for i = 100000, 2, -2 do tasks[i]:cancel() end
    for _ = 1, 50000 do queue:put_nowait(1) end
    await(sleep(0))
    await(sleep(0))
    assert.equal(50000, sum)
  end)

  it("outlives the queue: whoever waits at one that is gone waits on", function()
    local loop = testing.new_event_loop()
    local reports = {}
    loop:set_exception_handler(function(_, context) reports[#reports + 1] = context.message end)
    local task = loop:create_task(function() await(asyncio.Queue():get()) end)
    loop:call_soon(loop.stop, loop)
    loop:run_forever()
    collectgarbage()
    collectgarbage()
    loop:call_soon(loop.stop, loop)
    loop:run_forever()
    assert.is_false(task:done())
    loop:close()
    collectgarbage()
  end)
end)

describe("join", function()
  it_awaits("returns at once when nothing is unfinished", function() -- Q4
    local loop = asyncio.get_running_loop()
    local before = loop:_iterations()
    assert.equal(0, select("#", await(asyncio.Queue():join())))
    assert.equal(before, loop:_iterations())
  end)

  it_awaits("waits for a task_done of every item that was put", function() -- Q4
    local queue, joined = queue_of(asyncio.Queue, 1, 2), 0
    for _ = 1, 2 do
      create_task(function()
        await(queue:join())
        joined = joined + 1
      end)
    end
    drain(queue)
    await(sleep(1))
    assert.equal(0, joined)
    queue:task_done()
    await(sleep(1))
    assert.equal(0, joined)
    queue:task_done()
    await(sleep(0))
    assert.equal(2, joined)
    raises(asyncio.ValueError, "task_done() called too many times", queue.task_done, queue)
  end)

  it_awaits("returns to those who were woken, whatever is put before they run", function()
    local queue = queue_of(asyncio.Queue, 1)
    local joiner = create_task(queue:join())
    await(sleep(0))
    queue:task_done()
    queue:put_nowait(2)
    await(sleep(0))
    assert.is_true(joiner:done())
  end)

  it_awaits("is freed by an immediate shutdown of the items that are dropped only", function() -- Q7
    local queue = queue_of(asyncio.Queue, 1, 2, 3)
    queue:get_nowait()
    local joiner = create_task(queue:join())
    await(sleep(0))
    queue:shutdown(true)
    assert.equal(0, queue:qsize())
    await(sleep(1))
    assert.is_false(joiner:done())
    queue:task_done()
    await(sleep(0))
    assert.is_true(joiner:done())
  end)
end)

describe("iterating a Queue", function()
  it_awaits("takes items until it is shut down and empty", function()
    local queue, items = asyncio.Queue(1), {}
    create_task(function()
      for i = 1, 5 do await(queue:put(i)) end
      queue:shutdown()
    end)
    for item in queue:items() do items[#items + 1] = item end
    assert.same({1, 2, 3, 4, 5}, items)
  end)

  it_awaits("gives false as any other item, and ends at nil", function()
    local queue, items = queue_of(asyncio.Queue, 1, false, nil, 2), {}
    for item in queue:items() do items[#items + 1] = item end
    assert.same({1, false}, items)
    assert.equal(1, queue:qsize()) -- the nil is taken, what is behind it is not
  end)

  it_awaits("gives nil too where items are counted", function()
    local queue, items = queue_of(asyncio.Queue, 1, nil, false, nil), {n = 0}
    queue:shutdown()
    for n, item in queue:items("n") do items.n, items[n] = n, item end
    assert.same({n = 4, 1, nil, false, nil}, items)
  end)

  it_awaits("ends when the queue is shut down while it waits", function()
    for _, format in ipairs{"", "n"} do
      local queue, count = asyncio.Queue(), 0
      asyncio.get_running_loop():call_later(1, queue.shutdown, queue)
      for _ in queue:items(format == "n" and "n" or nil) do count = count + 1 end
      assert.equal(0, count)
    end
  end)

  it_awaits("works in a user's own coroutine", function()
    local queue = queue_of(asyncio.Queue, 1, 2)
    local doubled = coroutine.wrap(function()
      for item in queue:items() do coroutine.yield(2 * item) end
    end)
    assert.equal(2, doubled())
    assert.equal(4, doubled())
    asyncio.get_running_loop():call_later(1, queue.put_nowait, queue, 3)
    assert.equal(6, doubled())
  end)

  it_awaits("can be driven by hand", function()
    local queue = asyncio.Queue()
    local body = asyncio.async(function()
      local items = {}
      for item in queue:items() do items[#items + 1] = item end
      return items
    end)()
    local done, awaited = body:send()
    assert.is_false(done)
    queue:put_nowait("x")
    await(awaited)
    done, awaited = body:send()
    assert.is_false(done)
    queue:shutdown()
    await(awaited)
    local items
    done, items = body:send()
    assert.is_true(done)
    assert.same({"x"}, items)
  end)

  it("is refused where nothing can be awaited", function()
    raises(asyncio.RuntimeError, "await", function()
      for _ in asyncio.Queue():items() do error("no item") end
    end)
  end)
end)

describe("a class below Queue", function()
  local function recording(log)
    return asyncio.Queue:subclass("Recording", {
      _init = function(self, maxsize)
        log[#log + 1] = "init " .. maxsize
        self._queue = {}
      end,
      _put = function(self, item) table.insert(self._queue, 1, item) end,
      _get = function(self) return table.remove(self._queue, 1) end,
    })
  end

  it_awaits("keeps its items as its hooks say", function()
    local log, got = {}, {}
    local queue = recording(log)(2)
    assert.same({"init 2"}, log)
    assert.equal(2, queue.maxsize)
    create_task(function()
      for i = 1, 4 do await(queue:put(i)) end
      queue:shutdown()
    end)
    await(sleep(0))
    assert.equal(2, queue:qsize())
    assert.is_true(queue:full())
    for item in queue:items() do got[#got + 1] = item end
    assert.same({2, 1, 4, 3}, got)
    assert.is_true(queue:empty())
    assert.equal("<Recording maxsize=2 tasks=4 shutdown>", tostring(queue))
  end)

  it_awaits("reaches its parent's hooks by field", function()
    local Tagged = asyncio.PriorityQueue:subclass("Tagged", {
      _put = function(self, item) asyncio.PriorityQueue._put(self, {item, "tag"}) end,
      _get = function(self) return asyncio.PriorityQueue._get(self)[1] end,
    })
    local queue = Tagged()
    for _, item in ipairs{3, 1, 2} do queue:put_nowait(item) end
    assert.same({n = 3, 1, 2, 3}, drain(queue))
    raises(asyncio.IndexError, "empty", asyncio.Queue._get, queue)
  end)

  it_awaits("is asked by its own methods", function()
    local Even = asyncio.Queue:subclass("Even", {full = function(self) return self:qsize() % 2 == 1 end})
    local queue = Even()
    queue:put_nowait(1)
    raises(asyncio.QueueFull, "QueueFull", queue.put_nowait, queue, 2)
    local putter = create_task(queue:put(2))
    await(sleep(0))
    assert.equal(1, queue:get_nowait())
    await(putter)
    assert.equal(1, queue:qsize())
  end)

  it("counts nothing when its hook raises", function()
    local Picky = asyncio.Queue:subclass("Picky", {_put = function() error("not that", 0) end})
    local queue = Picky()
    raises(nil, "not that", queue.put_nowait, queue, 1)
    assert.equal("<Picky maxsize=0>", tostring(queue))
  end)

  it("drops all when it is shut down at once", function()
    local log = {}
    local queue = recording(log)()
    queue:put_nowait(1)
    queue:put_nowait(2)
    queue:shutdown(true)
    assert.is_true(queue:empty())
  end)
end)
