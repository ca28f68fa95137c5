-- gather: its arguments, its list of results, errors, cancellation.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local create_task, sleep, gather = asyncio.create_task, asyncio.sleep, asyncio.gather

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

local function new_future() return asyncio.get_running_loop():create_future() end

local function fail_after(delay, err)
  return async(function()
    await(sleep(delay))
    error(err, 0)
  end)()
end

describe("gather", function()
  it_awaits("lists results in the order of the arguments", function()
    assert.same({"a", "b", n = 2}, await(gather(sleep(2, "a"), sleep(1, "b"))))
  end)

  it_awaits("runs everything at once", function()
    await(gather(sleep(2), sleep(3), sleep(1)))
    assert.equal(3, time())
  end)

  it_awaits("takes one list", function()
    assert.same({"a", "b", n = 2}, await(gather{sleep(2, "a"), sleep(1, "b")}))
  end)

  it_awaits("takes a list and options apart", function()
    local list = await(gather({sleep(1, "a"), fail_after(1, "b")}, {return_exceptions = true}))
    assert.same({"a", "b", n = 2, failed = {[2] = true}}, list)
  end)

  it_awaits("takes functions, threads, futures and objects with __await", function()
    local future = new_future()
    future:set_result("future")
    local object = setmetatable({}, {__await = function() return "object" end})
    local list = await(gather(function() return "function" end, coroutine.create(function() return "thread" end), future, object))
    assert.same({"function", "thread", "future", "object", n = 4}, list)
  end)

  it_awaits("keeps the first of several values", function()
    assert.same({1, n = 1}, await(gather(function() return 1, 2 end)))
  end)

  it_awaits("counts nil results in n", function()
    local list = await(gather(sleep(1), sleep(1, "x"), sleep(1)))
    assert.equal(3, list.n)
    assert.is_nil(list[1])
    assert.equal("x", list[2])
  end)

  it_awaits("of nothing is done, with an empty list", function()
    local future = gather()
    assert.is_true(future:done())
    assert.same({n = 0}, await(future))
    assert.same({n = 0}, await(gather{}))
  end)

  it_awaits("of futures that are done is done", function()
    local future = new_future()
    future:set_result(1)
    assert.is_true(gather(future, future):done())
  end)

  it_awaits("runs a coroutine object given twice once, and fills both places", function()
    local runs = 0
    local coro = async(function() runs = runs + 1 return runs end)()
    assert.same({1, 1, n = 2}, await(gather(coro, coro)))
  end)

  it_awaits("fills both places of a future given twice", function()
    local task = create_task(sleep(1, "x"))
    assert.same({"x", "x", n = 2}, await(gather(task, task)))
  end)

  it_awaits("calls a function given twice twice", function()
    local runs = 0
    local function f() runs = runs + 1 return runs end
    assert.same({1, 2, n = 2}, await(gather(f, f)))
  end)

  it_awaits("never merges sleep(0)", function()
    local before = #asyncio.all_tasks()
    local future = gather(sleep(0), sleep(0))
    assert.equal(before + 2, #asyncio.all_tasks())
    await(future)
  end)

  it_awaits("does not change the list it was given", function()
    local coro = sleep(1)
    local list = {coro}
    await(gather(list))
    assert.equal(coro, list[1])
  end)

  it_awaits("returns a Future", function()
    local future = gather(sleep(1))
    assert.is_true(asyncio.isfuture(future))
    await(future)
  end)
end)

describe("gather, when a child fails,", function()
  it_awaits("raises its error at once, unchanged", function()
    local mine = asyncio.ValueError("mine")
    local err = raises(asyncio.ValueError, function() await(gather(sleep(5), fail_after(1, mine))) end)
    assert.equal(mine, err)
    assert.equal(1, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("leaves the others running", function()
    local other = create_task(sleep(5, "x"))
    pcall(function() await(gather(other, fail_after(1, "text"))) end)
    assert.equal("x", await(other))
  end)

  it_awaits("treats a cancelled child as one that raised CancelledError", function()
    local child = create_task(sleep(5))
    local future = gather(child, sleep(1))
    await(sleep(0))
    child:cancel("mine")
    local err = raises(asyncio.CancelledError, await, future)
    assert.equal("mine", err.message)
    assert.is_false(future:cancelled())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("lists the errors with return_exceptions, and marks them in failed", function()
    local list = await(gather{sleep(1, "x"), fail_after(2, "text"), return_exceptions = true})
    assert.same({"x", "text", n = 2, failed = {[2] = true}}, list)
  end)

  it_awaits("lists cancellations with return_exceptions", function()
    local child = create_task(sleep(5))
    child:cancel()
    local list = await(gather(child, {return_exceptions = true}))
    assert.is_true(asyncio.isinstance(list[1], asyncio.CancelledError))
    assert.is_true(list.failed[1])
  end)
end)

describe("gather, cancelled", function()
  it_awaits("before the children start, runs none of them", function()
    local started = false
    local future = gather(function() started = true end)
    assert.is_true(future:cancel())
    raises(asyncio.CancelledError, await, future)
    assert.is_false(started)
  end)

  it_awaits("while waiting, cancels every child with the message", function()
    local children = {create_task(sleep(5)), create_task(sleep(6))}
    local future = gather(children)
    await(sleep(1))
    future:cancel("mine")
    local err = raises(asyncio.CancelledError, await, future)
    assert.equal("mine", err.message)
    await(sleep(0))
    assert.is_true(children[1]:cancelled() and children[2]:cancelled())
  end)

  it_awaits("in the tick in which the last child ends, cancels nothing", function()
    local child = new_future()
    local future = gather(child)
    child:set_result(1)
    assert.is_false(future:cancel())
    assert.same({1, n = 1}, await(future))
  end)

  it_awaits("twice, counts both requests in the children", function()
    local child = create_task(sleep(5))
    local future = gather(child)
    await(sleep(1))
    future:cancel()
    future:cancel()
    raises(asyncio.CancelledError, await, future)
    assert.equal(2, child:cancelling())
  end)

  it_awaits("when done, returns false and touches no child", function()
    local child = create_task(sleep(5, "x"))
    local future = gather(child, fail_after(1, "text"))
    pcall(await, future)
    assert.is_false(future:cancel())
    assert.equal("x", await(child))
  end)

  it_awaits("raises as soon as the first child ended", function()
    local slow = create_task(function()
      pcall(function() await(sleep(10)) end)
      await(sleep(3))
    end)
    local future = gather(slow, sleep(10))
    await(sleep(1))
    future:cancel()
    raises(asyncio.CancelledError, await, future)
    assert.equal(1, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("with return_exceptions waits for all children and raises all the same", function()
    local slow = create_task(function()
      pcall(function() await(sleep(10)) end)
      await(sleep(3))
      return "swallowed"
    end)
    local future = gather(slow, {return_exceptions = true})
    await(sleep(1))
    future:cancel()
    raises(asyncio.CancelledError, await, future)
    assert.equal(4, time())
  end)

  it_awaits("through the task that awaits it, cancels the children", function()
    local child = create_task(sleep(5))
    local task = create_task(function() await(gather(child)) end)
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.is_true(child:cancelled())
  end)
end)

describe("gather refuses", function()
  it_awaits("what cannot be awaited, by its place", function()
    local err = raises(asyncio.TypeError, gather, function() return nil end, 5)
    assert.equal("bad argument #2 to 'gather' (awaitable expected, got number)", err.message)
  end)

  it_awaits("a hole in its arguments", function()
    raises(asyncio.TypeError, gather, function() return nil end, nil, 1)
  end)

  it_awaits("an unknown option", function()
    local err = raises(asyncio.TypeError, gather, time, {return_exception = true})
    assert.equal("unknown option 'return_exception' to 'gather'", err.message)
    raises(asyncio.TypeError, gather, {time, timeout = 1})
  end)

  it_awaits("futures of another loop", function()
    local other = testing.new_event_loop()
    raises(asyncio.ValueError, gather, other:create_future())
    other:close()
  end)

  it("to be empty without a loop", function()
    raises(asyncio.RuntimeError, gather)
  end)
end)

describe("gather outside a running loop", function()
  it("uses the loop of the first future", function()
    local loop = testing.new_event_loop()
    local future = loop:create_future()
    local all = gather(future)
    assert.equal(loop, all:get_loop())
    future:set_result("x")
    assert.same({"x", n = 1}, loop:run_until_complete(all))
    loop:close()
  end)
end)
