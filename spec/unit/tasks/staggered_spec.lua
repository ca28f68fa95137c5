-- staggered.staggered_race: who starts when, who wins, and that nobody is left running.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
local staggered_race = asyncio.staggered.staggered_race

local function it_awaits(name, f) it(name, testing.async(f)) end
local function now() return asyncio.get_running_loop():time() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- A runner that notes its start and how it ended; after `time` it returns its name, or raises `err`.
local function runner(log, name, time, err)
  return function()
    log[#log + 1] = ("%s starts at %g"):format(name, now())
    local ok, cancelled = pcall(await, sleep(time))
    if not ok then
      log[#log + 1] = ("%s cancelled at %g"):format(name, now())
      error(cancelled, 0)
    end
    if err then error(err, 0) end
    return name
  end
end

describe("staggered_race", function()
  it_awaits("gives the first that succeeds, and cancels the others", function()
    local log = {}
    local result, index, errors = await(staggered_race({runner(log, "a", 10), runner(log, "b", 3), runner(log, "c", 10)}, 2))
    assert.same({"b", 2}, {result, index})
    assert.equal(5, now())
    assert.same({"a starts at 0", "b starts at 2", "c starts at 4", "a cancelled at 5", "c cancelled at 5"}, log)
    assert.equal(3, errors.n)
    assert.is_true(asyncio.isinstance(errors[1], asyncio.CancelledError))
    assert.is_nil(errors[2])
  end)

  it_awaits("starts the next one as soon as one fails", function()
    local log, oops = {}, asyncio.OSError("oops")
    local result, index, errors = await(staggered_race({runner(log, "a", 1, oops), runner(log, "b", 1)}, 100))
    assert.same({"b", 2}, {result, index})
    assert.same({"a starts at 0", "b starts at 1"}, log)
    assert.equal(oops, errors[1])
    assert.equal(2, now())
  end)

  it_awaits("without a delay runs them one after the other", function()
    local log = {}
    local result = await(staggered_race({runner(log, "a", 50, "no"), runner(log, "b", 1)}))
    assert.equal("b", result)
    assert.same({"a starts at 0", "b starts at 50"}, log)
  end)

  it_awaits("does not start those behind a winner", function()
    local log = {}
    local _, _, errors = await(staggered_race({runner(log, "a", 1), runner(log, "b", 1)}, 5))
    assert.same({"a starts at 0"}, log)
    assert.equal(1, errors.n)
  end)

  it_awaits("without a winner gives all errors", function()
    local result, index, errors = await(staggered_race({runner({}, "a", 1, "one"), runner({}, "b", 1, "two")}, 0.5))
    assert.same({nil, nil}, {result, index})
    assert.same({"one", "two", n = 2}, errors)
  end)

  it_awaits("of nobody has no winner", function()
    local result, index, errors = await(staggered_race({}, 1))
    assert.is_true(result == nil and index == nil)
    assert.same({n = 0}, errors)
  end)

  it_awaits("takes coroutine functions", function()
    local f = asyncio.async(function() return "async" end)
    assert.equal("async", (await(staggered_race({f}, 1))))
  end)

  it_awaits("that is cancelled cancels all and waits for them", function()
    local log = {}
    local task = create_task(staggered_race({runner(log, "a", 10), runner(log, "b", 10)}, 1))
    await(sleep(2))
    task:cancel("enough")
    assert.equal("enough", raises(asyncio.CancelledError, await, task).message)
    assert.same({"a starts at 0", "b starts at 1", "a cancelled at 2", "b cancelled at 2"}, log)
    assert.equal(1, #asyncio.all_tasks())
  end)

  it_awaits("that is cancelled before it began starts nobody", function()
    local log = {}
    local task = create_task(staggered_race({runner(log, "a", 1)}, 1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.same({}, log)
  end)

  it_awaits("works with eager tasks", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local log = {}
    local result, index = await(staggered_race({runner(log, "a", 5), runner(log, "b", 1)}, 1))
    asyncio.get_running_loop():set_task_factory(nil)
    assert.same({"b", 2}, {result, index})
    assert.same({"a starts at 0", "b starts at 1", "a cancelled at 2"}, log)
  end)

  it("lets KeyboardInterrupt leave the loop", function()
    raises(asyncio.KeyboardInterrupt, testing.run, function()
      asyncio.get_running_loop():set_exception_handler(function() end) -- the race ends with a group, which nobody gets
      await(staggered_race({function() error(asyncio.KeyboardInterrupt(), 0) end}, 1))
    end)
  end)

  it_awaits("checks its arguments", function()
    raises(asyncio.TypeError, staggered_race, 5)
    raises(asyncio.TypeError, staggered_race, {}, "soon")
    raises(asyncio.TypeError, staggered_race, {}, 1, {delay = 1})
  end)
end)
