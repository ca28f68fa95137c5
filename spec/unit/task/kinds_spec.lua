-- Task and create_task: every method, wrong uses, cancellation, subclasses, the end of the process, what the collector does.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

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

  it("lets KeyboardInterrupt out, which is also reported", testing.async(function()
    raises(asyncio.KeyboardInterrupt, eager, function() error(asyncio.KeyboardInterrupt(), 0) end)
  end, {leaks = {reports = false}}))

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

  it("of endless nesting ends by an error that can be caught", testing.async(function()
    local function down() return eager(down):result() end
    local ok, err = pcall(down)
    assert.is_false(ok)
    assert.matches("stack overflow", tostring(err))
  end, {leaks = {reports = false}})) -- the last one has not begun
end)
