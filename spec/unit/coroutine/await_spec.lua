-- The coroutine library through which awaits pass: as Lua's own where nothing awaits, and what awaiting adds to it.
local asyncio = require "casync"
local testing = require "casync.testing"
local fds = require "fds"

local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
local stock = fds.stock_coroutine()

local function it_awaits(name, f) it(name, testing.async(f)) end

local function time() return asyncio.get_running_loop():time() end
local function new_future() return asyncio.get_running_loop():create_future() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

describe("an await in a nested coroutine", function()
  it_awaits("suspends whoever resumed it", function()
    local log = {}
    create_task(function() log[#log + 1] = "other" end)
    local co = coroutine.create(function() await(sleep(1)) log[#log + 1] = "inner" return 5 end)
    assert.same({true, 5}, {coroutine.resume(co)})
    assert.same({"other", "inner"}, log)
  end)

  it_awaits("gives its results inside", function()
    assert.equal("x", coroutine.wrap(function() return await(sleep(1, "x")) end)())
  end)

  it_awaits("raises its error inside", function()
    local future = new_future()
    asyncio.get_running_loop():call_soon(future.set_exception, future, "bad")
    assert.same({false, "bad"}, {coroutine.wrap(function() return pcall(await, future) end)()})
  end)

  it_awaits("mixes with yields", function()
    local log = {}
    local co = coroutine.wrap(function(a)
      log[#log + 1] = a
      await(sleep(1))
      local b = coroutine.yield("y1")
      await(sleep(1))
      log[#log + 1] = b
      return "end"
    end)
    assert.equal("y1", co("a"))
    assert.equal("end", co("b"))
    assert.same({"a", "b"}, log)
    assert.equal(2, time())
  end)

  it_awaits("may go on in another task than it began in", function()
    local co = coroutine.wrap(function()
      await(sleep(1))
      coroutine.yield(asyncio.current_task())
      await(sleep(1))
      return asyncio.current_task()
    end)
    local first = create_task(co)
    assert.equal(first, await(first))
    local second = create_task(co)
    assert.equal(second, await(second))
  end)

  it_awaits("reaches through 150 levels", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      local result = coroutine.wrap(down)(n - 1)
      await(sleep(0))
      return result
    end
    assert.equal("bottom", down(150))
  end)

  it_awaits("reaches through 150 levels of resume", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return select(2, coroutine.resume(coroutine.create(down), n - 1))
    end
    assert.equal("bottom", down(150))
  end)

  it_awaits("is cancelled first, innermost", function()
    local log = {}
    local task = create_task(function()
      local ok = pcall(coroutine.wrap(function()
        local inner, err = pcall(await, sleep(10))
        log[#log + 1] = {"inner", inner, asyncio.isinstance(err, asyncio.CancelledError)}
        error(err, 0)
      end))
      log[#log + 1] = {"outer", ok}
      return "survived"
    end)
    await(sleep(1))
    task:cancel()
    assert.equal("survived", await(task))
    assert.same({{"inner", false, true}, {"outer", false}}, log)
  end)

  it_awaits("passes its cancellation up as the error of the coroutine", function()
    local task = create_task(function() return coroutine.resume(coroutine.create(function() await(sleep(10)) end)) end)
    await(sleep(1))
    task:cancel()
    local ok, err = await(task)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.CancelledError))
  end)

  it_awaits("of a done future does not suspend", function()
    local future = new_future()
    future:set_result(1)
    local before = asyncio.get_running_loop():_iterations()
    coroutine.wrap(function() await(future) end)()
    assert.equal(before, asyncio.get_running_loop():_iterations())
  end)

  it_awaits("is refused where Lua's own library resumed it, with the remedy", function()
    local message = raises(asyncio.RuntimeError, stock.wrap(function() await(new_future()) end)).message
    assert.matches("casync.coroutine", message)
    assert.matches("resumed by Lua's own coroutine library", message)
  end)

  it_awaits("is refused below one that Lua's own library resumed", function()
    local err = raises(asyncio.RuntimeError, stock.wrap(function() coroutine.wrap(function() await(new_future()) end)() end))
    assert.matches("casync.coroutine", tostring(err))
  end)

  it_awaits("is possible again after Lua's own library was used", function()
    stock.wrap(function() stock.yield() end)()
    assert.equal("x", await(sleep(1, "x")))
  end)

  it_awaits("keeps the place of the task: running is the nested coroutine", function()
    local co
    co = coroutine.create(function()
      await(sleep(1))
      assert.equal(co, (coroutine.running()))
    end)
    assert.is_true(coroutine.resume(co))
  end)

  it_awaits("shows the right isyieldable after it", function()
    assert.is_true(coroutine.wrap(function() await(sleep(1)) return coroutine.isyieldable() end)())
  end)

  -- Makes a task that suspends at once, inside the coroutine that makes it.
  local function eager() asyncio.Task(asyncio.async(function() await(sleep(5)) end)(), {eager_start = true}) end

  it_awaits("of an eager task that it makes is not its own: it can yield", function()
    local co = coroutine.wrap(function()
      eager()
      coroutine.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
    assert.equal(0, time())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("of an eager task that it makes is not its own: it can yield by Lua's own library", function()
    local co = coroutine.wrap(function()
      eager()
      stock.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("of an eager task that it makes is not the task's: that can yield by Lua's own library", function()
    local task = create_task(function()
      eager()
      stock.yield()
      return time()
    end)
    assert.equal(0, await(task))
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("of an object that it drives is not its own: it can yield", function()
    local future = new_future()
    local co = coroutine.wrap(function()
      asyncio.async(function() await(future) end)():send()
      coroutine.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
  end)

  it_awaits("counts no level after it", function()
    local co = coroutine.wrap(function() for _ = 1, 1000 do await(sleep(0)) end return "done" end)
    assert.equal("done", co())
  end)

  it_awaits("leaves the coroutine to the collector when its task is cancelled", function()
    local weak = setmetatable({}, {__mode = "k"})
    local task = create_task(function()
      local co = coroutine.create(function() await(sleep(10)) end)
      weak[co] = true
      coroutine.resume(co)
    end)
    await(sleep(1))
    task:cancel()
    pcall(await, task)
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)

describe("a nested coroutine that awaits", function()
  -- Runs `check` on a coroutine that waits for a future meanwhile; `body` is what it does.
  local function while_awaiting(check)
    local co, future = nil, new_future()
    local task = create_task(function()
      co = coroutine.create(function() return await(future) end)
      return coroutine.resume(co)
    end)
    await(sleep(1))
    check(co)
    future:set_result("result")
    return await(task)
  end

  it_awaits("is normal", function()
    while_awaiting(function(co) assert.equal("normal", coroutine.status(co)) end)
  end)

  it_awaits("is suspended after a yield", function()
    local co = coroutine.create(function() await(sleep(1)) coroutine.yield() end)
    coroutine.resume(co)
    assert.equal("suspended", coroutine.status(co))
  end)

  it_awaits("is dead after its end", function()
    local co = coroutine.create(function() await(sleep(1)) end)
    coroutine.resume(co)
    assert.equal("dead", coroutine.status(co))
  end)

  it_awaits("cannot be resumed", function()
    while_awaiting(function(co)
      assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(co, 1)})
    end)
  end)

  it_awaits("cannot be closed", function()
    while_awaiting(function(co) assert.has_error(function() coroutine.close(co) end, "cannot close a normal coroutine") end)
  end)

  it_awaits("goes on as if nothing had been after a refused resume", function()
    assert.same({true, "result"}, {while_awaiting(function(co) coroutine.resume(co, "forged") end)})
  end)

  it_awaits("does not go on by Lua's own resume with forged values", function()
    assert.same({true, "result"}, {while_awaiting(function(co)
      for _ = 1, 3 do stock.resume(co, "forged") end
    end)})
  end)

  it_awaits("does not go on by a resume of the coroutine around it", function()
    local outer, future = nil, new_future()
    local task = create_task(function()
      outer = coroutine.create(function() return coroutine.wrap(function() return await(future) end)() end)
      return coroutine.resume(outer)
    end)
    await(sleep(1))
    for _ = 1, 3 do stock.resume(outer, "forged") end
    assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(outer)})
    future:set_result("result")
    assert.same({true, "result"}, {await(task)})
  end)

  it_awaits("cannot be awaited by another task", function()
    while_awaiting(function(co)
      assert.equal("cannot await a normal coroutine", raises(asyncio.RuntimeError, await, co).message)
    end)
  end)

  it_awaits("that Lua's own library closes ends its task by a clear error", function()
    local ok, err = pcall(while_awaiting, function(co) stock.close(co) end)
    assert.is_true(not ok or err == false)
  end)

  it_awaits("that a wrapped function is called for again is refused", function()
    local future = new_future()
    local wrapped = coroutine.wrap(function() return await(future) end)
    local task = create_task(wrapped)
    await(sleep(1))
    local ok, err = pcall(wrapped)
    assert.is_false(ok)
    assert.matches("cannot resume non%-suspended coroutine", err)
    future:set_result(3)
    assert.equal(3, await(task))
  end)
end)
