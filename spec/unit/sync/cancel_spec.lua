-- Each operation that waits in line, cancelled at each moment that matters: nothing is lost, and whoever is next goes on.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep = asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

-- make() -> an object that has to be waited for; wait(object), ended by wake(object), which lets one waiter go on;
-- put_back(object): what a waiter that went on does for the next.
local function taken(object)
  await(object:acquire())
  return object
end

local operations = {
  {name = "Lock:acquire", make = function() return taken(asyncio.Lock()) end,
    wait = function(lock) return await(lock:acquire()) end,
    wake = function(lock) lock:release() end},
  {name = "Lock:enter", make = function() return taken(asyncio.Lock()) end,
    wait = function(lock)
      local _ <close> = lock:enter()
      return true
    end,
    wake = function(lock) lock:release() end},
  {name = "Semaphore:acquire", make = function() return asyncio.Semaphore(0) end,
    wait = function(semaphore) return await(semaphore:acquire()) end,
    wake = function(semaphore) semaphore:release() end},
  {name = "BoundedSemaphore:enter", make = function() return taken(asyncio.BoundedSemaphore(1)) end,
    wait = function(semaphore)
      local _ <close> = semaphore:enter()
      return true
    end,
    wake = function(semaphore) semaphore:release() end},
  {name = "Condition:wait", make = asyncio.Condition,
    wait = function(condition)
      local _ <close> = condition:enter()
      return await(condition:wait())
    end,
    wake = function(condition)
      local _ <close> = condition:enter()
      condition:notify()
    end},
  {name = "Condition:acquire", make = function() return taken(asyncio.Condition()) end,
    wait = function(condition) return await(condition:acquire()) end,
    wake = function(condition) condition:release() end},
}

for _, op in ipairs(operations) do
  describe(op.name .. ", cancelled", function()
    local function start(object, name, log)
      return create_task(function()
        local ok, err = pcall(op.wait, object)
        log[#log + 1] = name .. (ok and "" or "!")
        if not ok then error(err, 0) end
        return err
      end)
    end

    local function is_cancelled(task)
      local ok, err = pcall(await, task)
      assert.is_false(ok)
      assert.is_true(asyncio.isinstance(err, asyncio.CancelledError), tostring(err))
    end

    it_awaits("before it starts: it never waits", function()
      local object, log = op.make(), {}
      local task = start(object, "a", log)
      task:cancel()
      is_cancelled(task)
      assert.same({}, log)
    end)

    it_awaits("while it waits: the next one goes on", function()
      local object, log = op.make(), {}
      local a, b = start(object, "a", log), start(object, "b", log)
      await(sleep(1))
      a:cancel("why")
      is_cancelled(a)
      op.wake(object)
      assert.is_true(await(b))
      assert.same({"a!", "b"}, log)
    end)

    it_awaits("in the tick of its wake-up: the next one is woken instead", function()
      local object, log = op.make(), {}
      local a, b = start(object, "a", log), start(object, "b", log)
      await(sleep(1))
      op.wake(object)
      a:cancel()
      is_cancelled(a)
      assert.is_true(await(asyncio.wait_for(b, 5)))
      assert.same({"a!", "b"}, log)
    end)

    it_awaits("in the tick of its wake-up, before it: the next one is woken", function()
      local object, log = op.make(), {}
      local a, b = start(object, "a", log), start(object, "b", log)
      await(sleep(1))
      a:cancel()
      op.wake(object)
      assert.is_true(await(asyncio.wait_for(b, 5)))
      is_cancelled(a)
      assert.same({"a!", "b"}, log)
    end)

    it_awaits("twice: it raises once, and may wait again", function()
      local object, log = op.make(), {}
      local task = create_task(function()
        pcall(op.wait, object)
        log[#log + 1] = "once"
        return op.wait(object)
      end)
      await(sleep(1))
      task:cancel()
      task:cancel()
      await(sleep(1))
      assert.same({"once"}, log)
      assert.equal(2, task:cancelling())
      op.wake(object)
      assert.is_true(await(task))
    end)

    it_awaits("by a timeout", function()
      local object, log = op.make(), {}
      local ok, err = pcall(function() return await(asyncio.wait_for(function() return op.wait(object) end, 2)) end)
      assert.is_false(ok)
      assert.is_true(asyncio.isinstance(err, asyncio.TimeoutError))
      local b = start(object, "b", log)
      await(sleep(1))
      op.wake(object)
      assert.is_true(await(b))
    end)
  end)
end

describe("Event:wait, cancelled", function()
  local function start(event)
    return create_task(function() return await(event:wait()) end)
  end

  it_awaits("while it waits, or when it has been woken, raises; the others are woken", function()
    local event = asyncio.Event()
    local a, b, c = start(event), start(event), start(event)
    await(sleep(1))
    a:cancel()
    event:set()
    b:cancel()
    b:cancel()
    assert.is_true(await(c))
    await(asyncio.wait{a, b})
    assert.is_true(a:cancelled())
    assert.is_true(b:cancelled())
    assert.equal("<Event [set]>", tostring(event))
  end)

  it_awaits("before it starts never waits", function()
    local event = asyncio.Event()
    local a = start(event)
    a:cancel()
    await(asyncio.wait{a})
    assert.equal("<Event [unset]>", tostring(event))
  end)
end)

describe("Barrier:wait, cancelled", function()
  local function start(barrier)
    return create_task(function() return await(barrier:wait()) end)
  end

  it_awaits("while it waits, leaves; the barrier is not broken", function() -- K17
    local barrier = asyncio.Barrier(2)
    local a = start(barrier)
    await(sleep(1))
    assert.equal(1, barrier.n_waiting)
    a:cancel()
    a:cancel()
    await(asyncio.wait{a})
    assert.is_true(a:cancelled())
    assert.equal(0, barrier.n_waiting)
    assert.is_false(barrier.broken)
    local b, c = start(barrier), start(barrier)
    assert.same({0, 1, n = 2}, await(asyncio.gather(b, c)))
  end)

  it_awaits("in the tick of its wake-up, raises; the others go on", function()
    local barrier = asyncio.Barrier(3)
    local a, b = start(barrier), start(barrier)
    await(sleep(1))
    local c = start(barrier)
    await(sleep(0))
    a:cancel()
    assert.same({1, 2, n = 2}, await(asyncio.gather(b, c)))
    await(asyncio.wait{a})
    assert.is_true(a:cancelled())
    assert.equal("<Barrier [filling, waiters:0/3]>", tostring(barrier))
  end)

  it_awaits("before it starts, is not counted", function()
    local barrier = asyncio.Barrier(1)
    local a = start(barrier)
    a:cancel()
    await(asyncio.wait{a})
    assert.equal(0, await(barrier:wait()))
  end)
end)

describe("Condition:wait", function()
  it_awaits("has the lock when it raises, however often it is cancelled meanwhile; the last one is raised", function() -- K9
    local condition, log = asyncio.Condition(), {}
    local task = create_task(function()
      local _ <close> = condition:enter()
      local ok, err = pcall(await, condition:wait())
      log[1] = {ok, err.message, condition:locked()}
    end)
    await(sleep(1))
    await(condition:acquire())
    task:cancel("first")
    await(sleep(1))
    task:cancel("second")
    await(sleep(1))
    assert.same({}, log)
    condition:release()
    await(task)
    assert.same({{false, "second", true}}, log)
    assert.is_false(condition:locked())
  end)

  it_awaits("hands its notification on when it is cancelled after it", function() -- K10
    local condition, log = asyncio.Condition(), {}
    local function waiter(name)
      return create_task(function()
        local _ <close> = condition:enter()
        await(condition:wait())
        log[#log + 1] = name
      end)
    end
    local a = waiter("a")
    local b = waiter("b")
    await(sleep(1))
    await(condition:acquire())
    condition:notify(1)
    condition:release()
    a:cancel()
    await(b)
    assert.is_true(a:cancelled())
    assert.same({"b"}, log)
  end)
end)
