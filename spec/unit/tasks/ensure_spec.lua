-- ensure_future, current_task, all_tasks, eager task factories.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local create_task, sleep, ensure_future = asyncio.create_task, asyncio.sleep, asyncio.ensure_future

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

describe("ensure_future", function()
  it_awaits("returns a future as it is", function()
    local future = asyncio.get_running_loop():create_future()
    assert.equal(future, ensure_future(future))
  end)

  it_awaits("returns a task as it is", function()
    local task = create_task(sleep(0))
    assert.equal(task, ensure_future(task))
  end)

  it_awaits("makes a task of a coroutine object", function()
    local task = ensure_future(async(function() return "x" end)())
    assert.is_true(asyncio.isinstance(task, asyncio.Task))
    assert.equal("x", await(task))
  end)

  it_awaits("makes a task of a function, a thread and an object with __await", function()
    local object = setmetatable({}, {__await = function(self) return self.value end, __index = {value = "object"}})
    assert.equal("function", await(ensure_future(function() return "function" end)))
    assert.equal("thread", await(ensure_future(coroutine.create(function() return "thread" end))))
    assert.equal("object", await(ensure_future(object)))
  end)

  it_awaits("refuses a future of another loop", function()
    local other = testing.new_event_loop()
    local err = raises(asyncio.ValueError, ensure_future, create_task(sleep(0)), {loop = other})
    assert.equal("The future belongs to a different loop than the one specified as the loop argument", err.message)
    other:close()
  end)

  it("makes the task on the loop it is given", function()
    local loop = testing.new_event_loop()
    local task = ensure_future(function() return "x" end, {loop = loop})
    assert.equal("x", loop:run_until_complete(task))
    loop:close()
  end)

  it("closes the coroutine object that a closed loop refuses", function()
    local loop = testing.new_event_loop()
    loop:close()
    local coro = async(function() return "x" end)()
    raises(asyncio.RuntimeError, ensure_future, coro, {loop = loop})
    raises(asyncio.RuntimeError, testing.run, coro)
  end)

  it("refuses to guess a loop", function()
    raises(asyncio.RuntimeError, ensure_future, print)
  end)

  it_awaits("refuses what cannot be awaited", function()
    local err = raises(asyncio.TypeError, ensure_future, {})
    assert.equal("bad argument #1 to 'ensure_future' (awaitable expected, got table)", err.message)
  end)

  it_awaits("refuses an unknown option", function()
    local err = raises(asyncio.TypeError, ensure_future, print, {name = "x"})
    assert.equal("unknown option 'name' to 'ensure_future'", err.message)
  end)
end)

describe("current_task", function()
  it_awaits("is the task that runs", function()
    local task
    task = create_task(function() return asyncio.current_task() == task end)
    assert.is_true(await(task))
  end)

  it_awaits("is nil in a plain callback", function()
    local future = asyncio.get_running_loop():create_future()
    asyncio.get_running_loop():call_soon(function() future:set_result(asyncio.current_task() == nil) end)
    assert.is_true(await(future))
  end)

  it_awaits("takes a loop", function()
    assert.equal(asyncio.current_task(), asyncio.current_task(asyncio.get_running_loop()))
    local other = testing.new_event_loop()
    assert.is_nil(asyncio.current_task(other))
    other:close()
  end)

  it("needs a running loop", function()
    local err = raises(asyncio.RuntimeError, asyncio.current_task)
    assert.equal("no running event loop", err.message)
  end)

  it("refuses what is no loop", function()
    local err = raises(asyncio.TypeError, asyncio.current_task, 5)
    assert.equal("bad argument #1 to 'current_task' (Loop expected, got number)", err.message)
  end)
end)

describe("all_tasks", function()
  it_awaits("lists the unfinished tasks in the order of their making", function()
    local first, second = create_task(sleep(1)), create_task(sleep(2))
    assert.same({asyncio.current_task(), first, second}, asyncio.all_tasks())
    await(first)
    assert.same({asyncio.current_task(), second}, asyncio.all_tasks())
    await(sleep(100)) -- the tasks that are left end
  end)

  it("takes a loop", function()
    local loop = testing.new_event_loop()
    local task = loop:create_task(function() return 1 end)
    assert.same({task}, asyncio.all_tasks(loop))
    loop:run_until_complete(task)
    assert.same({}, asyncio.all_tasks(loop))
    loop:close()
  end)

  it("needs a running loop", function() raises(asyncio.RuntimeError, asyncio.all_tasks) end)

  it("refuses what is no loop", function() raises(asyncio.TypeError, asyncio.all_tasks, {}) end)
end)

describe("create_task", function()
  it("needs a running loop", function() raises(asyncio.RuntimeError, create_task, print) end)

  it_awaits("refuses what is no coroutine", function() raises(asyncio.TypeError, create_task, 5) end)
end)

describe("isfuture, iscoroutine and iscoroutinefunction", function()
  it_awaits("tell futures, coroutine objects and coroutine functions from the rest", function()
    local f = async(function() return 1 end)
    local coro, task = f(), create_task(sleep(0))
    assert.is_true(asyncio.isfuture(task))
    assert.is_false(asyncio.isfuture(coro))
    assert.is_true(asyncio.iscoroutine(coro))
    assert.is_false(asyncio.iscoroutine(task))
    assert.is_true(asyncio.iscoroutinefunction(f))
    assert.is_false(asyncio.iscoroutinefunction(print))
    coro:close()
  end)
end)

describe("the eager task factory", function()
  it_awaits("runs the first step inside create_task", function()
    local loop, ran = asyncio.get_running_loop(), false
    loop:set_task_factory(asyncio.eager_task_factory)
    local task = create_task(function() ran = true return "x" end)
    assert.is_true(ran)
    assert.is_true(task:done())
    assert.equal("x", task:result())
  end)

  it_awaits("passes the options on", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local task = create_task(sleep(1), {name = "eager"})
    assert.equal("eager", task:get_name())
    await(sleep(100)) -- the tasks that are left end
  end)

  it_awaits("starts lazily with eager_start = false", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local ran = false
    local task = create_task(async(function() ran = true end)(), {eager_start = false})
    assert.is_false(ran)
    await(task)
  end)

  it_awaits("makes gather of what finishes at once a future that is done", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local all = asyncio.gather(function() return 1 end, function() return 2 end)
    assert.is_true(all:done())
    assert.same({1, 2, n = 2}, all:result())
  end)

  it_awaits("can be made for a class of tasks of one's own", function()
    local Mine = asyncio.Task:subclass("Mine")
    asyncio.get_running_loop():set_task_factory(asyncio.create_eager_task_factory(Mine))
    local task = create_task(sleep(1))
    assert.is_true(asyncio.isinstance(task, Mine))
    await(task)
  end)

  it("refuses what cannot be called", function()
    local err = raises(asyncio.TypeError, asyncio.create_eager_task_factory, 5)
    assert.equal("bad argument #1 to 'create_eager_task_factory' (function expected, got number)", err.message)
  end)
end)
