-- Lock: its methods, scopes, texts and errors. What cancelling does is in cancel_spec.lua.
local asyncio = require "casync"
local process = require "spec.support.process"
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

describe("Lock", function()
  it_awaits("is acquired and released", function()
    local lock = asyncio.Lock()
    assert.is_false(lock:locked())
    assert.is_true(await(lock:acquire()))
    assert.is_true(lock:locked())
    assert.equal(0, select("#", lock:release()))
    assert.is_false(lock:locked())
  end)

  it_awaits("goes to those who wait in order", function() -- K1
    local lock, log = asyncio.Lock(), {}
    await(lock:acquire())
    for i = 1, 3 do
      create_task(function()
        await(lock:acquire())
        log[#log + 1] = i
        await(sleep(1))
        lock:release()
      end)
    end
    await(sleep(1))
    lock:release()
    await(sleep(5))
    assert.same({1, 2, 3}, log)
  end)

  it_awaits("is free when it is released, until the first in line has run", function() -- K2
    local lock = asyncio.Lock()
    await(lock:acquire())
    local task = create_task(lock:acquire())
    await(sleep(1))
    lock:release()
    assert.is_false(lock:locked())
    assert.equal("<Lock [unlocked, waiters:1]>", tostring(lock))
    assert.is_true(await(task))
    assert.is_true(lock:locked())
  end)

  it_awaits("has no owner, and refuses to be released when it is free", function() -- K5
    local lock = asyncio.Lock()
    await(create_task(lock:acquire()))
    lock:release()
    raises(asyncio.RuntimeError, "Lock is not acquired.", lock.release, lock)
    assert.is_false(lock:locked())
    assert.is_true(await(lock:acquire()))
  end)

  it_awaits("does not suspend when it is free", function() -- section 1
    local lock, ran = asyncio.Lock(), false
    asyncio.get_running_loop():call_soon(function() ran = true end)
    for _ = 1, 10 do
      await(lock:acquire())
      lock:release()
    end
    assert.is_false(ran)
  end)

  it_awaits("is a scope that its exit releases, also by an error", function() -- K20
    local lock = asyncio.Lock()
    do
      local held <close> = lock:enter()
      assert.is_true(lock:locked())
      assert.equal(lock, held.object)
    end
    assert.is_false(lock:locked())
    assert.equal("out", asyncio.with(lock, function(...)
      assert.same({}, {...})
      assert.is_true(lock:locked())
      return "out"
    end))
    assert.is_false(pcall(asyncio.with, lock, function() error("in it") end))
    assert.is_false(lock:locked())
  end)

  it_awaits("can be subclassed", function()
    local Counting = asyncio.Lock:subclass("Counting", {
      init = function(self)
        asyncio.Lock.init(self)
        self.times = 0
      end,
      acquire = function(self)
        self.times = self.times + 1
        return asyncio.Lock.acquire(self)
      end,
    })
    local lock = Counting()
    do local _ <close> = lock:enter() end
    assert.equal(1, lock.times)
    assert.equal("<Counting [unlocked]>", tostring(lock))
    assert.is_true(asyncio.isinstance(lock, asyncio.Lock))
  end)

  it_awaits("refuses anything but a lock", function()
    local ok, err = pcall(asyncio.Lock.acquire, asyncio.Event())
    assert.is_false(ok)
    assert.matches("Lock expected", tostring(err))
    assert.is_false(pcall(asyncio.Lock.release, nil))
  end)

  it_awaits("makes an awaitable that is good for once and can be closed", function()
    local lock = asyncio.Lock()
    local acquire = lock:acquire()
    assert.is_true(asyncio.iscoroutine(acquire))
    await(acquire)
    assert.is_false(pcall(await, acquire))
    local unused = lock:acquire()
    unused:close()
    lock:release()
    assert.is_false(lock:locked())
  end)

  it_awaits("can be taken by gather, wait_for, shield and a task", function()
    local lock = asyncio.Lock()
    assert.same({true, n = 1}, await(asyncio.gather(lock:acquire())))
    local waiting = create_task(asyncio.wait_for(lock:acquire(), 5))
    local shielded = asyncio.shield(lock:acquire())
    await(sleep(1))
    lock:release()
    assert.is_true(await(waiting))
    lock:release()
    assert.is_true(await(shielded))
  end)

  it("is bound to the loop of the first wait that blocks", function() -- K6
    local lock = asyncio.Lock()
    testing.run(function() await(lock:acquire()) end)
    testing.run(function()
      lock:release()
      await(lock:acquire())
      local task = create_task(lock:acquire())
      await(sleep(1))
      lock:release()
      await(task)
    end)
    testing.run(function()
      raises(asyncio.RuntimeError, "<Lock [locked]> is bound to a different event loop", await, lock:acquire())
      lock:release()
      assert.is_true(await(lock:acquire()))
    end)
  end)

  it("is free of those whose loop was closed over them", function()
    local lock = asyncio.Lock()
    local loop = testing.new_event_loop()
    loop:set_exception_handler(function() end)
    loop:create_task(function()
      await(lock:acquire())
      create_task(lock:acquire())
      create_task(lock:acquire())
      await(sleep(1))
      lock:release() -- wakes one that never runs
      loop:stop()
    end)
    loop:run_forever()
    assert.equal("<Lock [unlocked, waiters:2]>", tostring(lock))
    loop:close()
    assert.equal("<Lock [unlocked]>", tostring(lock))
    testing.run(function() assert.is_true(await(lock:acquire())) end)
  end)

  it("can be used by a finalizer when its loop has been collected with the whole state", function()
    local output = process.run([[lua5.4 -e '
      local lock
      last = setmetatable({}, {__gc = function() print("finally", lock) end})
      local asyncio = require "casync"
      lock = asyncio.Lock()
      local loop = asyncio.new_event_loop()
      loop:create_task(function()
        asyncio.await(lock:acquire())
        asyncio.create_task(lock:acquire())
        loop:stop()
      end)
      loop:run_forever()
      loop:call_soon(loop.stop, loop)
      loop:run_forever()
      print(lock)']])
    assert.matches("<Lock %[locked, waiters:1%]>", output)
    assert.matches("finally\t<Lock %[locked%]>", output)
  end)

  it_awaits("takes the same time however many wait", function()
    local lock, n, order = asyncio.Lock(), 20000, {}
    await(lock:acquire())
    local tasks = {}
    for i = 1, n do
      tasks[i] = create_task(function()
        await(lock:acquire())
        order[#order + 1] = i
        lock:release()
      end)
    end
    await(sleep(0))
    assert.equal(("<Lock [locked, waiters:%d]>"):format(n), tostring(lock))
    for i = n, 2, -2 do tasks[i]:cancel() end
    await(sleep(0))
    lock:release()
    await(asyncio.wait(tasks))
    assert.equal(n // 2, #order)
    assert.equal(1, order[1])
    assert.equal(n - 1, order[#order])
  end)
end)
