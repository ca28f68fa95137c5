-- Task and create_task: every method, wrong uses, cancellation, subclasses, the end of the process, what the collector does.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task, kw = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task, asyncio.kw

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function new_future() return loop():create_future() end
local function turn() await(sleep(1)) end
local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
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
    turn()
  end)

  it_awaits("takes no exception", function()
    local task = create_task(turn)
    assert.equal("Task does not support set_exception operation",
      raises(asyncio.RuntimeError, task.set_exception, task, "x").message)
    turn()
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
