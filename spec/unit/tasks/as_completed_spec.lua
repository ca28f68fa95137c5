-- as_completed: both ways of iterating, its timeout, what it refuses.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local create_task, sleep, as_completed = asyncio.create_task, asyncio.sleep, asyncio.as_completed

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

describe("as_completed", function()
  it_awaits("hands out the tasks themselves, in the order of completion", function()
    local slow, fast = create_task(sleep(2, "slow")), create_task(sleep(1, "fast"))
    local seen = {}
    for task in as_completed{slow, fast} do seen[#seen + 1] = task end
    assert.same({fast, slow}, seen)
  end)

  it_awaits("hands them out when they are done", function()
    local times = {}
    for task in as_completed{sleep(2, "b"), sleep(1, "a")} do
      times[#times + 1] = {time(), task:result()}
    end
    assert.same({{1, "a"}, {2, "b"}}, times)
  end)

  it_awaits("makes tasks of what is no future at the call", function()
    local started = false
    as_completed{function() started = true end}
    await(sleep(0))
    assert.is_true(started)
  end)

  it_awaits("hands out in argument order what is done already", function()
    local loop, futures = asyncio.get_running_loop(), {}
    for i = 1, 5 do
      futures[i] = loop:create_future()
      futures[i]:set_result(i)
    end
    local seen = {}
    for future in as_completed(futures) do seen[#seen + 1] = future:result() end
    assert.same({1, 2, 3, 4, 5}, seen)
  end)

  it_awaits("takes each item once, but a function at each mention", function()
    local task, n = create_task(sleep(1)), 0
    local function f() return nil end
    for _ in as_completed{task, task, f, f} do n = n + 1 end
    assert.equal(3, n)
  end)

  it_awaits("of an empty list ends at once", function()
    for _ in as_completed{} do error("no item was expected") end
  end)

  it_awaits("hands out failed and cancelled items without raising", function()
    local bad, cancelled = create_task(function() error("text", 0) end), create_task(sleep(5))
    cancelled:cancel()
    local n = 0
    for task in as_completed{bad, cancelled} do
      n = n + 1
      pcall(task.result, task)
    end
    assert.equal(2, n)
  end)

  it_awaits("leaves the rest running when one item is enough", function()
    local slow = create_task(sleep(5, "x"))
    as_completed{slow, sleep(1)}()
    assert.equal("x", await(slow))
  end)
end)

describe("as_completed with a timeout", function()
  it_awaits("raises TimeoutError in the head of the loop", function()
    local n = 0
    raises(asyncio.TimeoutError, function()
      for _ in as_completed({sleep(1), sleep(5)}, {timeout = 2}) do n = n + 1 end
    end)
    assert.equal(1, n)
    assert.equal(2, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("counts from the call", function()
    local iterator = as_completed({sleep(5)}, {timeout = 2})
    await(sleep(1))
    raises(asyncio.TimeoutError, iterator)
    assert.equal(2, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("cancels nothing", function()
    local slow = create_task(sleep(5, "x"))
    pcall(as_completed({slow}, {timeout = 1}))
    assert.equal("x", await(slow))
  end)

  it_awaits("leaves no timer behind when all is done", function()
    for _ in as_completed({sleep(1)}, {timeout = 100}) do assert.equal(1, time()) end
    await(sleep(1))
    assert.equal(2, time())
  end)
end)

describe("as_completed():plain()", function()
  it_awaits("hands out coroutine objects without waiting", function()
    local coros = {}
    for coro in as_completed{sleep(2, "b"), sleep(1, "a")}:plain() do coros[#coros + 1] = coro end
    assert.equal(0, time())
    assert.is_true(asyncio.iscoroutine(coros[1]))
    assert.equal("a", await(coros[1]))
    assert.equal("b", await(coros[2]))
  end)

  it_awaits("gives all results of an item", function()
    for coro in as_completed{function() return 1, 2 end}:plain() do assert.same({1, 2}, {await(coro)}) end
  end)

  it_awaits("raises the error of an item", function()
    for coro in as_completed{function() error("text", 0) end}:plain() do
      local ok, err = pcall(await, coro)
      assert.is_false(ok)
      assert.equal("text", err)
    end
  end)

  it_awaits("raises TimeoutError in every coroutine that is left", function()
    local n = 0
    for coro in as_completed({sleep(1), sleep(5), sleep(6)}, {timeout = 2}):plain() do
      if not pcall(await, coro) then n = n + 1 end
    end
    assert.equal(2, n)
    assert.equal(2, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("passes a wake-up on when the consumer that got it is cancelled", function()
    local item = asyncio.get_running_loop():create_future()
    local other = asyncio.get_running_loop():create_future()
    local consumers = {}
    for coro in as_completed{item, other}:plain() do consumers[#consumers + 1] = create_task(coro) end
    await(sleep(1))
    item:set_result("x")
    await(sleep(0))
    consumers[1]:cancel()
    assert.equal("x", await(consumers[2]))
    other:set_result()
  end)
end)

describe("as_completed, cancelled", function()
  local function consume(list)
    return async(function()
      for _ in as_completed(list) do time() end
    end)()
  end

  it_awaits("before its task starts, makes nothing", function()
    local started = false
    local task = create_task(consume{function() started = true end})
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.is_false(started)
  end)

  it_awaits("while waiting, leaves the items running", function()
    local item = create_task(sleep(5, "x"))
    local task = create_task(consume{item})
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal("x", await(item))
  end)

  it_awaits("in the tick in which an item is done, raises CancelledError", function()
    local item = asyncio.get_running_loop():create_future()
    local task = create_task(consume{item})
    await(sleep(1))
    item:set_result()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("twice, counts both requests", function()
    local task = create_task(consume{create_task(sleep(5))})
    await(sleep(1))
    task:cancel()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(2, task:cancelling())
    await(sleep(100)) -- the tasks that are left end
  end)
end)

describe("as_completed refuses", function()
  it_awaits("an awaitable that is not in a list", function()
    local err = raises(asyncio.TypeError, as_completed, create_task(sleep(0)))
    assert.equal("bad argument #1 to 'as_completed' (list of awaitables expected, got Task)", err.message)
  end)

  it_awaits("what cannot be awaited", function() raises(asyncio.TypeError, as_completed, {5}) end)

  it_awaits("an unknown option", function()
    local err = raises(asyncio.TypeError, as_completed, {}, {time = 1})
    assert.equal("unknown option 'time' to 'as_completed'", err.message)
  end)

  it_awaits("options inside the list", function()
    raises(asyncio.TypeError, as_completed, {timeout = 1})
  end)

  it("to work without a loop", function() raises(asyncio.RuntimeError, as_completed, {}) end)
end)
