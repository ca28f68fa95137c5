-- Coroutine objects and ops driven by hand: send, throw, close, as Python's coroutine objects have them.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local REUSED = "cannot reuse already awaited coroutine"

-- A coroutine function that logs what it is cancelled, closed or thrown by.
local function logging(log)
  return async(function()
    local ok, err = pcall(await, sleep(0))
    log[#log + 1] = ok and "went on" or err
    if not ok then error(err, 0) end
    return "end"
  end)
end

describe("send", function()
  it("runs a coroutine object to its end: true and its results", function()
    assert.same({true, 1, nil, 3, n = 4}, table.pack(async(function() return 1, nil, 3 end)():send()))
  end)

  it("passes the arguments of the call", function()
    assert.same({true, 1, 2}, {async(function(...) return ... end)(1, 2):send()})
  end)

  it("stops at a sleep(0): false and nothing", function()
    local coro = logging{}()
    assert.same({n = 2, false, nil}, table.pack(coro:send()))
    coro:send()
  end)

  it("goes on where it stopped", function()
    local log = {}
    local coro = logging(log)()
    coro:send()
    assert.same({}, log)
    assert.same({true, "end"}, {coro:send()})
    assert.same({"went on"}, log)
  end)

  it("stops at a pending future: false and the future", function()
    local loop = testing.new_event_loop()
    local future = loop:create_future()
    local coro = async(function() return await(future) end)()
    assert.same({false, future}, {coro:send()})
    future:set_result("x")
    assert.same({true, "x"}, {coro:send()})
    loop:close()
  end)

  it("does not stop at a future that is done", function()
    local loop = testing.new_event_loop()
    local future = loop:create_future()
    future:set_result("x")
    assert.same({true, "x"}, {async(function() return await(future) end)():send()})
    loop:close()
  end)

  it("raises in the object that goes on too early", function()
    local loop = testing.new_event_loop()
    local future = loop:create_future()
    local coro = async(function() return await(future) end)()
    coro:send()
    assert.equal("await wasn't used with future", raises(asyncio.RuntimeError, coro.send, coro).message)
    loop:close()
  end)

  it("raises what the object raises, the same value", function()
    local err = {}
    local coro = async(function() error(err) end)()
    local ok, caught = pcall(coro.send, coro)
    assert.is_false(ok)
    assert.equal(err, caught)
  end)

  it("is refused after the end", function()
    local coro = async(function() end)()
    coro:send()
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
  end)

  it("is refused after an error", function()
    local coro = async(error)("x")
    pcall(coro.send, coro)
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
  end)

  it("is refused after close", function()
    local coro = async(function() end)()
    coro:close()
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
  end)

  it("of a value to an object that has not started is a TypeError", function()
    local coro = async(function() end)()
    assert.equal("can't send a value to a coroutine that has just started", raises(asyncio.TypeError, coro.send, coro, 1).message)
    coro:close()
  end)

  it("from inside the object is a ValueError", function()
    local coro
    coro = async(function() return raises(asyncio.ValueError, coro.send, coro).message end)()
    assert.same({true, "coroutine already executing"}, {coro:send()})
  end)

  it("from inside the object leaves it as it was", function()
    local coro
    coro = async(function()
      pcall(coro.send, coro)
      await(sleep(0))
      return "end"
    end)()
    assert.is_false((coro:send()))
    assert.same({true, "end"}, {coro:send()})
  end)

  it("from a coroutine inside the object is a ValueError", function()
    local coro
    coro = async(function()
      return coroutine.wrap(function() return raises(asyncio.ValueError, coro.send, coro).message end)()
    end)()
    assert.same({true, "coroutine already executing"}, {coro:send()})
  end)

  it("lets awaits in nested coroutines through", function()
    local coro = async(function()
      return coroutine.wrap(function() await(sleep(0)) return "nested" end)()
    end)()
    assert.is_false((coro:send()))
    assert.same({true, "nested"}, {coro:send()})
  end)

  it("lets nested coroutine objects await", function()
    local inner = async(function() await(sleep(0)) return "inner" end)
    local coro = async(function() return await(inner()) end)()
    assert.is_false((coro:send()))
    assert.same({true, "inner"}, {coro:send()})
  end)

  it("needs a running loop where a sleep takes time", function()
    local coro = sleep(1)
    assert.equal("no running event loop", raises(asyncio.RuntimeError, coro.send, coro).message)
    coro:close()
  end)

  it("of a sleep(0) stops once", function()
    local nap = sleep(0)
    assert.is_false((nap:send()))
    assert.same({true}, {nap:send()})
  end)

  it_awaits("of a sleep stops at a future that ends with it", function()
    local nap = sleep(1, "x")
    local done, future = nap:send()
    assert.is_false(done)
    await(future)
    assert.equal(1, asyncio.get_running_loop():time())
    assert.same({true, "x"}, {nap:send()})
  end)

  it_awaits("works inside a task", function()
    local coro = async(function() await(sleep(0)) return 1 end)()
    assert.is_false((coro:send()))
    assert.same({true, 1}, {coro:send()})
  end)

  it_awaits("inside a task leaves the task's own awaits alone", function()
    local coro = async(function() await(sleep(0)) end)()
    coro:send()
    assert.equal("x", await(sleep(1, "x")))
    coro:send()
  end)

  it_awaits("inside an object that is driven leaves that alone", function()
    local inner = async(function() await(sleep(0)) return "inner" end)()
    local outer = async(function()
      inner:send()
      await(sleep(0))
      return inner:send()
    end)()
    assert.is_false((outer:send()))
    assert.same({true, true, "inner"}, {outer:send()})
  end)

  it_awaits("makes the object one that cannot be awaited", function()
    local coro = async(function() await(sleep(0)) end)()
    coro:send()
    assert.equal(REUSED, raises(asyncio.RuntimeError, await, coro).message)
    coro:close()
  end)

  it_awaits("makes the object one that no task can run", function()
    local coro = async(function() await(sleep(0)) end)()
    coro:send()
    assert.equal(REUSED, raises(asyncio.RuntimeError, await, create_task(coro)).message)
    coro:close()
  end)

  it_awaits("is refused for the object that a task runs", function()
    local coro = async(function() await(sleep(1)) end)()
    create_task(coro)
    await(sleep(0))
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
    await(sleep(100)) -- the tasks that are left end
  end)

  it("takes only coroutine objects", function()
    local coro = async(function() end)()
    for _, value in ipairs{1, "x", {}, print} do assert.is_false((pcall(coro.send, value))) end
    coro:close()
  end)
end)

describe("throw", function()
  it("raises where the object is suspended", function()
    local log, err = {}, {}
    local coro = logging(log)()
    coro:send()
    local ok, caught = pcall(coro.throw, coro, err)
    assert.is_false(ok)
    assert.equal(err, caught)
    assert.equal(err, log[1])
  end)

  it("returns what the object goes on to", function()
    local coro = async(function()
      pcall(await, sleep(0))
      await(sleep(0))
      return "survived"
    end)()
    coro:send()
    assert.is_false((coro:throw("x")))
    assert.same({true, "survived"}, {coro:send()})
  end)

  it("returns the object's results if it catches", function()
    local coro = async(function() return select(2, pcall(await, sleep(0))) end)()
    coro:send()
    assert.same({true, "x"}, {coro:throw("x")})
  end)

  it("raises innermost first", function()
    local log = {}
    local coro = async(function()
      pcall(coroutine.wrap(function()
        local _, err = pcall(await, sleep(0))
        log[#log + 1] = "inner " .. err
        error(err, 0)
      end))
      log[#log + 1] = "outer"
    end)()
    coro:send()
    coro:throw("x")
    assert.same({"inner x", "outer"}, log)
  end)

  it("into an object that has not started runs none of it", function()
    local ran = false
    local coro = async(function() ran = true end)()
    assert.same({false, "x"}, {pcall(coro.throw, coro, "x")})
    assert.is_false(ran)
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
  end)

  it("after the end is refused", function()
    local coro = async(function() end)()
    coro:send()
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.throw, coro, "x").message)
  end)

  it("from inside the object is a ValueError", function()
    local coro
    coro = async(function() return raises(asyncio.ValueError, coro.throw, coro, "x").message end)()
    assert.same({true, "coroutine already executing"}, {coro:send()})
  end)

  it("wins over a future that is done meanwhile", function()
    local loop = testing.new_event_loop()
    local future = loop:create_future()
    local coro = async(function() return select(2, pcall(await, future)) end)()
    coro:send()
    future:set_result(1)
    assert.same({true, "x"}, {coro:throw("x")})
    loop:close()
  end)

  it_awaits("into an object that a task runs is refused", function()
    local coro = async(function() return await(sleep(1, "x")) end)()
    local task = create_task(coro)
    await(sleep(0))
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.throw, coro, "y").message)
    assert.equal("x", await(task))
  end)
end)

describe("close", function()
  it("of an object that has not started runs none of it", function()
    local ran = false
    local coro = async(function() ran = true end)()
    coro:close()
    assert.is_false(ran)
  end)

  it("of an object that has not started is not reported", function()
    local loop, reports = testing.new_event_loop(), {}
    loop:set_exception_handler(function(_, context) reports[#reports + 1] = context.message end)
    async(function() end)():close()
    sleep(1):close()
    collectgarbage()
    collectgarbage()
    loop:close()
    assert.same({}, reports)
  end)

  it("raises GeneratorExit where the object is suspended", function()
    local log = {}
    local coro = logging(log)()
    coro:send()
    coro:close()
    assert.is_true(asyncio.isinstance(log[1], asyncio.GeneratorExit))
  end)

  it("runs closing variables", function()
    local closed = false
    local coro = async(function()
      local _ <close> = setmetatable({}, {__close = function() closed = true end})
      await(sleep(0))
    end)()
    coro:send()
    coro:close()
    assert.is_true(closed)
  end)

  it("returns nothing", function()
    local coro = logging{}()
    coro:send()
    assert.equal(0, select("#", coro:close()))
  end)

  it("is fine for an object that returns when it is told to exit", function()
    local coro = async(function() pcall(await, sleep(0)) end)()
    coro:send()
    coro:close()
    assert.equal(REUSED, raises(asyncio.RuntimeError, coro.send, coro).message)
  end)

  it("of an object that awaits again is a RuntimeError", function()
    local coro = async(function() pcall(await, sleep(0)) await(sleep(0)) end)()
    coro:send()
    assert.equal("coroutine ignored GeneratorExit", raises(asyncio.RuntimeError, coro.close, coro).message)
  end)

  it("raises what the object raises instead", function()
    local coro = async(function() pcall(await, sleep(0)) error("other", 0) end)()
    coro:send()
    assert.same({false, "other"}, {pcall(coro.close, coro)})
  end)

  it("may be repeated", function()
    local coro = async(function() end)()
    coro:close()
    coro:close()
  end)

  it("is fine after the end", function()
    local coro = async(function() end)()
    coro:send()
    coro:close()
  end)

  it("from inside the object is a ValueError", function()
    local coro
    coro = async(function() return raises(asyncio.ValueError, coro.close, coro).message end)()
    assert.same({true, "coroutine already executing"}, {coro:send()})
  end)

  it("of the shared sleep(0) closes nothing", function()
    sleep(0):close()
    assert.is_false((sleep(0):send()))
  end)

  it_awaits("of an object that a task runs leaves it alone", function()
    local coro = async(function() return await(sleep(1, "x")) end)()
    local task = create_task(coro)
    await(sleep(0))
    coro:close()
    assert.equal("x", await(task))
  end)

  it_awaits("of an object whose task has not started makes that fail", function()
    local coro = async(function() end)()
    local task = create_task(coro)
    coro:close()
    assert.equal(REUSED, raises(asyncio.RuntimeError, await, task).message)
  end)

  it_awaits("of a sleep that was sent leaves no task behind", function()
    local nap = sleep(10)
    nap:send()
    nap:close()
    await(sleep(0))
    await(sleep(0))
    assert.equal(1, #asyncio.all_tasks())
  end)

  it_awaits("of an object that was sent leaves no future waiting", function()
    local future = asyncio.get_running_loop():create_future()
    local coro = async(function() await(future) end)()
    coro:send()
    coro:close()
    future:set_result(1)
    await(sleep(1))
  end)
end)

describe("an object that is driven by hand", function()
  local function collect() collectgarbage() collectgarbage() end

  it("is collected with what it waits for, in the middle", function()
    local weak = setmetatable({}, {__mode = "k"})
    do
      local object = {}
      weak[object] = true
      local coro = async(function(o) await(sleep(0)) return o end)(object)
      weak[coro] = true
      coro:send()
    end
    collect()
    collect()
    assert.is_nil(next(weak))
  end)

  it("has current_task() of whoever drives it", testing.async(function()
    local task = asyncio.current_task()
    assert.same({true, task}, {async(function() return asyncio.current_task() end)():send()})
  end))

  it("can be driven by one task after the other", testing.async(function()
    local coro = async(function() await(sleep(0)) await(sleep(0)) return "end" end)()
    await(create_task(function() coro:send() end))
    await(create_task(function() coro:send() end))
    assert.same({true, "end"}, {coro:send()})
  end))
end)
