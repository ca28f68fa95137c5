-- Condition: waiting, notifying, its lock. What cancelling does is in cancel_spec.lua.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep = asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  assert.equal(text, err.message)
end

-- Tasks that wait for the condition and note their number.
local function waiters(condition, n, log)
  local tasks = {}
  for i = 1, n do
    tasks[i] = create_task(function()
      local _ <close> = condition:enter()
      assert.is_true(await(condition:wait()))
      assert.is_true(condition:locked())
      log[#log + 1] = i
    end)
  end
  await(sleep(1))
  return tasks
end

describe("Condition", function()
  it_awaits("wakes the oldest, one unless told otherwise", function() -- K8, K11
    local condition, log = asyncio.Condition(), {}
    local tasks = waiters(condition, 4, log)
    assert.equal("<Condition [unlocked, waiters:4]>", tostring(condition))
    await(condition:acquire())
    condition:notify()
    await(sleep(1))
    assert.same({}, log) -- until the lock is released
    condition:release()
    await(sleep(1))
    assert.same({1}, log)
    asyncio.with(condition, function() condition:notify(2) end)
    await(sleep(1))
    assert.same({1, 2, 3}, log)
    asyncio.with(condition, function() condition:notify_all() end)
    await(asyncio.wait(tasks))
    assert.same({1, 2, 3, 4}, log)
  end)

  it_awaits("forgets a notification that nobody waits for", function() -- K11
    local condition, log = asyncio.Condition(), {}
    asyncio.with(condition, function()
      condition:notify_all()
      condition:notify(5)
    end)
    local tasks = waiters(condition, 1, log)
    assert.same({}, log)
    asyncio.with(condition, function() condition:notify(0) end)
    await(sleep(1))
    assert.same({}, log)
    asyncio.with(condition, function() condition:notify(5) end)
    await(tasks[1])
  end)

  it_awaits("demands that the lock is held, by whomever", function() -- K8
    local condition = asyncio.Condition()
    raises(asyncio.RuntimeError, "cannot wait on un-acquired lock", await, condition:wait())
    raises(asyncio.RuntimeError, "cannot notify on un-acquired lock", condition.notify, condition)
    raises(asyncio.RuntimeError, "cannot notify on un-acquired lock", condition.notify_all, condition)
    await(create_task(condition:acquire()))
    condition:notify()
    assert.equal("<Condition [locked]>", tostring(condition))
  end)

  it_awaits("stands on the lock that it is given", function()
    local lock = asyncio.Lock()
    local one, other = asyncio.Condition(lock), asyncio.Condition(lock)
    await(one:acquire())
    assert.is_true(other:locked())
    assert.is_true(lock:locked())
    other:release()
    assert.is_false(lock:locked())
    assert.is_false(pcall(asyncio.Condition, 5))
  end)

  it_awaits("wait_for ends with the predicate's value", function() -- K12
    local condition, value, asked = asyncio.Condition(), nil, 0
    local task = create_task(function()
      local _ <close> = condition:enter()
      return await(condition:wait_for(function()
        asked = asked + 1
        return value
      end))
    end)
    await(sleep(1))
    asyncio.with(condition, function() condition:notify() end)
    await(sleep(1))
    value = "there"
    asyncio.with(condition, function() condition:notify() end)
    assert.equal("there", await(task))
    assert.equal(3, asked)
    assert.is_false(pcall(await, condition:wait_for(1)))
  end)

  it_awaits("can be subclassed", function()
    local Own = asyncio.Condition:subclass("Own")
    assert.equal("<Own [unlocked]>", tostring(Own()))
  end)

  it("is bound to the loop of its first wait, and keeps the lock when it says so", function() -- K6
    local condition = asyncio.Condition()
    testing.run(function() await(waiters(condition, 1, {})[1]:cancel() and sleep(1)) end)
    testing.run(function()
      await(condition:acquire())
      raises(asyncio.RuntimeError, "<Condition [locked]> is bound to a different event loop", await, condition:wait())
      assert.is_true(condition:locked())
    end)
  end)
end)
