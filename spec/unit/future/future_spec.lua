-- Future: every method, wrong uses, callbacks, subclasses, and what the collector does; Handle and TimerHandle.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function new_future() return loop():create_future() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- Runs the body of a task in a process of its own, since it might crash: what it prints, and its errors.
local function said(body)
  local chunk = ([[
    local asyncio = require "casync"
    local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
    local function collect() collectgarbage() collectgarbage() end
    asyncio.testing.run(function() local loop = asyncio.get_running_loop() %s end)
  ]]):format(body)
  local output, status = process.run("lua5.4 -e " .. process.quote(chunk))
  return status == 0 and output or output .. "(status " .. tostring(status) .. ")"
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

describe("Future", function()
  describe("pending", function()
    it_awaits("is not done", function() assert.is_false(new_future():done()) end)
    it_awaits("is not cancelled", function() assert.is_false(new_future():cancelled()) end)

    it_awaits("has no result", function()
      local future = new_future()
      assert.equal("Result is not set.", raises(asyncio.InvalidStateError, future.result, future).message)
    end)

    it_awaits("has no exception", function()
      local future = new_future()
      assert.equal("Exception is not set.", raises(asyncio.InvalidStateError, future.exception, future).message)
    end)

    it_awaits("knows its loop", function() assert.equal(loop(), new_future():get_loop()) end)
    it_awaits("is a future", function() assert.is_true(asyncio.isfuture(new_future())) end)
    it_awaits("is an instance of Future", function() assert.is_true(asyncio.isinstance(new_future(), asyncio.Future)) end)
    it_awaits("is no coroutine", function() assert.is_false(asyncio.iscoroutine(new_future())) end)
  end)

  describe("with a result", function()
    it_awaits("is done and not cancelled", function()
      local future = new_future()
      future:set_result(1)
      assert.same({true, false}, {future:done(), future:cancelled()})
    end)

    for _, values in ipairs{
      {n = 0}, {n = 1}, {n = 1, false}, {n = 1, "x"}, {n = 2, nil, nil}, {n = 3, 1, nil, 3}, {n = 3, nil, nil, 3},
    } do
      it_awaits(("gives %d values as they were"):format(values.n), function()
        local future = new_future()
        future:set_result(table.unpack(values, 1, values.n))
        local got = table.pack(future:result())
        if values.n > 0 then assert.equal(values.n, got.n) end
        for i = 1, values.n do assert.equal(values[i], got[i]) end
      end)
    end

    it_awaits("takes very many values", function()
      local future = new_future()
      future:set_result(table.unpack({}, 1, 10000))
      assert.equal(10000, select("#", future:result()))
    end)

    it_awaits("keeps the identity of a table", function()
      local future, value = new_future(), {}
      future:set_result(value)
      assert.equal(value, future:result())
    end)

    it_awaits("has no exception", function()
      local future = new_future()
      future:set_result(1)
      assert.is_nil(future:exception())
    end)

    it_awaits("takes no second result", function()
      local future = new_future()
      future:set_result(1)
      raises(asyncio.InvalidStateError, future.set_result, future, 2)
      assert.equal(1, future:result())
    end)

    it_awaits("takes no exception", function()
      local future = new_future()
      future:set_result(1)
      raises(asyncio.InvalidStateError, future.set_exception, future, "x")
      assert.equal(1, future:result())
    end)

    it_awaits("cannot be cancelled", function()
      local future = new_future()
      future:set_result(1)
      assert.is_false(future:cancel())
      assert.equal(1, future:result())
    end)

    it_awaits("can be another future, which stays that", function()
      local future, other = new_future(), new_future()
      future:set_result(other)
      assert.equal(other, await(future))
    end)
  end)

  describe("with an exception", function()
    for _, value in ipairs{"text", 12, true, false, print, {}} do
      it_awaits("keeps the value and its identity: " .. type(value) .. " " .. (type(value) == "boolean" and tostring(value) or ""),
        function()
        local future = new_future()
        future:set_exception(value)
        assert.equal(value, future:exception())
        local ok, err = pcall(future.result, future)
        assert.is_false(ok)
        assert.equal(value, err)
      end)
    end

    it_awaits("keeps an error object", function()
      local future, err = new_future(), asyncio.ValueError("x")
      future:set_exception(err)
      assert.equal(err, future:exception())
      assert.equal(err, future:exception())
    end)

    it_awaits("makes an instance of a class", function()
      local future = new_future()
      future:set_exception(asyncio.ValueError)
      assert.is_true(asyncio.isinstance(future:exception(), asyncio.ValueError))
    end)

    it_awaits("refuses nil", function()
      local future = new_future()
      raises(asyncio.TypeError, future.set_exception, future, nil)
      assert.is_false(future:done())
    end)

    it_awaits("needs a value", function()
      local future = new_future()
      assert.is_false((pcall(future.set_exception, future)))
      assert.is_false(future:done())
    end)

    it_awaits("is done and not cancelled", function()
      local future = new_future()
      future:set_exception("x")
      assert.same({true, false}, {future:done(), future:cancelled()})
      future:exception()
    end)

    it_awaits("that is a CancelledError is not cancelled, but raises it", function()
      local future = new_future()
      future:set_exception(asyncio.CancelledError("c"))
      assert.is_false(future:cancelled())
      assert.equal("c", raises(asyncio.CancelledError, await, future).message)
    end)

    it_awaits("takes no second one", function()
      local future = new_future()
      future:set_exception("x")
      raises(asyncio.InvalidStateError, future.set_exception, future, "y")
      assert.equal("x", future:exception())
    end)

    it("is reported when nobody reads it", function()
      local reports = reports_of(function()
        new_future():set_exception("x")
        collect()
        turn()
      end)
      assert.equal(1, #reports)
      assert.equal("Future exception was never retrieved", reports[1].message)
      assert.equal("x", reports[1].exception)
      assert.is_true(asyncio.isfuture(reports[1].future))
    end)

    it("is reported when the loop closes at the latest", function()
      local loop2, reports = testing.new_event_loop(), {}
      loop2:set_exception_handler(function(_, context) reports[#reports + 1] = context.message end)
      loop2:create_future():set_exception("x")
      loop2:close()
      assert.same({"Future exception was never retrieved"}, reports)
    end)

    for name, read in pairs{
      result = function(future) pcall(future.result, future) end,
      exception = function(future) future:exception() end,
      await = function(future) pcall(await, future) end,
      cancel = function(future) future:cancel() end,
      gather = function(future) pcall(await, asyncio.gather(future)) end,
    } do
      it("is not reported after " .. name, function()
        assert.same({}, reports_of(function()
          local future = new_future()
          future:set_exception("x")
          read(future)
          future = nil -- luacheck: ignore
          collect()
          turn()
        end))
      end)
    end

    it("is reported once", function()
      assert.equal(1, #reports_of(function()
        new_future():set_exception("x")
        for _ = 1, 3 do collect() turn() end
      end))
    end)

    it("is not reported by tostring", function()
      assert.equal(1, #reports_of(function()
        local future = new_future()
        future:set_exception("x")
        tostring(future)
        future = nil -- luacheck: ignore
        collect()
        turn()
      end))
    end)
  end)

  describe("cancelled", function()
    it_awaits("is done and cancelled", function()
      local future = new_future()
      assert.is_true(future:cancel())
      assert.same({true, true}, {future:done(), future:cancelled()})
    end)

    it_awaits("raises CancelledError without message", function()
      local future = new_future()
      future:cancel()
      assert.equal("", raises(asyncio.CancelledError, future.result, future).message)
    end)

    it_awaits("raises a new CancelledError with the message each time", function()
      local future = new_future()
      future:cancel("why")
      local first = raises(asyncio.CancelledError, future.result, future)
      local second = raises(asyncio.CancelledError, future.exception, future)
      assert.same({"why", "why"}, {first.message, second.message})
      assert.is_false(rawequal(first, second))
    end)

    it_awaits("cannot be cancelled again", function()
      local future = new_future()
      future:cancel()
      assert.is_false(future:cancel())
    end)

    it_awaits("takes no result", function()
      local future = new_future()
      future:cancel()
      raises(asyncio.InvalidStateError, future.set_result, future, 1)
    end)

    it("is not reported", function()
      assert.same({}, reports_of(function()
        new_future():cancel()
        collect()
        turn()
      end))
    end)
  end)

  describe("made by its class", function()
    it_awaits("belongs to the running loop", function() assert.equal(loop(), asyncio.Future():get_loop()) end)

    it("belongs to the loop that is given", function()
      local other = testing.new_event_loop()
      assert.equal(other, asyncio.Future{loop = other}:get_loop())
      other:close()
    end)

    it("needs a loop", function()
      asyncio.set_event_loop(nil)
      raises(asyncio.RuntimeError, asyncio.Future)
    end)

    it_awaits("refuses an unknown option by its name", function()
      local ok, err = pcall(asyncio.Future, {bad = 1})
      assert.is_false(ok)
      assert.matches("bad", tostring(err))
    end)

    it_awaits("refuses a loop that is none", function()
      local ok, err = pcall(asyncio.Future, {loop = 1})
      assert.is_false(ok)
      assert.matches("loop.*Loop expected, got number", tostring(err))
    end)

    for _, value in ipairs{1, "x", true} do
      it_awaits("refuses what are no options: " .. type(value), function()
        assert.is_false((pcall(asyncio.Future, value)))
      end)
    end

    it_awaits("is not initialised twice", function()
      local future = asyncio.Future()
      raises(asyncio.RuntimeError, future.init, future)
    end)

    it_awaits("cannot be made by initialising a task", function()
      local task = create_task(function() end)
      assert.is_false((pcall(asyncio.Future.init, task)))
    end)
  end)

  describe("of a closed loop", function()
    local function closed_with(f)
      local other = testing.new_event_loop()
      local future = other:create_future()
      if f then f(future) end
      other:close()
      return future
    end

    it("can be completed where nobody waits", function()
      local future = closed_with()
      future:set_result(1)
      assert.equal(1, future:result())
    end)

    it("cannot be completed where somebody waits", function()
      local future = closed_with(function(future) future:add_done_callback(print) end)
      assert.equal("Event loop is closed", raises(asyncio.RuntimeError, future.set_result, future, 1).message)
      assert.is_false(future:done())
    end)

    it("cannot be cancelled where somebody waits", function()
      local future = closed_with(function(future) future:add_done_callback(print) end)
      assert.equal("Event loop is closed", raises(asyncio.RuntimeError, future.cancel, future).message)
    end)

    it("takes no callback once it is done", function()
      local future = closed_with(function(future) future:set_result(1) end)
      assert.equal("Event loop is closed", raises(asyncio.RuntimeError, future.add_done_callback, future, print).message)
    end)

    it("lets its callbacks be removed", function()
      local future = closed_with(function(future) future:add_done_callback(print) end)
      assert.equal(1, future:remove_done_callback(print))
    end)

    it("still knows the loop", function() assert.is_true(closed_with():get_loop():is_closed()) end)
  end)

  for _, method in ipairs{
    "done", "cancelled", "result", "exception", "cancel", "set_result", "set_exception", "add_done_callback",
    "remove_done_callback", "get_loop",
  } do
    for _, value in ipairs{1, "x", true, {}, io.stdout, print} do
      it("has a method " .. method .. " that refuses a " .. type(value), function()
        local ok, err = pcall(asyncio.Future[method], value, print)
        assert.is_false(ok)
        assert.matches("Future expected, got", tostring(err))
      end)
    end

    it("has a method " .. method .. " that needs a future", function()
      assert.is_false((pcall(asyncio.Future[method])))
    end)
  end
end)

describe("a chain of 2,000 gathers", function()
  it("can be cancelled", function()
    assert.equal("true\n", said [[
      local future = loop:create_future()
      local outermost = future
      for _ = 1, 2000 do outermost = asyncio.gather(outermost) end
      outermost:cancel()
      pcall(await, outermost)
      print(future:cancelled())
    ]])
  end)
end)

describe("a finalizer called by hand", function()
  it("of a loop leaves it whole for the futures that belong to it", function()
    local own, called = testing.new_event_loop(), false
    local future = own:create_future()
    future:add_done_callback(function()
      called = true
      own:stop()
    end)
    getmetatable(own).__gc(own)
    future:set_result(1)
    own:run_forever()
    own:close()
    assert.is_true(called)
  end)

  for name, make in pairs{
    loop = "asyncio.testing.new_event_loop()",
    ["coroutine object"] = "asyncio.async(function() end)()",
    ["checked sleep"] = "asyncio.sleep(1)",
  } do
    for _, value in ipairs{"nil", "1", "'x'", "{}", "io.stdout"} do
      it(("of a %s does nothing to %s"):format(name, value), function()
        assert.equal("alive\n", said(("local o = %s pcall(getmetatable(o).__gc, %s) o:close() print 'alive'"):format(make, value)))
      end)
    end
  end

  it("of the running loop leaves it running", function()
    assert.equal("x\n", said [[
      pcall(getmetatable(loop).__gc, loop)
      print(await(create_task(function() return await(sleep(1, "x")) end)))
    ]])
  end)
end)
