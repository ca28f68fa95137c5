-- Everything that waits in line is cancelled at each of its suspensions: nothing is left, lost or held.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task

local ALL = {"waiting", "completed", "twice", "cleaning"}

-- A test: f is cancelled everywhere; options as those of cancel_everywhere.
local function it_may_be_cancelled(name, f, options)
  options = options or {}
  options.when = ALL
  it(name, function() assert.is_true(testing.cancel_everywhere(f, options).suspensions > 0) end)
end

-- Somebody who comes after the one that is cancelled must be served.
local function serves(f) await(asyncio.wait_for(f, 100)) end

describe("a lock may be waited for and held:", function()
  -- It is held by another task for a while.
  local function busy_lock()
    local lock = asyncio.Lock()
    local other = create_task(function()
      local _ <close> = lock:enter()
      await(sleep(2))
    end)
    await(sleep(0))
    return lock, other
  end

  local function check(lock, other)
    serves(function()
      await(lock:acquire())
      lock:release()
    end)
    if other then await(other) end
    assert.is_false(lock:locked())
  end

  it_may_be_cancelled("by enter()", function(lock)
    local _ <close> = lock:enter()
    await(sleep(1))
  end, {setup = busy_lock, check = check})

  it_may_be_cancelled("by with", function(lock)
    asyncio.with(lock, function() await(sleep(1)) end)
  end, {setup = busy_lock, check = check})

  it_may_be_cancelled("by acquire() and release(), with others behind", function(lock)
    local behind = create_task(function() asyncio.with(lock, function() end) end)
    local _ <close> = setmetatable({}, {__close = function() behind:cancel() end})
    await(lock:acquire())
    local _ <close> = setmetatable({}, {__close = function() lock:release() end})
    await(sleep(1))
  end, {setup = busy_lock, check = check})
end)

it_may_be_cancelled("an event may be waited for", function(event)
  await(event:wait())
  await(sleep(1))
  await(event:wait())
end, {
  setup = function()
    local event = asyncio.Event()
    return event, create_task(function()
      await(sleep(1))
      event:set()
    end)
  end,
  check = function(event, other)
    await(other)
    assert.is_true(event:is_set())
  end,
})

for _, class in ipairs{"Semaphore", "BoundedSemaphore"} do
  it_may_be_cancelled(("a %s may be waited for and held"):format(class), function(semaphore)
    local _ <close> = semaphore:enter()
    await(sleep(1))
  end, {
    setup = function()
      local semaphore = asyncio[class](2)
      local others = {}
      for i = 1, 3 do
        others[i] = create_task(function() asyncio.with(semaphore, function() await(sleep(i)) end) end)
      end
      await(sleep(0))
      return semaphore, others
    end,
    check = function(semaphore, others)
      await(asyncio.gather(others))
      serves(function() -- both places are free
        await(semaphore:acquire())
        await(semaphore:acquire())
      end)
      assert.is_true(semaphore:locked())
    end,
  })
end

describe("a condition may be waited for:", function()
  local function setup()
    local condition, state = asyncio.Condition(), {n = 0}
    local other = create_task(function()
      for i = 1, 3 do
        await(sleep(1))
        local _ <close> = condition:enter()
        state.n = i
        condition:notify()
        await(sleep(0.5)) -- whoever is woken has to wait for the lock
      end
    end)
    return condition, state, other
  end

  local function check(condition, _, other)
    await(other)
    assert.is_false(condition:locked())
    local woken = create_task(function()
      local _ <close> = condition:enter()
      await(condition:wait())
    end)
    await(sleep(1))
    asyncio.with(condition, function() condition:notify() end)
    serves(function() await(woken) end)
  end

  it_may_be_cancelled("by wait()", function(condition)
    local _ <close> = condition:enter()
    await(condition:wait())
    assert.is_true(condition:locked())
    await(sleep(0.1))
  end, {setup = setup, check = check})

  it_may_be_cancelled("by wait_for()", function(condition, state)
    local _ <close> = condition:enter()
    await(condition:wait_for(function() return state.n == 3 end))
  end, {setup = setup, check = check})
end)

it_may_be_cancelled("a barrier may be waited for", function(barrier)
  await(barrier:wait())
  await(sleep(1))
  await(barrier:wait())
end, {
  setup = function()
    local barrier = asyncio.Barrier(2)
    return barrier, create_task(function()
      await(sleep(1))
      asyncio.pcall(await, barrier:wait())
      await(sleep(2))
      asyncio.pcall(await, barrier:wait())
    end)
  end,
  check = function(barrier, other)
    await(sleep(10))
    other:cancel()
    await(asyncio.wait({other}))
    serves(function() await(barrier:reset()) end)
    assert.equal(0, barrier.n_waiting)
  end,
})

describe("a queue may be used:", function()
  for _, class in ipairs{"Queue", "PriorityQueue", "LifoQueue"} do
    -- Items are neither lost nor doubled: what `seen` has and what is left in the queue are all.
    it_may_be_cancelled(("get() of a %s"):format(class), function(queue, seen)
      for _ = 1, 3 do
        local item = await(queue:get())
        seen[#seen + 1] = item
      end
    end, {
      setup = function()
        local queue = asyncio[class](1)
        return queue, {}, create_task(function()
          for i = 1, 3 do
            await(sleep(1))
            await(queue:put(i))
          end
        end)
      end,
      check = function(queue, seen, putter)
        local function take() seen[#seen + 1] = await(queue:get()) end
        while #seen < 3 do serves(take) end
        await(putter)
        assert.is_true(queue:empty())
        table.sort(seen)
        assert.same({1, 2, 3}, seen)
      end,
    })

    it_may_be_cancelled(("put() of a %s"):format(class), function(queue, put)
      for i = 1, 3 do
        await(queue:put(i))
        put[#put + 1] = i
      end
    end, {
      setup = function()
        local queue = asyncio[class](1)
        local got = {}
        return queue, {}, got, create_task(function()
          while true do
            await(sleep(1))
            got[#got + 1] = await(queue:get())
          end
        end)
      end,
      check = function(_, put, got, getter)
        await(sleep(10))
        getter:cancel()
        await(asyncio.wait({getter}))
        table.sort(got)
        -- What a put() was cancelled for has not been put; what it has returned for has.
        assert.same(put, got)
      end,
    })
  end

  it_may_be_cancelled("join()", function(queue) await(queue:join()) end, {
    setup = function()
      local queue = asyncio.Queue()
      for i = 1, 3 do queue:put_nowait(i) end
      return queue, create_task(function()
        for _ = 1, 3 do
          await(queue:get())
          await(sleep(1))
          queue:task_done()
        end
      end)
    end,
    check = function(queue, worker)
      await(worker)
      serves(function() await(queue:join()) end)
    end,
  })

  it_may_be_cancelled("items()", function(queue, seen)
    for item in queue:items() do seen[#seen + 1] = item end
  end, {
    setup = function()
      local queue = asyncio.Queue()
      return queue, {}, create_task(function()
        for i = 1, 3 do
          await(sleep(1))
          queue:put_nowait(i)
        end
        queue:shutdown()
      end)
    end,
    check = function(queue, seen, putter)
      await(putter)
      for item in queue:items() do seen[#seen + 1] = item end
      assert.same({1, 2, 3}, seen)
    end,
  })
end)
