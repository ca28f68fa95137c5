-- Cancelling those who wait at a queue: before they start, while they wait, in the same turn as their wake-up, twice. No item
-- is lost by a cancelled get, and none is left behind by a cancelled put.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

-- Ends the task and tells how.
local function outcome(task)
  await(asyncio.wait{task})
  if task:cancelled() then return "cancelled" end
  local err = task:exception()
  if err ~= nil then return err.name or err end
  return (task:result())
end

-- The three operations: `block` makes a queue at which they wait, `wake` ends the wait, `size` is qsize() behind it all.
local operations = {
  get = {
    block = function() return asyncio.Queue() end,
    start = function(queue) return queue:get() end,
    wake = function(queue) queue:put_nowait("item") end,
    result = "item", woken = 0, cancelled = 1,
  },
  put = {
    block = function()
      local queue = asyncio.Queue(1)
      queue:put_nowait("old")
      return queue
    end,
    start = function(queue) return queue:put("new") end,
    wake = function(queue) queue:get_nowait() end,
    result = nil, woken = 1, cancelled = 0,
  },
  join = {
    block = function()
      local queue = asyncio.Queue()
      queue:put_nowait("old")
      queue:get_nowait()
      return queue
    end,
    start = function(queue) return queue:join() end,
    wake = function(queue) queue:task_done() end,
    result = nil, woken = 0, cancelled = 0,
  },
}

for name, op in pairs(operations) do
  describe("a cancelled " .. name, function()
    it_awaits("that has not started does nothing", function()
      local queue = op.block()
      local before = tostring(queue)
      local task = create_task(op.start(queue))
      task:cancel()
      assert.equal("cancelled", outcome(task))
      assert.equal(before, tostring(queue))
    end)

    it_awaits("that waits leaves the line", function()
      local queue = op.block()
      local before = tostring(queue)
      local task = create_task(op.start(queue))
      await(sleep(0))
      assert.is_true(task:cancel("why"))
      local ok, err = pcall(await, task)
      assert.is_false(ok)
      assert.equal("why", err.message)
      assert.equal(before, tostring(queue))
      op.wake(queue)
    end)

    it_awaits("that was woken in this turn raises all the same", function() -- C11
      local queue = op.block()
      local task = create_task(op.start(queue))
      await(sleep(0))
      op.wake(queue)
      task:cancel()
      assert.equal("cancelled", outcome(task))
      assert.equal(op.cancelled, queue:qsize())
    end)

    it_awaits("that was cancelled before it could be woken does not take the wake-up", function()
      local queue = op.block()
      local first, second = create_task(op.start(queue)), create_task(op.start(queue))
      await(sleep(0))
      first:cancel()
      op.wake(queue)
      assert.equal("cancelled", outcome(first))
      assert.equal(op.result, outcome(second))
      assert.equal(op.woken, queue:qsize())
    end)

    it_awaits("twice is one cancellation", function()
      local queue = op.block()
      local task = create_task(function()
        local ok, err = pcall(await, op.start(queue))
        return ok, err.message, asyncio.current_task():cancelling()
      end)
      await(sleep(0))
      task:cancel("first")
      task:cancel("second")
      await(task)
      assert.same({false, "first", 2}, {task:result()})
    end)

    it_awaits("can wait again", function()
      local queue = op.block()
      local task = create_task(function()
        assert.is_false((pcall(await, op.start(queue))))
        return await(op.start(queue))
      end)
      await(sleep(0))
      task:cancel()
      await(sleep(0))
      op.wake(queue)
      assert.equal(op.result, outcome(task))
    end)

    it_awaits("by a time limit loses nothing", function()
      local queue = op.block()
      local ok, err = pcall(await, asyncio.wait_for(op.start(queue), 1))
      assert.is_false(ok)
      assert.is_true(asyncio.isinstance(err, asyncio.TimeoutError))
      op.wake(queue)
      assert.is_true(select(2, pcall(queue.qsize, queue)) <= 1)
    end)

    it_awaits("of a coroutine that is closed by hand leaves the line", function()
      local queue = op.block()
      local before = tostring(queue)
      local body = asyncio.async(function() await(op.start(queue)) end)()
      assert.is_false((body:send()))
      body:close()
      await(sleep(0))
      await(sleep(0))
      assert.equal(before, tostring(queue))
    end)

    it_awaits("is good for one await", function()
      local queue = op.block()
      local operation = op.start(queue)
      local task = create_task(operation)
      await(sleep(0))
      op.wake(queue)
      await(task)
      local ok, err = pcall(await, operation)
      assert.is_false(ok)
      assert.equal("cannot reuse already awaited coroutine", err.message)
    end)
  end)
end

describe("a wake-up", function()
  it_awaits("that a cancelled getter cannot use goes to the next", function() -- Q3
    local queue, log = asyncio.Queue(), {}
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = create_task(function()
        local item = await(queue:get())
        log[#log + 1] = i .. item
      end)
    end
    await(sleep(0))
    queue:put_nowait("x")
    tasks[1]:cancel()
    await(sleep(0))
    await(sleep(0))
    assert.same({"2x"}, log)
    tasks[3]:cancel()
  end)

  it_awaits("that a cancelled putter cannot use goes to the next", function() -- Q3
    local queue, log = asyncio.Queue(1), {}
    queue:put_nowait("old")
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = create_task(function()
        await(queue:put(i))
        log[#log + 1] = i
      end)
    end
    await(sleep(0))
    queue:get_nowait()
    tasks[1]:cancel()
    await(sleep(0))
    await(sleep(0))
    assert.same({2}, log)
    assert.equal(2, queue:get_nowait())
    tasks[3]:cancel()
  end)

  it_awaits("is not passed on when somebody has taken the item", function()
    local queue = asyncio.Queue()
    local first, second = create_task(queue:get()), create_task(queue:get())
    await(sleep(0))
    queue:put_nowait("x")
    queue:get_nowait()
    first:cancel()
    await(sleep(1))
    assert.equal("<Queue maxsize=0 _getters[1] tasks=1>", tostring(queue))
    second:cancel()
  end)

  it_awaits("reaches an iterator and getters alike", function()
    local queue, log = asyncio.Queue(), {}
    local iterator = create_task(function()
      for item in queue:items() do log[#log + 1] = "items " .. item end
    end)
    local getter = create_task(function()
      local item = await(queue:get())
      log[#log + 1] = "get " .. item
    end)
    await(sleep(0))
    queue:put_nowait("a")
    iterator:cancel()
    await(sleep(0))
    await(sleep(0))
    assert.same({"get a"}, log)
    assert.is_true(iterator:cancelled())
    assert.is_true(getter:done())
  end)

  it_awaits("finds getters and putters of a queue of one, whoever is cancelled", function()
    local queue, got, tasks = asyncio.Queue(1), {}, {}
    for i = 1, 6 do tasks[i] = create_task(queue:put(i)) end
    await(sleep(0))
    tasks[3]:cancel()
    for i = 7, 12 do
      tasks[i] = create_task(function()
        local item = await(queue:get())
        got[#got + 1] = item
      end)
    end
    await(sleep(0))
    tasks[8]:cancel()
    await(sleep(1))
    assert.same({1, 2, 4, 5, 6}, got)
    for _, task in ipairs(tasks) do assert.is_true(task:done()) end
  end)
end)
