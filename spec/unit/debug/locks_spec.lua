-- lua/casync/debug/mode/locks.lua: in debug mode, a lock that is held by a task which has ended is told of.
local asyncio = require "casync"
local debugging = require "spec.support.debugging"
local async, await, sleep, kw = asyncio.async, asyncio.await, asyncio.sleep, asyncio.kw

local HERE = "spec/unit/debug/locks_spec%.lua"

local function line() return debug.getinfo(2, "l").currentline end

-- What is told of a task that runs f with a lock.
local function told(f, opts)
  return debugging(function()
    local lock = asyncio.Lock()
    pcall(await, asyncio.create_task(f, lock, kw{name = "it"}))
  end, opts)
end

describe("a lock that a task has when it ends", function()
  it("is told of, with the task, the lock, and where it was taken and made", function()
    local made, taken, lock
    local reports, logged = debugging(function()
      made = line() + 1
      lock = asyncio.Lock()
      await(asyncio.create_task(function()
        taken = line() + 1
        await(lock:acquire())
      end, kw{name = "it"}))
    end)
    assert.equal(1, #reports)
    local report = reports[1]
    assert.equal("Task has ended and still holds a lock", report.message)
    assert.equal(lock, report.lock)
    assert.equal("it", report.task:get_name())
    assert.matches(("^\t%s:%d: in "):format(HERE, taken), report.lock_traceback)
    assert.matches(("^\t%s:%d: in "):format(HERE, made), report.source_traceback)
    assert.is_true(lock:locked())
    assert.same({}, logged)
  end)

  it("is logged with both places", function()
    local _, logged = debugging(function()
      asyncio.get_running_loop():set_exception_handler(nil)
      local lock = asyncio.Lock()
      await(asyncio.create_task(function() await(lock:acquire()) end))
    end)
    assert.equal(1, #logged)
    assert.matches("\nlock: <Lock %[locked%]>\nlock_traceback: Lock acquired at:\n\t" .. HERE, logged[1])
    assert.matches("\nsource_traceback: Object created at:\n\t" .. HERE, logged[1])
  end)

  it("is told of when the task waited for it, failed, was cancelled, or was eager", function()
    for _, body in ipairs{
      function(lock)
        asyncio.create_task(function()
          local _ <close> = lock:enter()
          await(sleep(1))
        end)
        await(sleep(0))
        await(lock:acquire())
      end,
      function(lock) await(lock:acquire()) error("oops", 0) end,
      function(lock) await(lock:acquire()) asyncio.current_task():cancel() await(sleep(1)) end,
      function(lock)
        asyncio.Task(async(function() await(lock:acquire()) end)(), {eager_start = true})
        await(sleep(0))
      end,
      function(lock) await(asyncio.wait_for(lock:acquire(), 1)) end,
    } do
      assert.equal(1, #told(body))
    end
  end)

  it("is told of when it is a condition's", function()
    local condition
    local reports = told(function()
      condition = asyncio.Condition()
      await(condition:acquire())
      asyncio.create_task(function()
        local _ <close> = condition:enter()
        condition:notify()
      end)
      await(condition:wait())
    end)
    assert.equal(1, #reports)
    assert.is_true(condition:locked())
  end)

  it("is told of once for each lock, in the order in which they were taken", function()
    local a, b, c = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
    local reports = told(function()
      for _, lock in ipairs{a, b, c} do await(lock:acquire()) end
      b:release()
    end)
    assert.equal(2, #reports)
    assert.equal(a, reports[1].lock)
    assert.equal(c, reports[2].lock)
  end)

  it("is not told of out of debug mode", function()
    assert.same({}, told(function(lock) await(lock:acquire()) end, {debug = false}))
  end)
end)

describe("a lock is not told of", function()
  local function it_is_fine(name, body)
    it("when " .. name, function() assert.same({}, told(body)) end)
  end

  it_is_fine("it was released", function(lock)
    await(lock:acquire())
    await(sleep(1))
    lock:release()
  end)

  it_is_fine("the end of its scope released it", function(lock)
    local _ <close> = lock:enter()
    await(sleep(1))
    error("oops", 0)
  end)

  it_is_fine("another task released it before", function(lock)
    await(lock:acquire())
    await(asyncio.create_task(function() lock:release() end))
  end)

  it_is_fine("another task has it by now", function(lock)
    await(lock:acquire())
    asyncio.create_task(function()
      local _ <close> = lock:enter()
      await(sleep(1))
    end)
    await(sleep(0))
    lock:release()
    await(sleep(0))
  end)

  it_is_fine("the wait for it was cancelled", function(lock)
    local holder = asyncio.create_task(function()
      local _ <close> = lock:enter()
      await(sleep(2))
    end)
    await(sleep(0))
    pcall(await, asyncio.wait_for(lock:acquire(), 1))
    await(holder)
  end)
end)
