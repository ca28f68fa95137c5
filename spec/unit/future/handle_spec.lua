-- Future: every method, wrong uses, callbacks, subclasses, and what the collector does; Handle and TimerHandle.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, sleep, kw = asyncio.await, asyncio.sleep, asyncio.kw

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- Runs f on a loop that collects the contexts of its exception handler, which are returned.
local function reports_of(f)
  local reports = {}
  testing.run(function()
    loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    f()
  end)
  return reports
end

describe("Handle", function()
  it_awaits("is what call_soon returns", function()
    local handle = loop():call_soon(function() end)
    assert.is_true(asyncio.isinstance(handle, asyncio.Handle))
    assert.is_false(handle:cancelled())
  end)

  it_awaits("calls with its arguments", function()
    local got
    loop():call_soon(function(...) got = table.pack(...) end, 1, nil, 3, nil)
    turn()
    assert.same({n = 4, 1, nil, 3, nil}, got)
  end)

  it_awaits("can be cancelled", function()
    local called = false
    local handle = loop():call_soon(function() called = true end)
    handle:cancel()
    handle:cancel()
    assert.is_true(handle:cancelled())
    turn()
    assert.is_false(called)
  end)

  it_awaits("can be cancelled by an earlier one of the same iteration", function()
    local handle, called = nil, false
    loop():call_soon(function() handle:cancel() end)
    handle = loop():call_soon(function() called = true end)
    turn()
    assert.is_false(called)
  end)

  it_awaits("can be cancelled while it runs", function()
    local handle
    handle = loop():call_soon(function() handle:cancel() end)
    turn()
    assert.is_true(handle:cancelled())
  end)

  it_awaits("is not cancelled after it has run", function()
    local handle = loop():call_soon(function() end)
    turn()
    assert.is_false(handle:cancelled())
  end)

  it_awaits("can be cancelled after it has run", function()
    local handle = loop():call_soon(function() end)
    turn()
    handle:cancel()
    assert.is_true(handle:cancelled())
  end)

  it_awaits("shows its context", function()
    local context = asyncio.contextvars.copy_context()
    assert.equal(context, loop():call_soon(function() end, kw{context = context}):get_context())
  end)

  it_awaits("passes an unmarked table on as an argument", function()
    local got
    loop():call_soon(function(x) got = x end, {context = 5})
    turn()
    assert.same({context = 5}, got)
  end)

  it_awaits("refuses an unknown option", function()
    local ok, err = pcall(loop().call_soon, loop(), print, kw{bad = 1})
    assert.is_false(ok)
    assert.matches("bad", tostring(err))
  end)

  it_awaits("drops callback and arguments when it is cancelled", function()
    local weak = setmetatable({}, {__mode = "v"})
    weak[1] = {}
    local handle = loop():call_soon(function() end, weak[1])
    handle:cancel()
    collect()
    assert.is_nil(weak[1])
  end)

  it_awaits("drops callback and arguments when it has run", function()
    local weak = setmetatable({}, {__mode = "v"})
    weak[1] = {}
    local handle = loop():call_soon(function() end, weak[1])
    turn()
    collect()
    assert.is_nil(weak[1])
    assert.is_false(handle:cancelled())
  end)

  it_awaits("is kept until it runs", function()
    local called = 0
    for _ = 1, 10 do loop():call_soon(function() called = called + 1 end) end
    collect()
    turn()
    assert.equal(10, called)
  end)

  it_awaits("is collected after it has run", function()
    local weak = setmetatable({}, {__mode = "k"})
    for _ = 1, 10 do weak[loop():call_soon(function() end)] = true end
    turn()
    collect()
    assert.is_nil(next(weak))
  end)

  it("cannot be made by hand", function()
    assert.is_false((pcall(asyncio.Handle)))
    assert.is_false((pcall(asyncio.TimerHandle)))
  end)

  it("reports what it raises, with itself", function()
    local handle
    local reports = reports_of(function()
      handle = loop():call_soon(error, "x", 0)
      turn()
    end)
    assert.equal("x", reports[1].exception)
    assert.equal(handle, reports[1].handle)
  end)

  it("that raises nil is reported with an error that says so", function()
    local reports = reports_of(function()
      loop():call_soon(error)
      turn()
    end)
    assert.is_true(asyncio.isinstance(reports[1].exception, asyncio.RuntimeError))
    assert.matches("nil", reports[1].exception.message)
  end)

  it("may raise false", function()
    local reports = reports_of(function()
      loop():call_soon(error, false)
      turn()
    end)
    assert.is_false(reports[1].exception)
  end)

  for _, value in ipairs{1, "x", {}} do
    it_awaits("is not made of what cannot be called: " .. type(value), function()
      raises(asyncio.TypeError, loop().call_soon, loop(), value)
    end)
  end

  it_awaits("is not made of a coroutine function", function()
    raises(asyncio.TypeError, loop().call_soon, loop(), asyncio.async(function() end))
  end)

  it_awaits("takes 150 arguments", function()
    local n
    loop():call_soon(function(...) n = select("#", ...) end, table.unpack({}, 1, 150))
    turn()
    assert.equal(150, n)
  end)

  it_awaits("of call_soon_threadsafe is one, too", function()
    local called = false
    assert.is_true(asyncio.isinstance(loop():call_soon_threadsafe(function() called = true end), asyncio.Handle))
    turn()
    assert.is_true(called)
  end)

  for _, method in ipairs{"cancel", "cancelled", "get_context"} do
    it("refuses " .. method .. " of something else", function()
      for _, value in ipairs{1, {}, io.stdout} do assert.is_false((pcall(asyncio.Handle[method], value))) end
      assert.is_false((pcall(asyncio.Handle[method])))
    end)
  end
end)

describe("TimerHandle", function()
  it_awaits("is what call_later returns, and a Handle", function()
    local handle = loop():call_later(1, function() end)
    assert.is_true(asyncio.isinstance(handle, asyncio.TimerHandle))
    assert.is_true(asyncio.isinstance(handle, asyncio.Handle))
  end)

  it_awaits("knows when", function()
    await(sleep(1))
    assert.equal(3.5, loop():call_later(2.5, function() end):when())
    assert.equal(7, loop():call_at(7, function() end):when())
  end)

  it_awaits("calls then, with its arguments", function()
    local got
    loop():call_later(2, function(...) got = {loop():time(), ...} end, "a", nil, "b")
    await(sleep(3))
    assert.same({2, "a", nil, "b"}, got)
  end)

  it_awaits("can be cancelled", function()
    local called = false
    local handle = loop():call_later(1, function() called = true end)
    handle:cancel()
    handle:cancel()
    await(sleep(2))
    assert.is_false(called)
    assert.is_true(handle:cancelled())
  end)

  it_awaits("knows when after it was cancelled", function()
    local handle = loop():call_later(1, function() end)
    handle:cancel()
    assert.equal(1, handle:when())
  end)

  it_awaits("can be cancelled when it is due", function()
    local handle, called = nil, false
    loop():call_later(1, function() handle:cancel() end)
    handle = loop():call_later(1, function() called = true end)
    await(sleep(2))
    assert.is_false(called)
  end)

  it_awaits("of the same time are called in the order of making", function()
    local log = {}
    for i = 1, 10 do loop():call_at(1, function() log[i] = #log + 1 end) end
    await(sleep(2))
    assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, log)
  end)

  it_awaits("in the past is called in the next iteration", function()
    local before, after = loop():_iterations(), nil
    loop():call_later(-5, function() after = loop():_iterations() end)
    await(sleep(1))
    assert.equal(1, after - before)
  end)

  it_awaits("of NaN is refused", function()
    raises(asyncio.ValueError, loop().call_later, loop(), 0 / 0, print)
    raises(asyncio.ValueError, loop().call_at, loop(), 0 / 0, print)
  end)

  it_awaits("of nil is a TypeError", function()
    raises(asyncio.TypeError, loop().call_later, loop(), nil, print)
    raises(asyncio.TypeError, loop().call_at, loop(), nil, print)
  end)

  it_awaits("of what is no number is refused", function()
    assert.is_false((pcall(loop().call_later, loop(), {}, print)))
    assert.is_false((pcall(loop().call_at, loop(), "x", print)))
  end)

  it_awaits("at the end of time does not hold up others", function()
    loop():call_later(math.huge, print)
    await(sleep(1))
    assert.equal(1, loop():time())
  end)

  it_awaits("is kept until it runs", function()
    local called = false
    loop():call_later(1, function() called = true end)
    collect()
    await(sleep(2))
    assert.is_true(called)
  end)

  it_awaits("is collected after it has run, and after it was cancelled", function()
    local weak = setmetatable({}, {__mode = "k"})
    for _ = 1, 10 do
      weak[loop():call_later(1, function() end)] = true
      local handle = loop():call_later(5, function() end)
      weak[handle] = true
      handle:cancel()
    end
    await(sleep(2))
    collect()
    assert.is_nil(next(weak))
  end)

  it("cannot be asked when it is a plain Handle", function()
    local other = testing.new_event_loop()
    local handle = other:call_soon(print)
    assert.is_false((pcall(asyncio.TimerHandle.when, handle)))
    other:close()
  end)

  for name, finish in pairs{closed = function(l) l:close() end, collected = function() end} do
    it("outlives its loop, " .. name, function()
      local timer, soon
      do
        local other = testing.new_event_loop()
        timer, soon = other:call_later(5, function() end), other:call_soon(function() end)
        finish(other)
      end
      collect()
      collect()
      assert.equal(5, timer:when())
      timer:cancel()
      soon:cancel()
      assert.same({true, true}, {timer:cancelled(), soon:cancelled()})
    end)
  end
end)
