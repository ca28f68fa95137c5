-- Future: every method, wrong uses, callbacks, subclasses, and what the collector does; Handle and TimerHandle.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, sleep, create_task, kw = asyncio.await, asyncio.sleep, asyncio.create_task, asyncio.kw

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

describe("add_done_callback", function()
  it_awaits("calls with the future", function()
    local future, got = new_future(), nil
    future:add_done_callback(function(...) got = table.pack(...) end)
    future:set_result(1)
    turn()
    assert.same({n = 1, future}, got)
  end)

  it_awaits("never calls inside set_result", function()
    local future, called = new_future(), false
    future:add_done_callback(function() called = true end)
    future:set_result(1)
    assert.is_false(called)
    turn()
    assert.is_true(called)
  end)

  it_awaits("calls in the order of adding", function()
    local future, log = new_future(), {}
    for i = 1, 3 do future:add_done_callback(function() log[#log + 1] = i end) end
    future:cancel()
    turn()
    assert.same({1, 2, 3}, log)
  end)

  it_awaits("calls as often as it was added", function()
    local future, n = new_future(), 0
    local function f() n = n + 1 end
    future:add_done_callback(f)
    future:add_done_callback(f)
    future:set_result(1)
    turn()
    assert.equal(2, n)
  end)

  it_awaits("queues at once where the future is done", function()
    local future, log = new_future(), {}
    future:set_result(1)
    future:add_done_callback(function() log[#log + 1] = "callback" end)
    loop():call_soon(function() log[#log + 1] = "after" end)
    turn()
    assert.same({"callback", "after"}, log)
  end)

  it_awaits("calls before a task that waited later goes on", function()
    local future, log = new_future(), {}
    future:add_done_callback(function() log[#log + 1] = "callback" end)
    create_task(function() await(future) log[#log + 1] = "task" end)
    turn()
    future:set_result(1)
    turn()
    assert.same({"callback", "task"}, log)
  end)

  it_awaits("takes an object with __call", function()
    local future, got = new_future(), nil
    local object = setmetatable({}, {__call = function(_, f) got = f end})
    future:add_done_callback(object)
    future:set_result(1)
    turn()
    assert.equal(future, got)
  end)

  it_awaits("returns nothing", function()
    assert.equal(0, select("#", new_future():add_done_callback(print)))
  end)

  it_awaits("runs in the context of its adding", function()
    local var = asyncio.contextvars.ContextVar("v", {default = "unset"})
    local future, got = new_future(), nil
    var:set("then")
    future:add_done_callback(function() got = var:get() end)
    var:set("now")
    future:set_result(1)
    turn()
    assert.equal("then", got)
  end)

  it_awaits("runs in the context that is given", function()
    local var = asyncio.contextvars.ContextVar("v", {default = "unset"})
    local context = asyncio.contextvars.copy_context()
    context:run(function() var:set("given") end)
    local future, got = new_future(), nil
    future:add_done_callback(function() got = var:get() end, {context = context})
    future:set_result(1)
    turn()
    assert.equal("given", got)
  end)

  it_awaits("refuses a context that is none", function()
    local future = new_future()
    local ok, err = pcall(future.add_done_callback, future, print, {context = 1})
    assert.is_false(ok)
    assert.matches("Context expected, got number", tostring(err))
  end)

  it_awaits("refuses an unknown option", function()
    local future = new_future()
    local ok, err = pcall(future.add_done_callback, future, print, {bad = 1})
    assert.is_false(ok)
    assert.matches("bad", tostring(err))
  end)

  it_awaits("refuses options that are none", function()
    local future = new_future()
    assert.is_false((pcall(future.add_done_callback, future, print, 1)))
  end)

  for _, value in ipairs{1, "x", {}} do
    it_awaits("refuses what cannot be called: " .. type(value), function()
      local future = new_future()
      assert.is_false((pcall(future.add_done_callback, future, value)))
    end)
  end

  it_awaits("refuses to do without a callback", function()
    local future = new_future()
    assert.is_false((pcall(future.add_done_callback, future)))
  end)

  it("reports a callback that throws, and calls the others", function()
    local second
    local reports = reports_of(function()
      local future = new_future()
      future:add_done_callback(function() error("x", 0) end)
      future:add_done_callback(function() second = true end)
      future:set_result(1)
      turn()
    end)
    assert.is_true(second)
    assert.same({1, "x"}, {#reports, reports[1].exception})
  end)

  it_awaits("lets a callback complete another future", function()
    local a, b = new_future(), new_future()
    a:add_done_callback(function() b:set_result("b") end)
    a:set_result(1)
    assert.equal("b", await(b))
  end)

  it_awaits("lets a callback add another to the same future", function()
    local future, log = new_future(), {}
    future:add_done_callback(function()
      future:add_done_callback(function() log[#log + 1] = "second" end)
      log[#log + 1] = "first"
    end)
    future:set_result(1)
    turn()
    assert.same({"first", "second"}, log)
  end)

  it_awaits("does not keep the future", function()
    local weak = setmetatable({}, {__mode = "v"})
    do
      local future = new_future()
      weak[1] = future
      future:add_done_callback(function() return future end)
    end
    collect()
    assert.is_nil(weak[1])
  end)

  it_awaits("keeps the future and the callback once it is done", function()
    local called = false
    do
      local future = new_future()
      future:add_done_callback(function() called = true end)
      future:set_result(1)
    end
    collect()
    turn()
    assert.is_true(called)
  end)

  it_awaits("forgets the callback when it has run", function()
    local weak = setmetatable({}, {__mode = "v"})
    local future = new_future()
    do
      local token = {}
      weak[1] = function() return token end
      future:add_done_callback(weak[1])
    end
    collect()
    assert.is_not_nil(weak[1])
    future:set_result(1)
    turn()
    collect()
    assert.is_nil(weak[1])
  end)
end)

describe("remove_done_callback", function()
  it_awaits("removes all that are equal and says how many", function()
    local future, n = new_future(), 0
    local function f() n = n + 1 end
    for _ = 1, 3 do future:add_done_callback(f) end
    assert.equal(3, future:remove_done_callback(f))
    future:set_result(1)
    turn()
    assert.equal(0, n)
  end)

  it_awaits("leaves the others in their order", function()
    local future, log = new_future(), {}
    local function f() log[#log + 1] = "f" end
    future:add_done_callback(function() log[#log + 1] = 1 end)
    future:add_done_callback(f)
    future:add_done_callback(function() log[#log + 1] = 2 end)
    future:add_done_callback(f)
    future:add_done_callback(function() log[#log + 1] = 3 end)
    assert.equal(2, future:remove_done_callback(f))
    future:set_result(1)
    turn()
    assert.same({1, 2, 3}, log)
  end)

  it_awaits("finds equal ones by __eq", function()
    local meta = {__eq = function() return true end, __call = function() end}
    local future = new_future()
    future:add_done_callback(setmetatable({}, meta))
    assert.equal(1, future:remove_done_callback(setmetatable({}, meta)))
  end)

  it_awaits("survives an __eq that throws", function()
    local meta = {__eq = function() error("no", 0) end, __call = function() end}
    local future = new_future()
    future:add_done_callback(setmetatable({}, meta))
    assert.same({false, "no"}, {pcall(future.remove_done_callback, future, setmetatable({}, meta))})
    future:set_result(1)
    turn()
  end)

  it("survives an __eq that removes, too", function()
    assert.equal("alive\n", said [[
      local future, meta, inside = loop:create_future(), {__call = function() end}, false
      meta.__eq = function(a)
        if not inside then
          inside = true
          future:remove_done_callback(a)
          collect()
        end
        return true
      end
      for _ = 1, 3 do future:add_done_callback(setmetatable({}, meta)) end
      future:remove_done_callback(setmetatable({}, meta))
      future:set_result(1)
      await(sleep(1))
      print "alive"
    ]])
  end)

  it("survives an __eq that completes the future", function()
    assert.equal("alive\n", said [[
      local future, meta = loop:create_future(), {__call = function() end}
      meta.__eq = function()
        if not future:done() then future:set_result(1) end
        return true
      end
      for _ = 1, 3 do future:add_done_callback(setmetatable({}, meta)) end
      future:remove_done_callback(setmetatable({}, meta))
      collect()
      await(sleep(1))
      print "alive"
    ]])
  end)

  it_awaits("finds nothing where there is nothing", function()
    assert.equal(0, new_future():remove_done_callback(print))
  end)

  it_awaits("finds nothing once the future is done, and stops nothing", function()
    local future, called = new_future(), false
    local function f() called = true end
    future:add_done_callback(f)
    future:set_result(1)
    assert.equal(0, future:remove_done_callback(f))
    turn()
    assert.is_true(called)
  end)
end)

describe("a subclass of Future", function()
  it_awaits("calls init and reaches the parent by field", function()
    local Mine = asyncio.Future:subclass("Mine", {init = function(self, x)
      asyncio.Future.init(self)
      self.x = x
    end})
    assert.equal(7, Mine(7).x)
  end)

  it_awaits("has fields and methods", function()
    local Mine = asyncio.Future:subclass("Mine", {double = function(self) return self.x * 2 end})
    local mine = Mine()
    mine.x = 4
    assert.equal(8, mine:double())
  end)

  it_awaits("is a future and can be awaited", function()
    local mine = asyncio.Future:subclass("Mine")()
    assert.is_true(asyncio.isfuture(mine))
    loop():call_soon(mine.set_result, mine, 5)
    assert.equal(5, await(mine))
  end)

  it_awaits("of a subclass works", function()
    local A = asyncio.Future:subclass("A", {a = function() return "a" end})
    local B = A:subclass("B", {b = function(self) return self:a() .. "b" end})
    local b = B()
    assert.equal("ab", b:b())
    assert.is_true(asyncio.isinstance(b, A))
  end)

  it_awaits("tells by its name what it is", function()
    assert.matches("Mine", tostring(asyncio.Future:subclass("Mine")()))
  end)

  describe("that was not initialised", function()
    local Blank = asyncio.Future:subclass("Blank", {init = function() end})

    for _, method in ipairs{
      "done", "cancelled", "result", "exception", "cancel", "set_result", "add_done_callback", "remove_done_callback", "get_loop",
    } do
      it_awaits("refuses " .. method, function()
        local blank = Blank()
        assert.matches("not initialized", raises(asyncio.RuntimeError, blank[method], blank, print).message)
      end)
    end

    it_awaits("refuses set_exception", function()
      local blank = Blank()
      raises(asyncio.RuntimeError, blank.set_exception, blank, "x")
    end)

    for name, use in pairs{
      await = await,
      gather = asyncio.gather,
      shield = asyncio.shield,
      wait_for = function(f) return await(asyncio.wait_for(f, 1)) end,
      wait = function(f) return await(asyncio.wait{f}) end,
    } do
      it_awaits("is refused by " .. name, function() raises(asyncio.RuntimeError, use, Blank()) end)
    end

    it_awaits("can be shown", function() assert.matches("Blank", tostring(Blank())) end)

    it_awaits("may have fields", function()
      local blank = Blank()
      blank.x = 1
      assert.equal(1, blank.x)
    end)

    it_awaits("can be initialised later", function()
      local blank = Blank()
      asyncio.Future.init(blank)
      assert.is_false(blank:done())
    end)
  end)

  it_awaits("whose init throws is an error", function()
    local Bad = asyncio.Future:subclass("Bad", {init = function() error("no", 0) end})
    assert.same({false, "no"}, {pcall(Bad)})
  end)

  it_awaits("may override cancel, which the task that waits for it calls", function()
    local message
    local Mine = asyncio.Future:subclass("Mine", {cancel = function(self, msg)
      message = msg
      return asyncio.Future.cancel(self, "mine")
    end})
    local mine = Mine()
    local task = create_task(await, mine)
    turn()
    task:cancel("given")
    assert.equal("mine", raises(asyncio.CancelledError, await, task).message)
    assert.equal("given", message)
  end)

  it_awaits("may refuse to be cancelled: the task is cancelled when it goes on", function()
    local Mine = asyncio.Future:subclass("Mine", {cancel = function() return false end})
    local mine = Mine()
    local task = create_task(await, mine)
    turn()
    task:cancel()
    assert.is_false(mine:done())
    mine:set_result(1)
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("may set its result when it is cancelled", function()
    local Mine = asyncio.Future:subclass("Mine", {cancel = function(self)
      self:set_result("instead")
      return true
    end})
    local mine = Mine()
    local task = create_task(await, mine)
    turn()
    task:cancel()
    assert.equal("instead", await(task))
  end)

  it("whose cancel throws is reported, and refuses", function()
    local Mine = asyncio.Future:subclass("Mine", {cancel = function() error("no", 0) end})
    local reports = reports_of(function()
      local mine = Mine()
      local task = create_task(await, mine)
      turn()
      task:cancel()
      mine:set_result(1)
      raises(asyncio.CancelledError, await, task)
    end)
    assert.same({1, "no"}, {#reports, reports[1].exception})
  end)

  it("whose cancel awaits is told why not", function()
    local Mine = asyncio.Future:subclass("Mine", {cancel = function() await(sleep(0)) end})
    local reports = reports_of(function()
      local mine = Mine()
      local task = create_task(await, mine)
      turn()
      task:cancel()
      mine:set_result(1)
      pcall(await, task)
    end)
    assert.matches("cannot await inside a callback of '[%w.]*cancel'", reports[1].exception.message)
  end)

  it_awaits("whose cancel cancels the task again ends", function()
    local task
    local Mine = asyncio.Future:subclass("Mine", {cancel = function(self)
      if task:cancelling() < 5 then task:cancel() end
      return asyncio.Future.cancel(self)
    end})
    task = create_task(await, Mine())
    turn()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(5, task:cancelling())
  end)

  it_awaits("whose cancel is called through gather", function()
    local calls = 0
    local Mine = asyncio.Future:subclass("Mine", {cancel = function(self)
      calls = calls + 1
      return asyncio.Future.cancel(self)
    end})
    local gathered = asyncio.gather(Mine(), Mine())
    gathered:cancel()
    assert.equal(2, calls)
    raises(asyncio.CancelledError, await, gathered)
  end)

  it_awaits("is collected with its fields", function()
    local weak = setmetatable({}, {__mode = "k"})
    do
      local mine = asyncio.Future:subclass("Mine")()
      mine.self = mine
      weak[mine] = true
    end
    collect()
    assert.is_nil(next(weak))
  end)
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
