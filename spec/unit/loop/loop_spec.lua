-- Loops: running to a result, stopping, the task factory, shutting down, closing.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep = asyncio.await, asyncio.async, asyncio.sleep

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- Calls f with a new virtual loop and closes it.
local function it_with_loop(name, f)
  it(name, function()
    local loop = testing.new_event_loop()
    f(loop)
    loop:close()
  end)
end

-- Collects what the exception handler is told.
local function reports(loop)
  local list = {}
  loop:set_exception_handler(function(_, context) list[#list + 1] = context end)
  return list
end

describe("run_until_complete", function()
  it_with_loop("gives all results of a coroutine object", function(loop)
    assert.same({1, 2}, {loop:run_until_complete(async(function() return 1, 2 end)())})
  end)

  it_with_loop("calls a function with what follows", function(loop)
    assert.equal(3, loop:run_until_complete(function(a, b) await(sleep(1)) return a + b end, 1, 2))
  end)

  it_with_loop("takes a future of its loop", function(loop)
    local future = loop:create_future()
    loop:call_later(1, future.set_result, future, "x")
    assert.equal("x", loop:run_until_complete(future))
  end)

  it_with_loop("takes a future that is done", function(loop)
    local future = loop:create_future()
    future:set_result("x")
    assert.equal("x", loop:run_until_complete(future))
  end)

  it_with_loop("takes an object with __await", function(loop)
    assert.equal("x", loop:run_until_complete(setmetatable({}, {__await = function() return "x" end})))
  end)

  it_with_loop("raises the error, unchanged", function(loop)
    local mine = asyncio.ValueError("mine")
    assert.equal(mine, raises(asyncio.ValueError, loop.run_until_complete, loop, function() error(mine, 0) end))
  end)

  it_with_loop("raises CancelledError of a cancelled task", function(loop)
    local task = loop:create_task(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, loop.run_until_complete, loop, task)
  end)

  it_with_loop("raises RuntimeError when the loop was stopped before", function(loop)
    loop:call_later(1, loop.stop, loop)
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, loop:create_future())
    assert.equal("Event loop stopped before Future completed.", err.message)
  end)

  it_with_loop("returns a result although stop was pending, if one iteration is enough", function(loop)
    loop:stop()
    local future = loop:create_future()
    future:set_result("x")
    assert.equal("x", loop:run_until_complete(future))
  end)

  it_with_loop("leaves no callback on the future", function(loop)
    local future = loop:create_future()
    loop:call_later(1, loop.stop, loop)
    pcall(loop.run_until_complete, loop, future)
    future:set_result()
    loop:call_later(1, loop.stop, loop)
    loop:run_forever()
    assert.equal(2, loop:time())
  end)

  it_with_loop("reports no task that it made itself", function(loop)
    local told = reports(loop)
    loop:call_later(1, loop.stop, loop)
    pcall(loop.run_until_complete, loop, sleep(5))
    loop:close()
    assert.same({}, told)
  end)

  it_with_loop("raises KeyboardInterrupt of the task and reports nothing", function(loop)
    local told = reports(loop)
    raises(asyncio.KeyboardInterrupt, loop.run_until_complete, loop, function() error(asyncio.KeyboardInterrupt(), 0) end)
    collectgarbage()
    collectgarbage()
    loop:close()
    assert.same({}, told)
  end)

  it_with_loop("can go on after SystemExit of a callback", function(loop)
    loop:call_soon(function() error(asyncio.SystemExit(3), 0) end)
    local task = loop:create_task(sleep(1, "x"))
    raises(asyncio.SystemExit, loop.run_until_complete, loop, task)
    assert.equal("x", loop:run_until_complete(task))
  end)
end)

describe("run_until_complete refuses", function()
  it_with_loop("what cannot be awaited", function(loop)
    raises(asyncio.TypeError, loop.run_until_complete, loop, 5)
  end)

  it_with_loop("a future of another loop", function(loop)
    local other = testing.new_event_loop()
    raises(asyncio.ValueError, loop.run_until_complete, loop, other:create_future())
    other:close()
  end)

  it_with_loop("to run while it runs", function(loop)
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, function()
      loop:run_until_complete(function() return nil end)
    end)
    assert.equal("This event loop is already running", err.message)
  end)

  it_with_loop("to run while another loop runs", function(loop)
    local other = testing.new_event_loop()
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, function()
      other:run_until_complete(function() return nil end)
    end)
    assert.equal("Cannot run the event loop while another loop is running", err.message)
    other:close()
  end)

  it("to run when closed", function()
    local loop = testing.new_event_loop()
    loop:close()
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, print)
    assert.equal("Event loop is closed", err.message)
  end)
end)

describe("run_forever", function()
  it_with_loop("runs until stop", function(loop)
    local n = 0
    local function tick()
      n = n + 1
      if n == 3 then loop:stop() else loop:call_later(1, tick) end
    end
    loop:call_soon(tick)
    loop:run_forever()
    assert.equal(3, n)
    assert.equal(2, loop:time())
  end)

  it_with_loop("runs one iteration when stopped before", function(loop)
    local ran = {}
    loop:call_soon(function()
      ran[#ran + 1] = "first"
      loop:call_soon(function() ran[#ran + 1] = "second" end)
    end)
    loop:stop()
    loop:run_forever()
    assert.same({"first"}, ran)
  end)

  it_with_loop("is running meanwhile, and the running loop", function(loop)
    local seen
    loop:call_soon(function()
      seen = loop:is_running() and asyncio.get_running_loop() == loop
      loop:stop()
    end)
    assert.is_false(loop:is_running())
    loop:run_forever()
    assert.is_true(seen)
    assert.is_false(loop:is_running())
  end)

  it_with_loop("is refused while it runs", function(loop)
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, function() loop:run_forever() end)
    assert.equal("This event loop is already running", err.message)
  end)
end)

describe("the task factory", function()
  it_with_loop("is nil at first and can be read back", function(loop)
    assert.is_nil(loop:get_task_factory())
    loop:set_task_factory(print)
    assert.equal(print, loop:get_task_factory())
    loop:set_task_factory(nil)
    assert.is_nil(loop:get_task_factory())
  end)

  it_with_loop("makes the tasks, and gets options only if there are some", function(loop)
    local seen = {}
    loop:set_task_factory(function(l, coro, options)
      seen[#seen + 1] = options and options.name or "none"
      return asyncio.Task(coro, {loop = l, name = options and options.name})
    end)
    loop:run_until_complete(async(function()
      await(asyncio.create_task(sleep(0)))
      await(asyncio.create_task(sleep(0), {name = "named"}))
    end)())
    assert.same({"none", "none", "named"}, seen)
  end)

  it_with_loop("must be callable", function(loop)
    local err = raises(asyncio.TypeError, loop.set_task_factory, loop, 5)
    assert.equal("bad argument #1 to 'set_task_factory' (function expected, got number)", err.message)
  end)
end)

describe("shutdown_asyncgens", function()
  it_with_loop("is a coroutine that does nothing without generators", function(loop)
    local coro = loop:shutdown_asyncgens()
    assert.is_true(asyncio.iscoroutine(coro))
    assert.is_nil(loop:run_until_complete(coro))
  end)
end)

describe("shutdown_asyncgens with open generators", function()
  -- What generator.lua keeps in the loop: objects with aclose, by the number of their beginning.
  local function open_generators(loop, closings)
    loop._asyncgens = setmetatable({}, {__mode = "k"})
    local kept = {}
    for number, aclose in ipairs(closings) do
      kept[number] = {aclose = async(aclose)}
      loop._asyncgens[kept[number]] = number
    end
    return kept
  end

  it_with_loop("closes them in the order in which they began, and waits", function(loop)
    local order, closings = {}, {}
    for i = 1, 10 do
      closings[i] = function()
        order[#order + 1] = i
        await(sleep(1))
      end
    end
    local kept = open_generators(loop, closings)
    loop:run_until_complete(loop:shutdown_asyncgens())
    assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, order)
    assert.equal(1, loop:time())
    assert.equal(10, #kept)
  end)

  it_with_loop("reports those that fail, but not cancellations", function(loop)
    local told = reports(loop)
    local kept = open_generators(loop, {
      function() error("text", 0) end,
      function() error(asyncio.CancelledError(), 0) end,
    })
    loop:run_until_complete(loop:shutdown_asyncgens())
    assert.equal(1, #told)
    assert.matches("^an error occurred during closing of asynchronous generator", told[1].message)
    assert.equal("text", told[1].exception)
    assert.equal(kept[1], told[1].asyncgen)
  end)
end)

describe("shutdown_default_executor", function()
  it_with_loop("is a coroutine that does nothing without an executor", function(loop)
    local coro = loop:shutdown_default_executor(5)
    assert.is_true(asyncio.iscoroutine(coro))
    assert.is_nil(loop:run_until_complete(coro))
  end)
end)

describe("close", function()
  it("can be called again", function()
    local loop = testing.new_event_loop()
    assert.is_false(loop:is_closed())
    loop:close()
    loop:close()
    assert.is_true(loop:is_closed())
  end)

  it_with_loop("is refused while the loop runs", function(loop)
    local err = raises(asyncio.RuntimeError, loop.run_until_complete, loop, function() loop:close() end)
    assert.equal("Cannot close a running event loop", err.message)
  end)

  it("drops what is queued", function()
    local loop, ran = testing.new_event_loop(), false
    loop:call_soon(function() ran = true end)
    loop:close()
    assert.is_false(ran)
  end)

  it("reports tasks that are pending", function()
    local loop = testing.new_event_loop()
    local told = reports(loop)
    local task = loop:create_task(sleep(1))
    loop:call_soon(loop.stop, loop)
    loop:run_forever()
    loop:close()
    assert.equal(1, #told)
    assert.equal("Task was destroyed but it is pending!", told[1].message)
    assert.equal(task, told[1].task)
  end)

  it("makes later calls fail", function()
    local loop = testing.new_event_loop()
    loop:close()
    for _, call in ipairs{
      function() loop:call_soon(print) end,
      function() loop:call_later(1, print) end,
      function() loop:call_at(1, print) end,
      function() loop:create_task(print) end,
      function() loop:run_forever() end,
    } do
      assert.equal("Event loop is closed", raises(asyncio.RuntimeError, call).message)
    end
  end)
end)
