-- wait: its conditions, its two lists, what it refuses.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local create_task, sleep, wait = asyncio.create_task, asyncio.sleep, asyncio.wait

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

local function fail_after(delay, err)
  return async(function()
    await(sleep(delay))
    error(err, 0)
  end)()
end

describe("wait", function()
  it_awaits("waits for all and lists them in the order of the arguments", function()
    local slow, fast = create_task(sleep(2)), create_task(sleep(1))
    local done, pending = await(wait{slow, fast})
    assert.same({slow, fast}, done)
    assert.same({}, pending)
    assert.equal(2, time())
  end)

  it_awaits("returns after its timeout without an error, and cancels nothing", function()
    local slow, fast = create_task(sleep(5, "x")), create_task(sleep(1))
    local done, pending = await(wait({slow, fast}, {timeout = 2}))
    assert.same({fast}, done)
    assert.same({slow}, pending)
    assert.equal("x", await(slow))
  end)

  it_awaits("returns after one pass through the loop for a timeout of zero", function()
    local task = create_task(sleep(5))
    local done, pending = await(wait({task}, {timeout = 0}))
    assert.equal(0, #done)
    assert.equal(1, #pending)
    assert.equal(0, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("stops its timer when all is done", function()
    await(wait({create_task(sleep(1))}, {timeout = 100}))
    await(sleep(1))
    assert.equal(2, time())
  end)

  it_awaits("returns at the first that is done for FIRST_COMPLETED", function()
    local slow, fast = create_task(sleep(5)), create_task(sleep(1))
    local done = await(wait({slow, fast}, {return_when = asyncio.FIRST_COMPLETED}))
    assert.same({fast}, done)
    assert.equal(1, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("returns at the first that fails for FIRST_EXCEPTION", function()
    local ok, bad, slow = create_task(sleep(1)), create_task(fail_after(2, "text")), create_task(sleep(5))
    local done, pending = await(wait({ok, bad, slow}, {return_when = asyncio.FIRST_EXCEPTION}))
    assert.same({ok, bad}, done)
    assert.same({slow}, pending)
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("ignores cancelled items for FIRST_EXCEPTION", function()
    local cancelled, slow = create_task(sleep(9)), create_task(sleep(5))
    cancelled:cancel()
    local done = await(wait({cancelled, slow}, {return_when = asyncio.FIRST_EXCEPTION}))
    assert.same({cancelled, slow}, done)
    assert.equal(5, time())
  end)

  it_awaits("waits for all when nothing fails for FIRST_EXCEPTION", function()
    await(wait({create_task(sleep(1)), create_task(sleep(2))}, {return_when = asyncio.FIRST_EXCEPTION}))
    assert.equal(2, time())
  end)

  it_awaits("takes each item once", function()
    local task = create_task(sleep(1))
    local done = await(wait{task, task})
    assert.same({task}, done)
  end)

  it_awaits("suspends also for futures that are done", function()
    local future, ran = asyncio.get_running_loop():create_future(), false
    future:set_result()
    asyncio.get_running_loop():call_soon(function() ran = true end)
    await(wait{future})
    assert.is_true(ran)
  end)

  it("has three constants that are their names", function()
    assert.equal("FIRST_COMPLETED", asyncio.FIRST_COMPLETED)
    assert.equal("FIRST_EXCEPTION", asyncio.FIRST_EXCEPTION)
    assert.equal("ALL_COMPLETED", asyncio.ALL_COMPLETED)
  end)
end)

describe("wait, cancelled", function()
  it_awaits("before it starts, does nothing to the items", function()
    local item = create_task(sleep(1, "x"))
    local task = create_task(wait{item})
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal("x", await(item))
  end)

  it_awaits("while waiting, leaves the items running", function()
    local item = create_task(sleep(5, "x"))
    local task = create_task(wait{item})
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal("x", await(item))
  end)

  it_awaits("leaves no callback on the items", function()
    local item = asyncio.get_running_loop():create_future()
    local task = create_task(wait({item}, {return_when = asyncio.FIRST_EXCEPTION}))
    await(sleep(1))
    task:cancel()
    pcall(await, task)
    assert.equal(0, item:remove_done_callback(print))
    item:set_result()
  end)

  it_awaits("in the tick in which the last item is done, raises CancelledError", function()
    local item = asyncio.get_running_loop():create_future()
    local task = create_task(wait{item})
    await(sleep(1))
    item:set_result()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("twice, counts both requests", function()
    local task = create_task(wait{create_task(sleep(5))})
    await(sleep(1))
    task:cancel()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(2, task:cancelling())
    await(sleep(100)) -- the tasks that are left end
  end)
end)

describe("wait refuses", function()
  it_awaits("an empty list", function()
    local err = raises(asyncio.ValueError, function() await(wait{}) end)
    assert.equal("Set of Tasks/Futures is empty.", err.message)
  end)

  it_awaits("an unknown return_when", function()
    local err = raises(asyncio.ValueError, function() await(wait({create_task(sleep(0))}, {return_when = "SOON"})) end)
    assert.equal("Invalid return_when value: SOON", err.message)
  end)

  it_awaits("coroutine objects and functions", function()
    local coro = sleep(1)
    local err = raises(asyncio.TypeError, function() await(wait{coro}) end)
    assert.equal("Passing coroutines is forbidden, use tasks explicitly.", err.message)
    raises(asyncio.TypeError, function() await(wait{print}) end)
    coro:close()
  end)

  it_awaits("what is no future, by its place", function()
    local err = raises(asyncio.TypeError, function() await(wait{create_task(sleep(0)), 5}) end)
    assert.equal("bad argument #1 to 'wait' (Future at place 2 expected, got number)", err.message)
  end)

  it_awaits("a future that is not in a list", function()
    local err = raises(asyncio.TypeError, function() await(wait(create_task(sleep(0)))) end)
    assert.equal("bad argument #1 to 'wait' (list of futures expected, got Task)", err.message)
  end)

  it_awaits("options inside the list", function()
    raises(asyncio.TypeError, wait, {create_task(sleep(0)), timeout = 1})
  end)

  it_awaits("an unknown option", function()
    local err = raises(asyncio.TypeError, wait, {create_task(sleep(0))}, {time = 1})
    assert.equal("unknown option 'time' to 'wait'", err.message)
  end)

  it_awaits("a timeout that is no number", function()
    raises(asyncio.TypeError, wait, {create_task(sleep(0))}, {timeout = "soon"})
  end)
end)
