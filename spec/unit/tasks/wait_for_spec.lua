-- wait_for: what it returns, when it raises, what it leaves behind.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local wait_for, create_task, sleep = asyncio.wait_for, asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

local function new_future() return asyncio.get_running_loop():create_future() end

describe("wait_for", function()
  it_awaits("returns all results of a coroutine object", function()
    local two = async(function() await(sleep(1)) return "a", "b" end)
    assert.same({"a", "b"}, {await(wait_for(two(), 5))})
  end)

  it_awaits("takes a plain function", function()
    assert.equal(7, await(wait_for(function() return 7 end, 5)))
  end)

  it_awaits("takes a Lua thread that has not started", function()
    assert.equal(8, await(wait_for(coroutine.create(function() return 8 end), 5)))
  end)

  it_awaits("takes an object with __await", function()
    local object = setmetatable({}, {__await = function() await(sleep(1)) return "mine" end})
    assert.equal("mine", await(wait_for(object, 5)))
  end)

  it_awaits("runs a coroutine in the calling task", function()
    local task = asyncio.current_task()
    assert.equal(task, await(wait_for(async(function() return asyncio.current_task() end)(), 5)))
  end)

  it_awaits("gives the results of a future that is done", function()
    local future = new_future()
    future:set_result(1, 2)
    assert.same({1, 2}, {await(wait_for(future, 5))})
  end)

  it_awaits("does not suspend for a future that is done", function()
    local future, ran = new_future(), false
    future:set_result(1)
    asyncio.get_running_loop():call_soon(function() ran = true end)
    await(wait_for(future, 5))
    assert.is_false(ran)
  end)

  it_awaits("raises the error of a future that is done", function()
    local future = new_future()
    future:set_exception(asyncio.ValueError("bad"))
    local err = raises(asyncio.ValueError, function() await(wait_for(future, 5)) end)
    assert.equal("bad", err.message)
  end)

  it_awaits("waits for ever without a time", function()
    assert.equal(3, await(wait_for(sleep(1e6, 3))))
    assert.equal(1e6, time())
  end)

  it_awaits("raises TimeoutError when time is up", function()
    raises(asyncio.TimeoutError, function() await(wait_for(sleep(10), 2)) end)
    assert.equal(2, time())
  end)

  it_awaits("names the cancellation as the cause of TimeoutError", function()
    local err = raises(asyncio.TimeoutError, function() await(wait_for(sleep(10), 2)) end)
    assert.is_true(asyncio.isinstance(err.cause, asyncio.CancelledError))
  end)

  it_awaits("gives the count of cancel requests back after a time-out", function()
    pcall(function() await(wait_for(sleep(10), 2)) end)
    assert.equal(0, asyncio.current_task():cancelling())
  end)

  it_awaits("cancels the task it waited for", function()
    local task = create_task(sleep(10))
    pcall(function() await(wait_for(task, 2)) end)
    assert.is_true(task:cancelled())
  end)

  it_awaits("waits for the cleanup of what it cancelled", function()
    local slow = async(function()
      local ok, err = pcall(function() await(sleep(10)) end)
      await(sleep(3))
      if not ok then error(err, 0) end
    end)
    raises(asyncio.TimeoutError, function() await(wait_for(create_task(slow()), 2)) end)
    assert.equal(5, time())
  end)

  it_awaits("returns the value of what swallowed the cancellation", function()
    local stubborn = async(function() pcall(function() await(sleep(10)) end) return "still" end)
    assert.equal("still", await(wait_for(stubborn(), 2)))
  end)

  it_awaits("raises the error that the cleanup raised, with TimeoutError in its context", function()
    local failing = async(function()
      pcall(function() await(sleep(10)) end)
      error(asyncio.ValueError("cleanup"), 0)
    end)
    local err = raises(asyncio.ValueError, function() await(wait_for(failing(), 2)) end)
    assert.is_true(asyncio.isinstance(err.context, asyncio.TimeoutError))
  end)

  it_awaits("leaves no timer behind", function()
    await(wait_for(sleep(1), 100))
    await(sleep(1))
    assert.equal(2, time())
  end)

  it_awaits("lets the outer time-out of two win at equal deadlines", function()
    local inner
    raises(asyncio.TimeoutError, function()
      await(wait_for(function()
        inner = raises(asyncio.CancelledError, function() await(wait_for(sleep(10), 2)) end)
        error(inner, 0)
      end, 2))
    end)
  end)
end)

describe("wait_for with no time", function()
  it_awaits("gives the result of a future that is done", function()
    local future = new_future()
    future:set_result(4)
    assert.equal(4, await(wait_for(future, 0)))
  end)

  it_awaits("never starts a coroutine", function()
    local started = false
    raises(asyncio.TimeoutError, function() await(wait_for(function() started = true end, 0)) end)
    assert.is_false(started)
  end)

  it_awaits("cancels a pending future", function()
    local future = new_future()
    raises(asyncio.TimeoutError, function() await(wait_for(future, -1)) end)
    assert.is_true(future:cancelled())
  end)

  it_awaits("returns the value of a task that swallows the cancellation", function()
    local task = create_task(function() pcall(function() await(sleep(10)) end) return "kept" end)
    await(sleep(0))
    assert.equal("kept", await(wait_for(task, 0)))
  end)

  it_awaits("can be cancelled while it waits for the end", function()
    local inner = create_task(function()
      pcall(function() await(sleep(100)) end)
      await(sleep(50))
    end)
    local outer = create_task(function() await(sleep(1)) await(wait_for(inner, 0)) end)
    await(sleep(2))
    outer:cancel()
    raises(asyncio.CancelledError, await, outer)
    assert.equal(2, time())
    assert.is_false(inner:done())
    await(sleep(100)) -- the tasks that are left end
  end)
end)

describe("wait_for, cancelled", function()
  it_awaits("before its task starts, runs nothing", function()
    local started = false
    local task = create_task(wait_for(function() started = true end, 5))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.is_false(started)
  end)

  it_awaits("while waiting, cancels what it waits for", function()
    local inner = create_task(sleep(10))
    local task = create_task(wait_for(inner, 5))
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.is_true(inner:cancelled())
  end)

  it_awaits("in the tick in which the result came, raises CancelledError", function()
    local future = new_future()
    local task = create_task(wait_for(future, 5))
    await(sleep(1))
    future:set_result("late")
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal("late", future:result())
  end)

  it_awaits("in the tick in which time is up, raises CancelledError with count 1", function()
    local task = create_task(wait_for(new_future(), 2))
    asyncio.get_running_loop():call_later(2, function() task:cancel() end)
    raises(asyncio.CancelledError, await, task)
    assert.equal(1, task:cancelling())
  end)

  it_awaits("twice, counts both requests", function()
    local task = create_task(wait_for(sleep(10), 5))
    await(sleep(1))
    task:cancel("first")
    task:cancel("second")
    raises(asyncio.CancelledError, await, task)
    assert.equal(2, task:cancelling())
  end)
end)

describe("wait_for refuses", function()
  it("what cannot be awaited", function()
    local err = raises(asyncio.TypeError, wait_for, 5, 1)
    assert.equal("bad argument #1 to 'wait_for' (awaitable expected, got number)", err.message)
  end)

  it_awaits("a time that is no number", function()
    local err = raises(asyncio.TypeError, wait_for, print, "soon")
    assert.equal("bad argument #2 to 'wait_for' (number expected, got string)", err.message)
  end)
end)

describe("wait_for nests", function()
  it_awaits("ten thousand levels deep", function()
    local function level(n)
      if n == 0 then await(sleep(1)) return "bottom" end
      return await(wait_for(function() return (level(n - 1)) end, 1000))
    end
    assert.equal("bottom", level(10000))
  end)

  it_awaits("ten thousand levels deep under a cancellation", function()
    local function level(n)
      if n == 0 then return await(sleep(1)) end
      return await(wait_for(function() return (level(n - 1)) end, 1000))
    end
    local task = create_task(level, 10000)
    await(sleep(0.5))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)
end)
