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
