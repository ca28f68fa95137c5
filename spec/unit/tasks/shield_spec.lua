-- shield: what reaches the inner future and what does not.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep, shield = asyncio.create_task, asyncio.sleep, asyncio.shield

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

-- Collects what the exception handler is told.
local function reports()
  local list = {}
  asyncio.get_running_loop():set_exception_handler(function(_, context) list[#list + 1] = context end)
  return list
end

describe("shield", function()
  it_awaits("gives all results", function()
    assert.same({1, 2}, {await(shield(function() await(sleep(1)) return 1, 2 end))})
  end)

  it_awaits("raises the error, unchanged", function()
    local mine = asyncio.ValueError("mine")
    local err = raises(asyncio.ValueError, function() await(shield(function() error(mine, 0) end)) end)
    assert.equal(mine, err)
  end)

  it_awaits("returns a future that is done as it is", function()
    local future = asyncio.get_running_loop():create_future()
    future:set_result(1)
    assert.equal(future, shield(future))
  end)

  it_awaits("returns another future for a pending one", function()
    local task = create_task(sleep(1))
    assert.not_equal(task, shield(task))
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("keeps the inner task running when its waiter is cancelled", function()
    local inner = create_task(sleep(5, "x"))
    local task = create_task(function() await(shield(inner)) end)
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(1, time())
    assert.equal("x", await(inner))
  end)

  it_awaits("is cancelled when the inner task is", function()
    local inner = create_task(sleep(5))
    local outer = shield(inner)
    await(sleep(1))
    inner:cancel()
    raises(asyncio.CancelledError, await, outer)
    assert.is_true(outer:cancelled())
  end)

  it_awaits("tells the handler of an error that comes after the waiter was cancelled", function()
    local told = reports()
    local mine = asyncio.ValueError("late")
    local inner = create_task(function() await(sleep(5)) error(mine, 0) end)
    shield(inner):cancel()
    pcall(await, inner)
    await(sleep(0))
    assert.equal(1, #told)
    assert.equal("ValueError exception in shielded future", told[1].message)
    assert.equal(mine, told[1].exception)
    assert.equal(inner, told[1].future)
  end)

  it_awaits("tells it once for several shields", function()
    local told = reports()
    local inner = create_task(function() await(sleep(5)) error("late", 0) end)
    shield(inner):cancel()
    shield(inner):cancel()
    pcall(await, inner)
    await(sleep(0))
    assert.equal(1, #told)
    assert.equal("string exception in shielded future", told[1].message)
  end)

  it_awaits("tells nothing when the waiter got the error", function()
    local told = reports()
    pcall(await, shield(function() error("text", 0) end))
    await(sleep(0))
    assert.equal(0, #told)
  end)
end)

describe("shield, cancelled", function()
  it_awaits("before the inner task starts, lets it run", function()
    local started = false
    local outer = shield(function() started = true end)
    outer:cancel()
    raises(asyncio.CancelledError, await, outer)
    await(sleep(0))
    assert.is_true(started)
  end)

  it_awaits("in the tick in which the inner is done, raises CancelledError", function()
    local inner = asyncio.get_running_loop():create_future()
    local task = create_task(function() await(shield(inner)) end)
    await(sleep(1))
    inner:set_result(1)
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(1, inner:result())
  end)

  it_awaits("twice, returns false the second time", function()
    local outer = shield(create_task(sleep(1)))
    assert.is_true(outer:cancel())
    assert.is_false(outer:cancel())
    await(sleep(100)) -- the tasks that are left end
  end)
end)

describe("shield refuses", function()
  it_awaits("what cannot be awaited", function()
    local err = raises(asyncio.TypeError, shield, 5)
    assert.equal("bad argument #1 to 'shield' (awaitable expected, got number)", err.message)
  end)

  it("a function without a loop", function() raises(asyncio.RuntimeError, shield, print) end)
end)
