-- Task and create_task: every method, wrong uses, cancellation, subclasses, the end of the process, what the collector does.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, async, sleep, create_task, kw = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task, asyncio.kw

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

-- Runs f on a loop that collects the contexts of its exception handler, which are returned.
local function reports_of(f)
  local reports = {}
  testing.run(function()
    loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    f()
  end)
  return reports
end

-- Runs a chunk in a process of its own; returns what it prints, its errors included, and the exit status.
local function run_lua(chunk)
  return process.run("lua5.4 -e " .. process.quote([[
    local asyncio = require "casync"
    local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
    local function collect() collectgarbage() collectgarbage() end
  ]] .. chunk))
end

local function said(chunk)
  local output, status = run_lua(chunk)
  return status == 0 and output or output .. "(status " .. tostring(status) .. ")"
end

describe("create_task", function()
  it_awaits("runs nothing now", function()
    local ran = false
    create_task(function() ran = true end)
    assert.is_false(ran)
    turn()
    assert.is_true(ran)
  end)

  it_awaits("starts in the order of making", function()
    local log = {}
    for i = 1, 5 do create_task(function() log[#log + 1] = i end) end
    turn()
    assert.same({1, 2, 3, 4, 5}, log)
  end)

  it_awaits("takes a coroutine object", function()
    assert.equal(3, await(create_task(async(function(a, b) return a + b end)(1, 2))))
  end)

  it_awaits("takes a function with arguments, nil included", function()
    assert.same({n = 4, 1, nil, 3, nil}, table.pack(await(create_task(function(...) return ... end, 1, nil, 3, nil))))
  end)

  it_awaits("takes a coroutine function with arguments", function()
    assert.equal(3, await(create_task(async(function(a, b) return a + b end), 1, 2)))
  end)

  it_awaits("takes a C function", function() assert.equal(7, await(create_task(math.max, 3, 7))) end)

  it_awaits("takes a sleep", function() assert.equal("x", await(create_task(sleep(1, "x")))) end)

  it_awaits("takes a sleep(0) as often as it is mentioned", function()
    for _ = 1, 3 do await(create_task(sleep(0))) end
  end)

  it_awaits("takes a Lua thread that has not started", function()
    assert.equal(5, await(create_task(coroutine.create(function() await(sleep(1)) return 5 end))))
  end)

  it_awaits("passes a last table of a function on", function()
    assert.same({name = "x"}, await(create_task(function(t) return t end, {name = "x"})))
  end)

  it_awaits("takes marked options after a function", function()
    local task = create_task(function(...) return select("#", ...) end, 1, kw{name = "greeter"})
    assert.equal("greeter", task:get_name())
    assert.equal(1, await(task))
  end)

  it_awaits("takes options after a coroutine object", function()
    assert.equal("greeter", create_task(async(function() end)(), {name = "greeter"}):get_name())
  end)

  it_awaits("refuses an unknown option by its name", function()
    local coro = async(function() end)()
    local ok, err = pcall(create_task, coro, {bad = 1})
    assert.is_false(ok)
    assert.matches("bad", tostring(err))
    coro:close()
  end)

  it_awaits("refuses arguments after a coroutine object", function()
    local coro = async(function() end)()
    assert.is_false((pcall(create_task, coro, 1)))
    assert.is_false((pcall(create_task, coro, 1, 2)))
    coro:close()
  end)

  it_awaits("refuses a context that is none", function()
    local ok, err = pcall(create_task, function() end, kw{context = 1})
    assert.is_false(ok)
    assert.matches("Context expected, got number", tostring(err))
  end)

  for _, value in ipairs{1, "x", true, {}, io.stdout} do
    it_awaits("refuses what is no coroutine: " .. type(value), function() raises(asyncio.TypeError, create_task, value) end)
  end

  it_awaits("refuses a future and a task", function()
    raises(asyncio.TypeError, create_task, new_future())
    raises(asyncio.TypeError, create_task, create_task(function() end))
  end)

  it_awaits("refuses nothing at all", function() assert.is_false((pcall(create_task))) end)

  it("needs a running loop", function()
    assert.equal("no running event loop", raises(asyncio.RuntimeError, create_task, function() end).message)
  end)

  it("of a loop works before the loop runs", function()
    local other = testing.new_event_loop()
    assert.equal(5, other:run_until_complete(other:create_task(function() return 5 end)))
    other:close()
  end)

  it("of a closed loop is a RuntimeError", function()
    local other = testing.new_event_loop()
    other:close()
    assert.equal("Event loop is closed", raises(asyncio.RuntimeError, other.create_task, other, function() end).message)
  end)

  it_awaits("of one coroutine object twice fails the second task", function()
    local coro = async(function() return await(sleep(1, "x")) end)()
    local first, second = create_task(coro), create_task(coro)
    assert.equal("cannot reuse already awaited coroutine", raises(asyncio.RuntimeError, await, second).message)
    assert.equal("x", await(first))
  end)

  it_awaits("takes 150 arguments", function()
    assert.equal(150, await(create_task(function(...) return select("#", ...) end, table.unpack({}, 1, 150))))
  end)
end)

describe("Task", function()
  it_awaits("is a future", function()
    local task = create_task(function() end)
    assert.is_true(asyncio.isfuture(task))
    assert.is_true(asyncio.isinstance(task, asyncio.Task))
    assert.is_true(asyncio.isinstance(task, asyncio.Future))
  end)

  it_awaits("returns several results", function()
    local task = create_task(function() return 1, nil, 3, nil end)
    assert.same({n = 4, 1, nil, 3, nil}, table.pack(await(task)))
    assert.same({n = 4, 1, nil, 3, nil}, table.pack(task:result()))
  end)

  it_awaits("returns very many results", function()
    assert.equal(10000, select("#", await(create_task(function() return table.unpack({}, 1, 10000) end))))
  end)

  it_awaits("returns nothing", function()
    local task = create_task(function() end)
    await(task)
    assert.is_nil((task:result()))
  end)

  for _, value in ipairs{"text", 12, true, false, print, {}} do
    it_awaits("keeps the identity of what it raises: " .. type(value) .. " " .. tostring(value):sub(1, 5), function()
      local task = create_task(error, value, 0)
      local ok, err = pcall(await, task)
      assert.is_false(ok)
      assert.equal(value, err)
      assert.equal(value, task:exception())
    end)
  end

  it_awaits("makes of a nil that it raises an error that says so", function()
    local task = create_task(error)
    assert.matches("nil", raises(asyncio.RuntimeError, await, task).message)
    assert.is_true(asyncio.isinstance(task:exception(), asyncio.RuntimeError))
  end)

  it_awaits("takes no result", function()
    local task = create_task(turn)
    assert.equal("Task does not support set_result operation", raises(asyncio.RuntimeError, task.set_result, task, 1).message)
  end)

  it_awaits("takes no exception", function()
    local task = create_task(turn)
    assert.equal("Task does not support set_exception operation",
      raises(asyncio.RuntimeError, task.set_exception, task, "x").message)
  end)

  it_awaits("is current_task() inside", function()
    local task
    task = create_task(function() return asyncio.current_task() == task end)
    assert.is_true(await(task))
  end)

  it_awaits("is in all_tasks() until it is done, in the order of making", function()
    local a, b = create_task(turn), create_task(turn)
    assert.same({asyncio.current_task(), a, b}, asyncio.all_tasks())
    await(b)
    assert.same({asyncio.current_task()}, asyncio.all_tasks())
  end)

  it_awaits("knows its loop", function() assert.equal(loop(), create_task(function() end):get_loop()) end)

  describe("get_name", function()
    it_awaits("is Task-N", function() assert.matches("^Task%-%d+$", create_task(function() end):get_name()) end)

    it_awaits("counts on", function()
      local a, b = create_task(function() end), create_task(function() end)
      assert.equal(tonumber(a:get_name():match("%d+")) + 1, tonumber(b:get_name():match("%d+")))
    end)

    it_awaits("is what set_name said, as a string", function()
      local task = create_task(function() end)
      task:set_name(5)
      assert.equal("5", task:get_name())
    end)

    it_awaits("is a string of anything", function()
      local task = create_task(function() end)
      task:set_name(nil)
      assert.equal("nil", task:get_name())
      task:set_name(setmetatable({}, {__tostring = function() return "mine" end}))
      assert.equal("mine", task:get_name())
    end)

    it_awaits("survives a set_name that throws", function()
      local task = create_task(function() end, kw{name = "kept"})
      assert.is_false((pcall(task.set_name, task, setmetatable({}, {__tostring = error}))))
      assert.is_false((pcall(task.set_name, task)))
      assert.equal("kept", task:get_name())
    end)
  end)

  describe("get_coro", function()
    it_awaits("is the coroutine object", function()
      local coro = async(function() end)()
      assert.equal(coro, create_task(coro):get_coro())
    end)

    it_awaits("is the function where there are no arguments", function()
      local function f() end
      assert.equal(f, create_task(f):get_coro())
    end)

    it_awaits("is still there when the task is done", function()
      local coro = async(function() end)()
      local task = create_task(coro)
      await(task)
      assert.equal(coro, task:get_coro())
    end)

    it_awaits("is nil for a task that ended eagerly", function()
      assert.is_nil(asyncio.Task(async(function() end)(), {loop = loop(), eager_start = true}):get_coro())
    end)
  end)

  describe("get_context", function()
    it_awaits("is the one that was given", function()
      local context = asyncio.contextvars.copy_context()
      assert.equal(context, create_task(function() end, kw{context = context}):get_context())
    end)

    it_awaits("is a copy of the current one", function()
      local var = asyncio.contextvars.ContextVar("v")
      var:set("outer")
      local task = create_task(function() var:set("inner") end)
      await(task)
      assert.equal("outer", var:get())
      assert.equal("inner", task:get_context():run(function() return var:get() end))
    end)

    it_awaits("is the same each time", function()
      local task = create_task(function() end)
      assert.equal(task:get_context(), task:get_context())
    end)
  end)

  for _, method in ipairs{"cancel", "cancelling", "uncancel", "get_name", "set_name", "get_coro", "get_context"} do
    it("has a method " .. method .. " that refuses anything else", function()
      for _, value in ipairs{1, "x", true, {}, io.stdout, print} do
        local ok, err = pcall(asyncio.Task[method], value, "x")
        assert.is_false(ok)
        assert.matches("expected, got", tostring(err))
      end
      assert.is_false((pcall(asyncio.Task[method])))
    end)
  end

  for _, method in ipairs{"cancelling", "uncancel", "get_name", "get_coro", "get_context"} do
    it_awaits("has a method " .. method .. " that refuses a future", function()
      local ok, err = pcall(asyncio.Task[method], new_future())
      assert.is_false(ok)
      assert.matches("Task expected, got Future", tostring(err))
    end)
  end
end)

describe("cancel", function()
  it_awaits("says yes and counts", function()
    local task = create_task(turn)
    assert.is_true(task:cancel())
    assert.is_true(task:cancel())
    assert.equal(2, task:cancelling())
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("of a done task says no", function()
    local task = create_task(function() end)
    await(task)
    assert.is_false(task:cancel())
    assert.equal(0, task:cancelling())
  end)

  it_awaits("before the start runs nothing, and gives its message", function()
    local ran = false
    local task = create_task(function() ran = true end)
    task:cancel("early")
    assert.equal("early", raises(asyncio.CancelledError, await, task).message)
    assert.is_false(ran)
    assert.is_true(task:cancelled())
  end)

  it_awaits("before the start uses a coroutine object up", function()
    local coro = async(function() end)()
    local task = create_task(coro)
    task:cancel()
    pcall(await, task)
    raises(asyncio.RuntimeError, await, coro)
  end)

  it_awaits("before the start of a sleep works", function()
    local task = create_task(sleep(10))
    task:cancel("early")
    assert.equal("early", raises(asyncio.CancelledError, await, task).message)
    assert.equal(0, loop():time())
  end)

  it_awaits("of a task that is a sleep works", function()
    local task = create_task(sleep(10))
    turn()
    task:cancel("enough")
    assert.equal("enough", raises(asyncio.CancelledError, await, task).message)
    assert.equal(1, loop():time())
  end)

  it_awaits("is not done at once", function()
    local task = create_task(turn)
    await(sleep(0))
    task:cancel()
    assert.same({false, false}, {task:done(), task:cancelled()})
    pcall(await, task)
  end)

  it_awaits("reaches the task at the end of a chain", function()
    local log = {}
    local function waiting(name, awaitable)
      return create_task(function()
        local ok, err = pcall(await, awaitable)
        log[#log + 1] = name
        if not ok then error(err, 0) end
      end)
    end
    local outer = waiting("outer", waiting("middle", waiting("inner", sleep(10))))
    turn()
    outer:cancel()
    pcall(await, outer)
    assert.same({"inner", "middle", "outer"}, log)
  end)

  it("reaches the end of a chain of 100,000 tasks", function()
    assert.equal("true\n", said [[
      asyncio.testing.run(function()
        local future = asyncio.get_running_loop():create_future()
        local last = future
        for _ = 1, 100000 do
          local before = last
          last = create_task(function() await(before) end)
        end
        await(sleep(1))
        last:cancel()
        pcall(await, last)
        print(future:cancelled())
      end)
    ]])
  end)

  it("of a task that waits for a gather of itself comes to an end", function()
    assert.equal("ended\n", (said [[
      pcall(asyncio.testing.run, function()
        local task
        task = create_task(function() await(asyncio.gather(task, task, asyncio.Future())) end)
        await(sleep(1))
        pcall(task.cancel, task)
      end)
      io.stderr:close()
      print "ended"
    ]]):match("ended\n.*$"))
  end)

  it_awaits("of the task itself arrives at its next await", function()
    local task = create_task(function()
      asyncio.current_task():cancel("self")
      await(async(function() end)())
      local ok, err = pcall(await, sleep(1))
      return ok, err.message, asyncio.current_task():cancelling()
    end)
    assert.same({false, "self", 1}, {await(task)})
  end)

  it_awaits("of the task itself, which then returns, cancels it", function()
    local task = create_task(function()
      asyncio.current_task():cancel("self")
      return "lost"
    end)
    assert.equal("self", raises(asyncio.CancelledError, await, task).message)
    assert.is_true(task:cancelled())
  end)

  it_awaits("of the task itself, which then raises, is lost", function()
    local task = create_task(function()
      asyncio.current_task():cancel()
      error("wins", 0)
    end)
    assert.same({false, "wins"}, {pcall(await, task)})
  end)

  it_awaits("gives its message once", function()
    local task = create_task(turn)
    await(sleep(0))
    task:cancel("why")
    assert.equal("why", raises(asyncio.CancelledError, await, task).message)
    assert.equal("", raises(asyncio.CancelledError, task.result, task).message)
  end)

  for _, message in ipairs{"text", 5, true, false, {}} do
    it_awaits("takes any message: " .. type(message) .. tostring(message):sub(1, 5), function()
      local task = create_task(turn)
      await(sleep(0))
      task:cancel(message)
      assert.equal(message, raises(asyncio.CancelledError, await, task).message)
    end)
  end

  it_awaits("is a method whose error in between leaves no message behind", function()
    local task = create_task(turn)
    pcall(task.cancel, 5, "stale")
    await(sleep(0))
    task:cancel()
    assert.equal("", raises(asyncio.CancelledError, await, task).message)
  end)

  it_awaits("of what it waits for in a gather cancels all children", function()
    local a, b = create_task(sleep, 10), create_task(function() await(sleep(10)) end)
    local task = create_task(await, asyncio.gather(a, b))
    turn()
    await(a)
    task:cancel("all")
    raises(asyncio.CancelledError, await, task)
    assert.is_true(b:cancelled())
  end)
end)

describe("uncancel", function()
  it_awaits("counts down, never below 0", function()
    local task = create_task(function() pcall(turn) pcall(turn) end)
    await(sleep(0))
    task:cancel()
    task:cancel()
    assert.same({1, 0, 0}, {task:uncancel(), task:uncancel(), task:uncancel()})
    await(task)
  end)

  it_awaits("takes a request back that has not been delivered", function()
    local task = create_task(function() return "ran" end)
    task:cancel()
    task:uncancel()
    assert.equal("ran", await(task))
  end)
end)

describe("a task that is not awaited", function()
  it_awaits("is held until it is done", function()
    local done = false
    create_task(function() turn() done = true end)
    collect()
    await(sleep(2))
    assert.is_true(done)
  end)

  it_awaits("is collected when it is done", function()
    local weak = setmetatable({}, {__mode = "k"})
    for _ = 1, 20 do weak[create_task(turn)] = true end
    await(sleep(2))
    collect()
    assert.is_nil(next(weak))
  end)

  it_awaits("is collected when it was cancelled, and when it failed", function()
    local weak = setmetatable({}, {__mode = "k"})
    for i = 1, 20 do
      local task = create_task(i % 2 == 0 and error or sleep, i % 2 == 0 and "x" or 10)
      weak[task] = true
      if i % 2 == 1 then task:cancel() else task:add_done_callback(function(t) t:exception() end) end
    end
    await(sleep(2))
    collect()
    collect()
    assert.is_nil(next(weak))
  end)

  it_awaits("lets go of its function and what that refers to", function()
    local weak = setmetatable({}, {__mode = "k"})
    do
      local value = {}
      weak[value] = true
      create_task(function() turn() return value ~= nil end)
    end
    await(sleep(2))
    collect()
    assert.is_nil(next(weak))
  end)

  it("is reported when it fails", function()
    local reports = reports_of(function()
      create_task(error, "x", 0)
      turn()
      collect()
      turn()
    end)
    assert.same({1, "Task exception was never retrieved", "x"}, {#reports, reports[1].message, reports[1].exception})
  end)

  it("is reported when its loop closes before it is done", function()
    local other, reports = testing.new_event_loop(), {}
    other:set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    local task = other:create_task(turn)
    other:run_until_complete(function() end)
    other:close()
    assert.equal(1, #reports)
    assert.equal("Task was destroyed but it is pending!", reports[1].message)
    assert.equal(task, reports[1].task)
  end)

  it("is reported when its loop is collected before it is done", function()
    assert.matches("Task was destroyed but it is pending!", said [[
      do
        local loop = asyncio.testing.new_event_loop()
        loop:create_task(function() await(sleep(1)) end)
        loop:run_until_complete(function() end)
      end
      collect()
    ]])
  end)
end)

describe("a task of an error", function()
  it("with no reader is reported once, with its traceback", function()
    local output = said [[
      asyncio.run(function()
        local function fails() error("badly") end
        create_task(function() await(sleep(0)) fails() end)
        await(sleep(0.001))
      end)
    ]]
    assert.matches("Task exception was never retrieved", output)
    assert.matches("badly", output)
    assert.matches("in upvalue 'fails'", output)
    assert.equal(1, select(2, output:gsub("never retrieved", "")))
  end)

  it("that goes up through awaiting tasks shows their chain", function()
    local output = said [[
      asyncio.run(function()
        local function inner() error("badly") end
        local function outer() await(create_task(function() inner() end)) end
        create_task(function() outer() end)
        await(sleep(0.001))
      end)
    ]]
    assert.matches("inner.*awaited by:.*outer", output)
  end)
end)

describe("a subclass of Task", function()
  local function subclass(methods) return asyncio.Task:subclass("Mine", methods) end

  it_awaits("runs", function()
    assert.equal(5, await(subclass()(async(function() return 5 end)(), {loop = loop()})))
  end)

  it_awaits("calls init and has fields before and after", function()
    local Mine = subclass{init = function(self, coro, x)
      self.before = x
      asyncio.Task.init(self, coro, {name = "mine"})
      self.after = x
    end}
    local mine = Mine(async(function() end)(), 7)
    assert.same({7, 7, "mine"}, {mine.before, mine.after, mine:get_name()})
    await(mine)
  end)

  it_awaits("is current_task() inside", function()
    local mine
    mine = subclass()(async(function() return asyncio.current_task() == mine end)())
    assert.is_true(await(mine))
  end)

  it_awaits("may override cancel", function()
    local Mine = subclass{cancel = function(self, message) return asyncio.Task.cancel(self, "mine " .. message) end}
    local mine = Mine(async(turn)())
    await(sleep(0))
    mine:cancel("x")
    assert.equal("mine x", raises(asyncio.CancelledError, await, mine).message)
  end)

  it_awaits("whose cancel is asked by a task that waits for it", function()
    local asked = false
    local Mine = subclass{cancel = function(self, message)
      asked = true
      return asyncio.Task.cancel(self, message)
    end}
    local task = create_task(await, Mine(async(turn)()))
    await(sleep(0))
    await(sleep(0))
    task:cancel()
    pcall(await, task)
    assert.is_true(asked)
  end)

  it_awaits("is what a factory makes", function()
    local Mine = subclass()
    loop():set_task_factory(function(l, coro, options)
      local given = {loop = l}
      for k, v in pairs(options or {}) do given[k] = v end
      return Mine(coro, given)
    end)
    local task = create_task(function(x) return x end, 5)
    assert.is_true(asyncio.isinstance(task, Mine))
    assert.equal(5, await(task))
    loop():set_task_factory(nil)
  end)

  describe("that was not initialised", function()
    local Blank = asyncio.Task:subclass("Blank", {init = function() end})

    for _, method in ipairs{
      "done", "cancelled", "result", "exception", "cancel", "add_done_callback", "remove_done_callback", "get_loop", "cancelling",
      "uncancel", "get_name", "set_name", "get_coro", "get_context", "set_result", "set_exception",
    } do
      it_awaits("refuses " .. method, function()
        local blank = Blank()
        assert.matches("not initialized", raises(asyncio.RuntimeError, blank[method], blank, print).message)
      end)
    end

    it_awaits("cannot be awaited", function() raises(asyncio.RuntimeError, await, Blank()) end)
    it_awaits("can be shown", function() assert.matches("Blank", tostring(Blank())) end)

    it_awaits("is in nobody's way", function()
      Blank()
      collect()
      assert.equal(1, #asyncio.all_tasks())
    end)
  end)

  it_awaits("is not initialised twice", function()
    local task = create_task(function() end)
    raises(asyncio.RuntimeError, task.init, task, function() end)
  end)

  it_awaits("is not made by initialising a future", function()
    assert.is_false((pcall(asyncio.Task.init, new_future(), function() end)))
  end)

  for _, value in ipairs{1, "x", {}} do
    it_awaits("is not made of " .. type(value), function() assert.is_false((pcall(asyncio.Task, value))) end)
  end

  it_awaits("refuses a loop that is none, and unknown options", function()
    local coro = async(function() end)()
    local ok, err = pcall(asyncio.Task, coro, {loop = 1})
    assert.is_false(ok)
    assert.matches("loop.*Loop expected, got number", tostring(err))
    ok, err = pcall(asyncio.Task, coro, {bad = 1})
    assert.is_false(ok)
    assert.matches("bad", tostring(err))
    coro:close()
  end)

  it("cannot be made on a closed loop", function()
    local other = testing.new_event_loop()
    other:close()
    local coro = async(function() end)()
    raises(asyncio.RuntimeError, asyncio.Task, coro, {loop = other})
    coro:close()
  end)
end)

describe("a task factory", function()
  it_awaits("whose error is raised by create_task", function()
    loop():set_task_factory(function() error("no", 0) end)
    assert.same({false, "no"}, {pcall(create_task, function() end)})
    loop():set_task_factory(nil)
  end)

  it_awaits("that returns no future is an error", function()
    loop():set_task_factory(function(_, coro) coro:close() end)
    local ok = pcall(create_task, function() end)
    loop():set_task_factory(nil)
    assert.is_false(ok)
  end)
end)

describe("an eager task", function()
  local function eager(f) return asyncio.Task(async(f)(), {loop = loop(), eager_start = true}) end

  it_awaits("runs at once", function()
    local ran = false
    eager(function() ran = true end)
    assert.is_true(ran)
  end)

  it_awaits("is done at once if it does not suspend", function()
    local task = eager(function() return 5 end)
    assert.same({true, 5}, {task:done(), task:result()})
  end)

  it_awaits("is current_task() inside, and the other one afterwards", function()
    local outer, inner = asyncio.current_task(), nil
    eager(function() inner = asyncio.current_task() end)
    assert.is_false(rawequal(outer, inner))
    assert.equal(outer, asyncio.current_task())
  end)

  it_awaits("goes on later if it suspends", function()
    local task = eager(function() return await(sleep(1, "x")) end)
    assert.is_false(task:done())
    assert.equal("x", await(task))
  end)

  it_awaits("keeps its error", function()
    assert.equal("x", eager(function() error("x", 0) end):exception())
  end)

  it_awaits("lets KeyboardInterrupt out", function()
    raises(asyncio.KeyboardInterrupt, eager, function() error(asyncio.KeyboardInterrupt(), 0) end)
  end)

  it_awaits("leaves the awaits of whoever makes it alone", function()
    eager(function() await(sleep(1)) end)
    assert.equal("x", await(sleep(1, "x")))
  end)

  it_awaits("may be made in a nested coroutine", function()
    assert.equal(5, coroutine.wrap(function()
      local task = eager(function() await(sleep(1)) return 5 end)
      return await(task)
    end)())
  end)

  it_awaits("may make eager tasks to 50 levels", function()
    local function down(n)
      if n == 0 then return "bottom" end
      return eager(function() return down(n - 1) end):result()
    end
    assert.equal("bottom", down(50))
  end)

  it_awaits("of endless nesting ends by an error that can be caught", function()
    local function down() return eager(down):result() end
    local ok, err = pcall(down)
    assert.is_false(ok)
    assert.matches("stack overflow", tostring(err))
  end)
end)

describe("a pending task that outlives its loop", function()
  local function pending(finish)
    local task
    do
      local other = testing.new_event_loop()
      other:set_exception_handler(function() end)
      other:run_until_complete(function() task = create_task(function() await(sleep(100)) end) await(sleep(1)) end)
      finish(other)
    end
    collect()
    collect()
    return task
  end

  for name, finish in pairs{closed = function(l) l:close() end} do
    it("stays pending: " .. name, function() assert.is_false(pending(finish):done()) end)

    it("can be cancelled: " .. name, function()
      local task = pending(finish)
      assert.is_true(task:cancel())
      assert.equal(1, task:cancelling())
    end)

    it("can be shown: " .. name, function() assert.matches("Task", tostring(pending(finish))) end)
  end

  it("can be asked anything when its loop was collected", function()
    assert.equal("alive\n", (said [[
      local task
      do
        local loop = asyncio.testing.new_event_loop()
        loop:run_until_complete(function() task = create_task(function() await(sleep(100)) end) await(sleep(1)) end)
      end
      collect() collect()
      for _, method in ipairs{"done", "cancelled", "result", "exception", "cancel", "get_loop", "get_name", "get_coro", "get_context",
        "cancelling", "uncancel", "add_done_callback", "remove_done_callback"} do
        pcall(task[method], task, print)
        tostring(task)
        collect()
      end
      asyncio.testing.run(function()
        pcall(await, task)
        pcall(asyncio.gather, task)
        pcall(asyncio.shield, task)
        pcall(await, create_task(function() pcall(await, asyncio.wait({task}, {timeout = 1})) end))
      end)
      io.stderr:close()
      print "alive"
    ]]):match("alive\n.*$"))
  end)

  it("takes a gather with it", function()
    assert.equal("alive\n", (said [[
      local gathered, child
      do
        local loop = asyncio.testing.new_event_loop()
        loop:run_until_complete(function()
          child = loop:create_future()
          gathered = asyncio.gather(child, create_task(function() await(sleep(100)) end))
          await(sleep(1))
        end)
        loop:close()
      end
      collect() collect()
      pcall(child.set_result, child, 1)
      pcall(gathered.cancel, gathered)
      collect()
      io.stderr:close()
      print "alive"
    ]]):match("alive\n.*$"))
  end)
end)

describe("the end of the process", function()
  local function ends_with(status, chunk)
    local output, got = run_lua(chunk)
    assert.equal(status, got, output)
    return output
  end

  for name, exit in pairs{["os.exit"] = "os.exit(7)", ["os.exit that closes the state"] = "os.exit(7, true)"} do
    it("by " .. name .. " in a task is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function() await(sleep(10)) end)
          await(sleep(0))
          %s
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a nested coroutine is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          coroutine.wrap(function() await(sleep(0)) %s end)()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a callback is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          asyncio.get_running_loop():call_soon(function() %s end)
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a done callback is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function() end):add_done_callback(function() %s end)
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an exception handler is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          local loop = asyncio.get_running_loop()
          loop:set_exception_handler(function() %s end)
          loop:call_soon(error, "x")
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a finalizer is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          setmetatable({}, {__gc = function() %s end})
          collect()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a cancelled task's cleanup is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function()
            local _ <close> = setmetatable({}, {__close = function() await(sleep(0)) %s end})
            await(sleep(10))
          end)
          await(sleep(0))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a subclass's cancel is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          local F = asyncio.Future:subclass("F", {cancel = function() %s end})
          local f = F()
          local task = create_task(await, f)
          await(sleep(0))
          task:cancel()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an eager task is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          asyncio.Task(asyncio.async(function() %s end)(), {eager_start = true})
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an object driven by hand is clean", function()
      ends_with(7, ([[
        local coro = asyncio.async(function() await(sleep(0)) %s end)()
        coro:send()
        coro:send()
      ]]):format(exit))
    end)
  end

  it("with tasks pending is reported, and none of their Lua runs", function()
    local output = ends_with(0, [[
      loop = asyncio.new_event_loop()
      loop:run_until_complete(function()
        create_task(function()
          local _ <close> = setmetatable({}, {__close = function() print "closing" end})
          await(sleep(10))
        end)
        asyncio.gather(create_task(function() await(sleep(10)) end))
        await(sleep(0))
      end)
    ]])
    assert.matches("Task was destroyed but it is pending!", output)
    assert.not_matches("closing", output)
  end)

  it("with futures, timers, handles and signals left is clean", function()
    ends_with(0, [[
      loop = asyncio.new_event_loop()
      future = loop:create_future()
      future:add_done_callback(print)
      timer = loop:call_later(10, print)
      handle = loop:call_soon(print)
      loop:add_signal_handler(10, print)
      pcall(loop.add_reader, loop, 0, print) -- refused where standard input is a file
    ]])
  end)

  it("by an error that leaves run has the status of lua", function()
    local output = ends_with(1, [[asyncio.run(function() create_task(function() await(sleep(10)) end) error("x") end)]])
    assert.matches("x\nstack traceback", output)
  end)

  it("of a state with several loops is clean", function()
    ends_with(0, [[
      loops = {}
      for i = 1, 5 do
        loops[i] = asyncio.new_event_loop()
        loops[i]:create_task(function() await(sleep(10)) end)
        if i % 2 == 0 then loops[i]:run_until_complete(function() end) end
      end
    ]])
  end)
end)

describe("memory", function()
  it("does not grow with tasks that come and go", function()
    testing.run(function()
      local function work()
        for _ = 1, 200 do await(create_task(function() await(sleep(1)) end)) end
        collect()
        return collectgarbage("count")
      end
      work()
      local before = work()
      assert.is_true(work() - before < 4)
    end)
  end)

  it("does not grow with loops that come and go", function()
    local function work()
      for _ = 1, 20 do
        testing.run(function()
          local f = new_future()
          f:add_done_callback(function() end)
          asyncio.gather(f, create_task(sleep, 5))
          create_task(function() await(sleep(5)) end)
          loop():call_later(5, print)
          turn()
        end)
      end
      collect()
      collect()
      return collectgarbage("count")
    end
    work()
    local before = work()
    assert.is_true(work() - before < 8)
  end)

  it("does not grow with cycles through callbacks", function()
    testing.run(function()
      local weak = setmetatable({}, {__mode = "k"})
      for _ = 1, 100 do
        local future = new_future()
        local task = create_task(function() return future end)
        future:add_done_callback(function() return task, future end)
        task:add_done_callback(function() return task, future end)
        weak[future], weak[task] = true, true
      end
      turn()
      collect()
      collect()
      assert.is_nil(next(weak))
    end)
  end)
end)
