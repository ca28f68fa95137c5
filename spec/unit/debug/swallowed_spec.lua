-- lua/casync/debug/mode/swallowed.lua: in debug mode, a task that swallows its cancellation and awaits again is told of.
local asyncio = require "casync"
local debugging = require "spec.support.debugging"
local async, await, sleep, kw = asyncio.async, asyncio.await, asyncio.sleep, asyncio.kw

local HERE = "spec/unit/debug/swallowed_spec.lua"

local function line() return debug.getinfo(2, "l").currentline end

-- The reports about a task that runs f, which is cancelled after a second, and again whenever it awaits for longer than an hour.
local function cancelled(f, opts)
  local reports = debugging(function()
    local task = asyncio.create_task(f, kw{name = "it"})
    local outer = asyncio.create_task(function() pcall(await, task) end)
    await(sleep(1))
    task:cancel()
    await(asyncio.wait({outer}, {timeout = 3600}))
    while not task:done() do
      task:cancel()
      await(sleep(3600))
    end
    await(outer)
  end, opts)
  return reports
end

describe("a task that swallowed its cancellation is told of", function()
  it("where it awaits again", function()
    local first, second
    local reports = cancelled(function()
      first = line() + 1
      pcall(await, sleep(10))
      second = line() + 1
      await(sleep(10))
    end)
    assert.equal(1, #reports)
    local report = reports[1]
    assert.equal("Task swallowed its cancellation and awaits again", report.message)
    assert.equal("it", report.task:get_name())
    assert.equal(HERE .. ":" .. first, report.cancelled_at)
    assert.equal(HERE .. ":" .. second, report.awaits_at)
    assert.matches("^\t" .. HERE:gsub("%p", "%%%0") .. ":%d+: in ", report.source_traceback)
  end)

  it("in a loop that never ends", function()
    local awaits
    local reports = cancelled(function()
      local n = 0
      while n < 5 do
        n = n + 1
        awaits = line() + 1
        local ok = pcall(await, sleep(10))
        n = ok and n or n + 1
      end
    end)
    assert.equal(1, #reports)
    assert.equal(HERE .. ":" .. awaits, reports[1].awaits_at)
  end)

  it("when another function swallowed it", function()
    local function helper()
      local ok, err = pcall(await, sleep(10))
      return ok, tostring(err)
    end
    local awaits
    local reports = cancelled(function()
      helper()
      awaits = line() + 1
      await(sleep(1))
    end)
    assert.equal(1, #reports)
    assert.equal(HERE .. ":" .. awaits, reports[1].awaits_at)
  end)

  it("when it kept the error and returned at last, with the place where it first awaited", function()
    local awaits
    local reports = cancelled(function()
      local ok, err = pcall(await, sleep(10))
      awaits = line() + 1
      await(sleep(1))
      await(sleep(1))
      return ok, err
    end)
    assert.equal(1, #reports)
    assert.equal(HERE .. ":" .. awaits, reports[1].awaits_at)
    assert.is_true(reports[1].task:done())
  end)

  it("once for each cancellation", function()
    local reports = cancelled(function()
      pcall(await, sleep(10))
      pcall(await, sleep(5 * 3600))
      await(sleep(1))
      await(sleep(1))
    end)
    assert.equal(2, #reports)
    assert.is_true(reports[1].awaits_at < reports[2].awaits_at)
  end)

  it("in a coroutine of its own, a coroutine object, a queue's get", function()
    for _, body in ipairs{
      function() coroutine.wrap(function() pcall(await, sleep(10)) await(sleep(1)) end)() end,
      function() await(async(function() pcall(await, sleep(10)) await(sleep(1)) end)()) end,
      function() pcall(await, asyncio.Queue():get()) await(sleep(1)) end,
      function() pcall(await, asyncio.get_running_loop():create_future()) await(sleep(1)) end,
      function() pcall(await, asyncio.create_task(function() await(sleep(10)) end)) await(sleep(1)) end,
    } do
      assert.equal(1, #cancelled(body))
    end
  end)

  it("in debug mode only", function()
    assert.same({}, cancelled(function() pcall(await, sleep(10)) await(sleep(1)) end, {debug = false}))
  end)
end)

describe("a task is not told of", function()
  local function it_is_fine(name, body)
    it("when it " .. name, function()
      local messages = {}
      for _, report in ipairs(cancelled(body)) do messages[#messages + 1] = report.message end
      assert.same({}, messages)
    end)
  end

  it_is_fine("ends as it was told", function() await(sleep(10)) end)

  it_is_fine("returns at once", function() pcall(await, sleep(10)) end)

  it_is_fine("cleans up and raises the error again", function()
    local ok, err = pcall(await, sleep(10))
    await(sleep(1))
    await(sleep(1))
    if not ok then error(err, 0) end
  end)

  it_is_fine("cleans up in a function that is given the error", function()
    local function clean_up(_, ...)
      await(sleep(1))
      return ...
    end
    error(clean_up(nil, select(2, pcall(await, sleep(10)))), 0)
  end)

  it_is_fine("cleans up in a <close> variable", function()
    local _ <close> = setmetatable({}, {__close = function() await(sleep(1)) await(sleep(1)) end})
    await(sleep(10))
  end)

  it_is_fine("cleans up in <close> variables of its functions and coroutine objects", function()
    local function scope() return setmetatable({}, {__close = function() await(sleep(1)) end}) end
    local _ <close> = scope()
    pcall(error, "before")
    asyncio.pcall(function()
      local _ <close> = scope()
      await(async(function()
        local _ <close> = scope()
        coroutine.wrap(function() await(sleep(10)) end)()
      end)())
    end)
  end)

  it_is_fine("fails while it cleans up", function()
    local ok, err = asyncio.pcall(function()
      local _, cancelled_error = pcall(await, sleep(10))
      await(sleep(1))
      error(cancelled_error, 0)
    end)
    return ok, err
  end)

  it_is_fine("takes the request back", function()
    pcall(await, sleep(10))
    asyncio.current_task():uncancel()
    await(sleep(1))
  end)

  it_is_fine("is in a timeout, whose request is its own", function()
    pcall(function()
      local _ <close> = asyncio.timeout(0.5):enter()
      local _ <close> = setmetatable({}, {__close = function() await(sleep(0.1)) end})
      await(sleep(10))
    end)
    pcall(await, asyncio.wait_for(sleep(10), 0.1))
    await(sleep(10))
  end)

  it_is_fine("is in a task group", function()
    local group <close> = asyncio.TaskGroup():enter()
    group:create_task(function()
      local _ <close> = setmetatable({}, {__close = function() await(sleep(1)) end})
      await(sleep(10))
    end)
    await(sleep(10))
  end)

  it_is_fine("has a child in its group that failed", function()
    asyncio.pcall(function()
      local group <close> = asyncio.TaskGroup():enter()
      group:create_task(function() await(sleep(0.5)) error("child") end)
      group:create_task(function()
        local _ <close> = setmetatable({}, {__close = function() await(sleep(0.1)) end})
        await(sleep(10))
      end)
      await(sleep(10))
    end)
    await(sleep(10))
  end)

  it_is_fine("waits for a condition, whose lock it takes again", function()
    local condition = asyncio.Condition()
    asyncio.create_task(function()
      await(sleep(0.5))
      local _ <close> = condition:enter()
      await(sleep(3))
    end)
    local _ <close> = condition:enter()
    await(condition:wait())
  end)

  it_is_fine("awaits in a generator that cleans up", function()
    local numbers = asyncio.generator(function(yield)
      local _ <close> = setmetatable({}, {__close = function() await(sleep(1)) end})
      yield(1)
      await(sleep(10))
    end)
    for _ in numbers() do await(sleep(0)) end
  end)

  it_is_fine("leaves a generator that cleans up", function()
    local numbers = asyncio.generator(function(yield)
      local _ <close> = setmetatable({}, {__close = function() await(sleep(1)) end})
      yield(1)
    end)
    for _ in numbers() do await(sleep(10)) end
  end)

  it_is_fine("awaits another that swallowed it", function()
    await(asyncio.shield(sleep(2)))
  end)

  it("whose request another task has swallowed", function()
    local reports = cancelled(function()
      await(asyncio.create_task(function()
        pcall(await, sleep(10))
        await(sleep(1))
      end, kw{name = "inner"}))
      await(sleep(1))
    end)
    assert.equal(1, #reports)
    assert.equal("inner", reports[1].task:get_name())
  end)
end)
