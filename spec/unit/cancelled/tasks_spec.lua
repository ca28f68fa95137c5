-- Everything that waits for tasks is cancelled at each of its suspensions: the tasks that are its own end with it, the others go on.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

local ALL = {"waiting", "completed", "twice", "cleaning"}

local function it_may_be_cancelled(name, f, options)
  options = options or {}
  options.when = options.when or ALL
  it(name, function() assert.is_true(testing.cancel_everywhere(f, options).suspensions > 0) end)
end

-- A child of the function under test that cleans up, which takes time.
local function child(delay)
  local _ <close> = setmetatable({}, {__close = function() await(sleep(0.5)) end})
  await(sleep(delay))
  return delay
end

describe("a task group ends all its children:", function()
  it_may_be_cancelled("as a scope", function()
    local group <close> = asyncio.TaskGroup():enter()
    for i = 1, 3 do group:create_task(child, i) end
    await(sleep(1.5))
  end)

  it_may_be_cancelled("by with, in each other", function()
    asyncio.with(asyncio.TaskGroup(), function(outer)
      outer:create_task(child, 1)
      asyncio.with(asyncio.TaskGroup(), function(inner)
        inner:create_task(child, 2)
        outer:create_task(child, 3)
      end)
      await(sleep(1))
    end)
  end)

  it_may_be_cancelled("also while one of them fails", function()
    local ok, err = pcall(asyncio.with, asyncio.TaskGroup(), function(group)
      group:create_task(child, 5)
      group:create_task(function()
        await(sleep(1))
        error("child")
      end)
      await(sleep(10))
    end)
    assert(not ok)
    if not asyncio.isinstance(err, asyncio.ExceptionGroup) then error(err, 0) end
    await(sleep(1))
  end, {errors = {asyncio.BaseExceptionGroup}})
end)

describe("gather ends its children:", function()
  it_may_be_cancelled("of coroutines", function() await(asyncio.gather(async(child)(1), async(child)(2))) end,
    {check = function() await(sleep(10)) end}) -- it does not wait for the clean-up of all
  it_may_be_cancelled("with return_exceptions", function()
    await(asyncio.gather{async(child)(1), async(child)(2), return_exceptions = true})
  end)
end)

describe("a timeout leaves no timer:", function()
  it_may_be_cancelled("wait_for", function() assert(await(asyncio.wait_for(async(child)(1), 5)) == 1) end)

  it_may_be_cancelled("wait_for that times out", function()
    local ok, err = pcall(await, asyncio.wait_for(async(child)(5), 1))
    assert(not ok)
    if not asyncio.isinstance(err, asyncio.TimeoutError) then error(err, 0) end
    await(sleep(1))
  end)

  it_may_be_cancelled("timeout", function()
    local scope <close> = asyncio.timeout(5):enter()
    await(sleep(1))
    scope:reschedule(asyncio.get_running_loop():time() + 10)
    await(sleep(6))
  end)

  it_may_be_cancelled("timeouts in each other", function()
    local ok, err = pcall(asyncio.with, asyncio.timeout(5), function()
      asyncio.with(asyncio.timeout(2), function() child(10) end)
    end)
    assert(not ok)
    if not asyncio.isinstance(err, asyncio.TimeoutError) then error(err, 0) end
    await(sleep(1))
  end)
end)

describe("the others go on:", function()
  -- Two tasks that must end well whatever becomes of who waits for them.
  local function setup() return create_task(child, 1), create_task(child, 2) end
  local function check(first, second)
    assert.equal(1, await(first))
    assert.equal(2, await(second))
  end

  it_may_be_cancelled("wait", function(first, second) await(asyncio.wait({first, second})) end, {setup = setup, check = check})
  it_may_be_cancelled("wait for the first, with a timeout", function(first, second)
    await(asyncio.wait({first, second}, {return_when = asyncio.FIRST_COMPLETED, timeout = 5}))
  end, {setup = setup, check = check})
  it_may_be_cancelled("as_completed", function(first, second)
    for task in asyncio.as_completed({first, second}, {timeout = 10}) do await(task) end
  end, {setup = setup, check = check})
  it_may_be_cancelled("as_completed():plain()", function(first, second)
    for coro in asyncio.as_completed({first, second}):plain() do await(coro) end
  end, {setup = setup, check = check, leaks = {reports = false}}) -- the coroutines that are left
  it_may_be_cancelled("shield", function(first, second)
    await(asyncio.shield(first))
    await(asyncio.shield(second))
  end, {setup = setup, check = check})
end)

it_may_be_cancelled("a task that is awaited is cancelled with who awaits it", function()
  await(create_task(child, 1))
  await(create_task(function() return await(create_task(child, 1)) end))
end)

it_may_be_cancelled("a staggered race ends its runners", function()
  local race = require "casync.tasks.staggered".staggered_race
  await(race({function() child(3) end, function() child(4) end, function() child(2) end}, 1))
end)

describe("a generator is closed:", function()
  local function numbers(closed)
    return asyncio.generator(function(yield)
      local _ <close> = setmetatable({}, {__close = function()
        await(sleep(0.5))
        closed[#closed + 1] = true
      end})
      for i = 1, 3 do
        await(sleep(1))
        yield(i)
      end
    end)()
  end

  it_may_be_cancelled("in the head of a loop", function(closed)
    for number in numbers(closed) do await(sleep(number)) end
  end, {setup = function() return {} end, when = {"waiting", "completed", "twice"}})

  it_may_be_cancelled("by its user", function(closed)
    local generator = numbers(closed)
    local _ <close> = setmetatable({}, {__close = function() await(generator:aclose()) end})
    assert(await(generator:asend()) == 1)
    pcall(await, generator:athrow(asyncio.ValueError("x")))
  end, {setup = function() return {} end, when = {"waiting"}, swallows = true})
end)
