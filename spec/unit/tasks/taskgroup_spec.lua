-- TaskGroup: what its exit waits for, cancels and raises.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async = asyncio.await, asyncio.async
local create_task, sleep, TaskGroup = asyncio.create_task, asyncio.sleep, asyncio.TaskGroup

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function time() return asyncio.get_running_loop():time() end

-- Runs f(group) inside an entered group.
local function inside(f, group)
  local tg <close> = (group or TaskGroup()):enter()
  return f(tg)
end

local function fail_after(delay, err)
  return async(function()
    await(sleep(delay))
    error(err, 0)
  end)()
end

describe("a task group", function()
  it_awaits("waits for its tasks", function()
    local task
    inside(function(tg) task = tg:create_task(sleep(5, "value")) end)
    assert.equal(5, time())
    assert.equal("value", task:result())
  end)

  it_awaits("without tasks does not suspend", function()
    local ran = false
    asyncio.get_running_loop():call_soon(function() ran = true end)
    inside(function() return nil end)
    assert.is_false(ran)
  end)

  it_awaits("passes the values of its body", function()
    assert.equal("body", inside(function(tg) tg:create_task(sleep(1)) return "body" end))
  end)

  it_awaits("passes arguments to a function", function()
    local sum
    inside(function(tg) tg:create_task(function(a, b) sum = a + b end, 1, 2) end)
    assert.equal(3, sum)
  end)

  it_awaits("passes options for a coroutine object", function()
    inside(function(tg) assert.equal("worker", tg:create_task(sleep(1), {name = "worker"}):get_name()) end)
  end)

  it_awaits("lets a child make more tasks while the group waits", function()
    local late
    inside(function(tg)
      tg:create_task(function()
        await(sleep(1))
        late = tg:create_task(sleep(2, "late"))
      end)
    end)
    assert.equal("late", late:result())
    assert.equal(3, time())
  end)

  it_awaits("prints what it holds", function()
    assert.equal("<TaskGroup>", tostring(TaskGroup()))
    inside(function(tg)
      tg:create_task(sleep(1))
      assert.equal("<TaskGroup tasks=1 entered>", tostring(tg))
    end)
  end)

  it_awaits("nests ten thousand levels deep", function()
    local function level(n)
      local tg <close> = TaskGroup():enter()
      if n == 0 then tg:create_task(sleep(1)) await(sleep(0)) else level(n - 1) end
      return n
    end
    assert.equal(10000, level(10000))
  end)

  it_awaits("nests ten thousand levels deep under an error", function()
    local function level(n)
      local _ <close> = TaskGroup():enter()
      if n == 0 then error(asyncio.ValueError("deep"), 0) end
      level(n - 1)
      return n
    end
    raises(asyncio.ExceptionGroup, level, 10000)
  end)
end)

describe("a failing child", function()
  it_awaits("is raised as a group", function()
    local mine = asyncio.ValueError("mine")
    local err = raises(asyncio.ExceptionGroup, inside, function(tg) tg:create_task(fail_after(1, mine)) end)
    assert.equal("unhandled errors in a TaskGroup", err.message)
    assert.same({mine}, err.exceptions)
  end)

  it_awaits("cancels its siblings", function()
    local sibling
    raises(asyncio.ExceptionGroup, inside, function(tg)
      sibling = tg:create_task(sleep(10))
      tg:create_task(fail_after(1, "text"))
    end)
    assert.is_true(sibling:cancelled())
    assert.equal(1, time())
  end)

  it_awaits("cancels the siblings in the order of their making", function()
    local order = {}
    raises(asyncio.ExceptionGroup, inside, function(tg)
      for i = 1, 20 do
        tg:create_task(function()
          local _, err = pcall(function() await(sleep(10)) end)
          order[#order + 1] = i
          error(err, 0)
        end)
      end
      tg:create_task(fail_after(1, "text"))
    end)
    for i = 1, 20 do assert.equal(i, order[i]) end
  end)

  it_awaits("cancels the body", function()
    local seen
    raises(asyncio.ExceptionGroup, inside, function(tg)
      tg:create_task(fail_after(1, "text"))
      local ok, err = pcall(function() await(sleep(10)) end)
      seen = not ok and err
      error(err, 0)
    end)
    assert.is_true(asyncio.isinstance(seen, asyncio.CancelledError))
  end)

  it_awaits("leaves no cancel request on the parent", function()
    pcall(inside, function(tg)
      tg:create_task(fail_after(1, "text"))
      await(sleep(10))
    end)
    assert.equal(0, asyncio.current_task():cancelling())
    await(sleep(1))
  end)

  it_awaits("is raised at the exit also when the body swallowed the cancellation", function()
    local went_on = false
    raises(asyncio.ExceptionGroup, inside, function(tg)
      tg:create_task(fail_after(1, "text"))
      pcall(function() await(sleep(10)) end)
      await(sleep(1))
      went_on = true
    end)
    assert.is_true(went_on)
  end)

  it_awaits("that raised a string is a member like any other", function()
    local err = raises(asyncio.ExceptionGroup, inside, function(tg) tg:create_task(fail_after(1, "text")) end)
    assert.same({"text"}, err.exceptions)
  end)

  it_awaits("comes before the body's own error, in the order of completion", function()
    local err = raises(asyncio.ExceptionGroup, inside, function(tg)
      tg:create_task(function()
        pcall(function() await(sleep(10)) end)
        error("second", 0)
      end)
      tg:create_task(fail_after(1, "first"))
      pcall(function() await(sleep(10)) end)
      error("body", 0)
    end)
    assert.same({"first", "second", "body"}, err.exceptions)
  end)


  it_awaits("that was cancelled disturbs nobody", function()
    local other
    inside(function(tg)
      local child = tg:create_task(sleep(10))
      other = tg:create_task(sleep(2, "fine"))
      await(sleep(1))
      child:cancel()
    end)
    assert.equal("fine", other:result())
  end)
end)

describe("a failing body", function()
  it_awaits("cancels the children and is raised in a group", function()
    local child
    local err = raises(asyncio.ExceptionGroup, inside, function(tg)
      child = tg:create_task(sleep(10))
      await(sleep(1))
      error("body", 0)
    end)
    assert.same({"body"}, err.exceptions)
    assert.is_true(child:cancelled())
  end)

  it_awaits("with KeyboardInterrupt is raised bare, after the children ended", function()
    local child
    raises(asyncio.KeyboardInterrupt, inside, function(tg)
      child = tg:create_task(sleep(10))
      error(asyncio.KeyboardInterrupt(), 0)
    end)
    assert.is_true(child:cancelled())
  end)

  it_awaits("with CancelledError of its own passes it bare", function()
    raises(asyncio.CancelledError, inside, function() error(asyncio.CancelledError("own"), 0) end)
  end)
end)

describe("nested groups that fail together", function()
  it_awaits("become a group in a group, and leave no cancel request", function()
    local err = raises(asyncio.ExceptionGroup, inside, function(outer)
      outer:create_task(fail_after(1, "outer"))
      inside(function(inner) inner:create_task(fail_after(1, "inner")) end)
    end)
    assert.equal("outer", err.exceptions[1])
    assert.same({"inner"}, err.exceptions[2].exceptions)
    assert.equal(0, asyncio.current_task():cancelling())
  end)
end)

describe("a task group, cancelled from outside", function()
  it_awaits("before its task starts, runs nothing", function()
    local task = create_task(inside, function() error("never") end)
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("while waiting, cancels and awaits the children and passes the message", function()
    local child
    local task = create_task(inside, function(tg)
      child = tg:create_task(function()
        local _, err = pcall(function() await(sleep(10)) end)
        await(sleep(3))
        error(err, 0)
      end)
    end)
    await(sleep(1))
    task:cancel("mine")
    local err = raises(asyncio.CancelledError, await, task)
    assert.equal("mine", err.message)
    assert.is_true(child:cancelled())
    assert.equal(4, time())
    assert.equal(1, task:cancelling())
  end)

  it_awaits("in the tick in which the last child ends, raises CancelledError", function()
    local future = asyncio.get_running_loop():create_future()
    local task = create_task(inside, function(tg) tg:create_task(async(function() await(future) end)()) end)
    await(sleep(1))
    future:set_result()
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("twice, still waits for the children", function()
    local child
    local task = create_task(inside, function(tg)
      child = tg:create_task(function()
        pcall(function() await(sleep(10)) end)
        await(sleep(3))
      end)
    end)
    await(sleep(1))
    task:cancel()
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.is_true(child:done())
    assert.equal(2, task:cancelling())
  end)

  it_awaits("and by a child's error too, raises the group and is cancelled again at the next await", function()
    local task = create_task(function()
      raises(asyncio.ExceptionGroup, inside, function(tg)
        tg:create_task(function()
          pcall(function() await(sleep(10)) end)
          error("cleanup", 0)
        end)
      end)
      await(sleep(1))
    end)
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(1, task:cancelling())
  end)
end)

describe("TaskGroup refuses", function()
  it_awaits("a task before the entry, and closes the coroutine", function()
    local coro = async("early", function() return nil end)()
    local err = raises(asyncio.RuntimeError, function() TaskGroup():create_task(coro) end)
    assert.equal("TaskGroup <TaskGroup> has not been entered", err.message)
  end)

  it_awaits("a task after the end", function()
    local group = TaskGroup()
    inside(function() return nil end, group)
    local err = raises(asyncio.RuntimeError, function() group:create_task(sleep(1)) end)
    assert.equal("TaskGroup <TaskGroup entered> is finished", err.message)
  end)

  it_awaits("a task while it shuts down", function()
    local message
    pcall(inside, function(tg)
      tg:create_task(function()
        pcall(function() await(sleep(10)) end)
        message = select(2, pcall(tg.create_task, tg, sleep(1))).message
      end)
      await(sleep(1))
      error("body", 0)
    end)
    assert.equal("TaskGroup <TaskGroup tasks=1 cancelling> is shutting down", message)
  end)

  it_awaits("a second entry", function()
    local group = TaskGroup()
    inside(function() return nil end, group)
    local err = raises(asyncio.RuntimeError, function() group:enter() end)
    assert.equal("TaskGroup <TaskGroup entered> has already been entered", err.message)
  end)

  it_awaits("an entry outside a task", function()
    local future = asyncio.get_running_loop():create_future()
    asyncio.get_running_loop():call_soon(function()
      future:set_result(select(2, pcall(function() TaskGroup():enter() end)))
    end)
    assert.equal("TaskGroup <TaskGroup> cannot determine the parent task", await(future).message)
  end)

  it("an entry without a running loop", function()
    local err = raises(asyncio.RuntimeError, function() TaskGroup():enter() end)
    assert.equal("no running event loop", err.message)
  end)

  it_awaits("its end without an entry", function()
    raises(asyncio.RuntimeError, function()
      local _ <close> = TaskGroup()
    end)
  end)

  it_awaits("what is no coroutine", function()
    inside(function(tg) raises(asyncio.TypeError, tg.create_task, tg, 5) end)
  end)
end)

describe("an eager child", function()
  it_awaits("that fails does not cancel the parent inside create_task", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local came_back = false
    raises(asyncio.ExceptionGroup, inside, function(tg)
      tg:create_task(function() error("at once", 0) end)
      came_back = asyncio.current_task():cancelling() == 0
    end)
    assert.is_true(came_back)
  end)
end)
