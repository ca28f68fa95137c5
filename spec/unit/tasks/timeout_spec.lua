-- Timeout, timeout, timeout_at: the states of a scope, and whose cancellation becomes TimeoutError.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep, timeout = asyncio.create_task, asyncio.sleep, asyncio.timeout

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

-- Runs f(scope) inside an entered scope.
local function inside(scope, f)
  local held <close> = scope:enter()
  return f(held)
end

describe("a timeout scope", function()
  it_awaits("lets a body that ends in time pass its values", function()
    assert.equal("value", inside(timeout(5), function() await(sleep(1)) return "value" end))
  end)

  it_awaits("raises TimeoutError when time is up", function()
    raises(asyncio.TimeoutError, inside, timeout(5), function() await(sleep(10)) end)
    assert.equal(5, time())
  end)

  it_awaits("is expired after its timer fired", function()
    local scope = timeout(5)
    pcall(inside, scope, function() await(sleep(10)) end)
    assert.is_true(scope:expired())
  end)

  it_awaits("is not expired after a body that ended in time", function()
    local scope = timeout(5)
    inside(scope, function() await(sleep(1)) end)
    assert.is_false(scope:expired())
  end)

  it_awaits("tells its deadline in loop time", function()
    await(sleep(1))
    assert.equal(6, timeout(5):when())
  end)

  it_awaits("has no deadline for nil", function()
    assert.is_nil(timeout(nil):when())
    inside(timeout(nil), function() await(sleep(1e6)) end)
    assert.equal(1e6, time())
  end)

  it_awaits("at a time takes loop time", function()
    assert.equal(5, asyncio.timeout_at(5):when())
    raises(asyncio.TimeoutError, inside, asyncio.timeout_at(5), function() await(sleep(10)) end)
    assert.equal(5, time())
  end)

  it_awaits("with a past deadline fires in the next iteration", function()
    raises(asyncio.TimeoutError, inside, timeout(-1), function() await(sleep(10)) end)
    assert.equal(0, time())
  end)

  it_awaits("with a past deadline lets a body finish that does not suspend", function()
    assert.equal(1, inside(timeout(-1), function() return 1 end))
  end)

  it_awaits("is finished when the deadline passed but the loop could not run", function()
    local scope = timeout(0)
    inside(scope, function() return 1 end)
    assert.is_false(scope:expired())
  end)

  it_awaits("does not convert when the body swallows the cancellation", function()
    local scope = timeout(5)
    inside(scope, function() pcall(function() await(sleep(10)) end) end)
    assert.is_true(scope:expired())
    assert.equal(0, asyncio.current_task():cancelling())
  end)

  it_awaits("lets another error of the body pass, with TimeoutError in its context", function()
    local err = raises(asyncio.ValueError, inside, timeout(5), function()
      pcall(function() await(sleep(10)) end)
      error(asyncio.ValueError("mine"), 0)
    end)
    assert.is_true(asyncio.isinstance(err.context, asyncio.TimeoutError))
  end)

  it_awaits("puts TimeoutError into the context of the members of a group", function()
    local member = asyncio.ValueError("mine")
    raises(asyncio.ExceptionGroup, inside, timeout(5), function()
      pcall(function() await(sleep(10)) end)
      error(asyncio.ExceptionGroup("group", {member}), 0)
    end)
    assert.is_true(asyncio.isinstance(member.context, asyncio.TimeoutError))
  end)

  it_awaits("lets a string error of the body pass unchanged", function()
    local ok, err = pcall(inside, timeout(5), function()
      pcall(function() await(sleep(10)) end)
      error("text", 0)
    end)
    assert.is_false(ok)
    assert.equal("text", err)
  end)

  it_awaits("has the cancellation as cause and context of its TimeoutError", function()
    local err = raises(asyncio.TimeoutError, inside, timeout(5), function() await(sleep(10)) end)
    assert.is_true(asyncio.isinstance(err.cause, asyncio.CancelledError))
    assert.equal(err.cause, err.context)
  end)

  it_awaits("prints its state", function()
    local scope = timeout(5)
    assert.equal("<Timeout [created]>", tostring(scope))
    inside(scope, function() assert.equal("<Timeout [active] when=5.0>", tostring(scope)) end)
    assert.equal("<Timeout [finished]>", tostring(scope))
  end)
end)

describe("nested timeout scopes", function()
  it_awaits("raise in the inner one that fired", function()
    inside(timeout(5), function()
      raises(asyncio.TimeoutError, inside, timeout(2), function() await(sleep(10)) end)
    end)
    assert.equal(2, time())
  end)

  it_awaits("raise in the outer one that fired", function()
    local inner
    raises(asyncio.TimeoutError, inside, timeout(2), function()
      inner = timeout(5)
      local err = raises(asyncio.CancelledError, inside, inner, function() await(sleep(10)) end)
      error(err, 0)
    end)
    assert.is_false(inner:expired())
  end)

  it_awaits("with equal deadlines raise in the outer one, and both are expired", function()
    local outer, inner = timeout(2), nil
    raises(asyncio.TimeoutError, inside, outer, function()
      inner = timeout(2)
      local err = raises(asyncio.CancelledError, inside, inner, function() await(sleep(10)) end)
      error(err, 0)
    end)
    assert.is_true(outer:expired() and inner:expired())
  end)

  it_awaits("work ten thousand levels deep", function()
    local function level(n)
      local _ <close> = timeout(1000):enter()
      if n == 0 then await(sleep(1)) else level(n - 1) end
      return n
    end
    assert.equal(10000, level(10000))
  end)

  it_awaits("work ten thousand levels deep when the outermost fires", function()
    local function level(n)
      local _ <close> = timeout(n == 10000 and 1 or 1000):enter()
      if n == 0 then await(sleep(10)) else level(n - 1) end
      return n
    end
    raises(asyncio.TimeoutError, level, 10000)
  end)
end)

describe("a timeout scope and cancellation from outside", function()
  it_awaits("passes a cancellation that came before its timer", function()
    local task = create_task(inside, timeout(5), function() await(sleep(10)) end)
    await(sleep(1))
    task:cancel("mine")
    local err = raises(asyncio.CancelledError, await, task)
    assert.equal("mine", err.message)
  end)

  it_awaits("passes a cancellation that came after its timer fired", function()
    local scope = timeout(5)
    local task = create_task(inside, scope, function() await(sleep(10)) end)
    asyncio.get_running_loop():call_later(5, function() task:cancel() end)
    raises(asyncio.CancelledError, await, task)
    assert.is_true(scope:expired())
    assert.equal(1, task:cancelling())
  end)

  it_awaits("converts although a request from before the entry was swallowed", function()
    local task = create_task(function()
      pcall(function() await(sleep(10)) end)
      inside(timeout(5), function() await(sleep(10)) end)
    end)
    await(sleep(1))
    task:cancel()
    raises(asyncio.TimeoutError, await, task)
    assert.equal(1, task:cancelling())
  end)

  it_awaits("runs no body in a task cancelled before it starts", function()
    local task = create_task(inside, timeout(5), function() error("never") end)
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("passes two cancellations as one CancelledError with count 2", function()
    local task = create_task(inside, timeout(5), function() await(sleep(10)) end)
    await(sleep(1))
    task:cancel()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(2, task:cancelling())
  end)
end)

describe("reschedule", function()
  it_awaits("moves the deadline", function()
    raises(asyncio.TimeoutError, inside, timeout(2), function(scope)
      scope:reschedule(7)
      assert.equal(7, scope:when())
      await(sleep(10))
    end)
    assert.equal(7, time())
  end)

  it_awaits("to nil disarms", function()
    inside(timeout(2), function(scope)
      scope:reschedule(nil)
      await(sleep(10))
    end)
    assert.equal(10, time())
  end)

  it_awaits("to the past fires in the next iteration", function()
    await(sleep(5))
    raises(asyncio.TimeoutError, inside, timeout(nil), function(scope)
      scope:reschedule(1)
      await(sleep(10))
    end)
    assert.equal(5, time())
  end)

  it_awaits("is refused before the entry", function()
    local err = raises(asyncio.RuntimeError, function() timeout(1):reschedule(2) end)
    assert.equal("Timeout has not been entered", err.message)
  end)

  it_awaits("is refused after the end", function()
    local scope = timeout(1)
    inside(scope, function() return nil end)
    local err = raises(asyncio.RuntimeError, function() scope:reschedule(2) end)
    assert.equal("Cannot change state of finished Timeout", err.message)
  end)

  it_awaits("is refused while expiring", function()
    pcall(inside, timeout(1), function(scope)
      pcall(function() await(sleep(5)) end)
      local err = raises(asyncio.RuntimeError, function() scope:reschedule(9) end)
      assert.equal("Cannot change state of expiring Timeout", err.message)
    end)
  end)

  it_awaits("is refused with a time that is no number", function()
    raises(asyncio.TypeError, function() timeout(1):reschedule("soon") end)
  end)
end)

describe("a timeout scope is refused", function()
  it_awaits("a second entry", function()
    local scope = timeout(1)
    inside(scope, function() return nil end)
    local err = raises(asyncio.RuntimeError, function() scope:enter() end)
    assert.equal("Timeout has already been entered", err.message)
  end)

  it("without a running loop", function()
    local err = raises(asyncio.RuntimeError, timeout, 1)
    assert.equal("no running event loop", err.message)
  end)

  it_awaits("outside a task", function()
    local future = asyncio.get_running_loop():create_future()
    asyncio.get_running_loop():call_soon(function()
      future:set_result(select(2, pcall(function() timeout(1):enter() end)))
    end)
    assert.equal("Timeout should be used inside a task", await(future).message)
  end)

  it_awaits("its end without an entry", function()
    local err = raises(asyncio.RuntimeError, function()
      local _ <close> = timeout(1)
    end)
    assert.equal("Timeout has not been entered", err.message)
  end)

  it_awaits("a time that is no number", function()
    raises(asyncio.TypeError, timeout, "soon")
    raises(asyncio.TypeError, asyncio.timeout_at, {})
    raises(asyncio.TypeError, asyncio.Timeout, "soon")
  end)
end)

describe("asyncio.with", function()
  it_awaits("enters a timeout and passes the scope", function()
    raises(asyncio.TimeoutError, asyncio.with, timeout(1), function(scope)
      assert.is_false(scope:expired())
      await(sleep(5))
    end)
  end)
end)
