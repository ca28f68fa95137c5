-- Task and create_task: every method, wrong uses, cancellation, subclasses, the end of the process, what the collector does.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

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
    local a, b = create_task(function() end), create_task(function() await(sleep(10)) end)
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
    assert.matches("inner.*awaited by task 'Task%-2':.*outer", output)
  end)
end)
