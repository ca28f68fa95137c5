-- Semaphore and BoundedSemaphore: methods, texts, errors. What cancelling does is in cancel_spec.lua.
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

describe("Semaphore", function()
  it_awaits("has one unit unless told otherwise", function()
    assert.equal("<Semaphore [unlocked, value:1]>", tostring(asyncio.Semaphore()))
    assert.equal("<Semaphore [unlocked, value:3]>", tostring(asyncio.Semaphore(3)))
    assert.equal("<Semaphore [locked]>", tostring(asyncio.Semaphore(0)))
  end)

  it_awaits("lets in as many as it has units", function()
    local semaphore, log = asyncio.Semaphore(2), {}
    for i = 1, 3 do
      create_task(function()
        local _ <close> = semaphore:enter()
        log[#log + 1] = i
        await(sleep(5))
      end)
    end
    await(sleep(1))
    assert.same({1, 2}, log)
    assert.is_true(semaphore:locked())
    await(sleep(5))
    assert.same({1, 2, 3}, log)
    await(sleep(5))
    assert.equal("<Semaphore [unlocked, value:2]>", tostring(semaphore))
  end)

  it_awaits("hands a unit over: newcomers stand in line", function() -- K13
    local semaphore, log = asyncio.Semaphore(0), {}
    create_task(function() await(semaphore:acquire()) log[#log + 1] = "first" end)
    await(sleep(1))
    semaphore:release()
    assert.is_true(semaphore:locked())
    assert.equal("<Semaphore [locked, waiters:1]>", tostring(semaphore))
    local late = create_task(function() await(semaphore:acquire()) log[#log + 1] = "late" end)
    await(sleep(1))
    assert.same({"first"}, log)
    semaphore:release()
    await(late)
  end)

  it_awaits("gives the unit of a woken waiter that is cancelled back", function() -- K14
    local semaphore = asyncio.Semaphore(0)
    local task = create_task(semaphore:acquire())
    await(sleep(1))
    semaphore:release()
    task:cancel()
    await(asyncio.wait{task})
    assert.is_true(task:cancelled())
    assert.equal("<Semaphore [unlocked, value:1]>", tostring(semaphore))
  end)

  it_awaits("grows, and takes no negative value", function() -- K15
    local semaphore = asyncio.Semaphore(0)
    semaphore:release()
    semaphore:release()
    assert.is_false(semaphore:locked())
    assert.is_true(await(semaphore:acquire()))
    assert.equal("<Semaphore [unlocked, value:1]>", tostring(semaphore))
    raises(asyncio.ValueError, "Semaphore initial value must be >= 0", asyncio.Semaphore, -1)
    raises(asyncio.ValueError, "Semaphore initial value must be >= 0", asyncio.BoundedSemaphore, -1)
    assert.is_false(pcall(asyncio.Semaphore, "many"))
    assert.is_false(pcall(asyncio.Semaphore, 1.5))
  end)

  it("is bound to the loop of the first wait that blocks", function() -- K6
    local semaphore = asyncio.Semaphore(0)
    testing.run(function()
      local task = create_task(semaphore:acquire())
      await(sleep(1))
      semaphore:release()
      await(task)
    end)
    testing.run(function()
      raises(asyncio.RuntimeError, "<Semaphore [locked]> is bound to a different event loop", await, semaphore:acquire())
    end)
  end)
end)

describe("BoundedSemaphore", function()
  it_awaits("refuses more releases than there were acquires", function() -- K15
    local semaphore = asyncio.BoundedSemaphore(2)
    raises(asyncio.ValueError, "BoundedSemaphore released too many times", semaphore.release, semaphore)
    await(semaphore:acquire())
    semaphore:release()
    raises(asyncio.ValueError, "BoundedSemaphore released too many times", semaphore.release, semaphore)
    assert.equal("<BoundedSemaphore [unlocked, value:2]>", tostring(semaphore))
  end)

  it_awaits("is a Semaphore", function()
    local semaphore = asyncio.BoundedSemaphore()
    assert.is_true(asyncio.isinstance(semaphore, asyncio.Semaphore))
    assert.is_false(semaphore:locked())
    asyncio.with(semaphore, function() assert.is_true(semaphore:locked()) end)
    assert.is_false(semaphore:locked())
    local Own = asyncio.BoundedSemaphore:subclass("Own")
    assert.equal("<Own [unlocked, value:1]>", tostring(Own()))
    assert.is_false(pcall(asyncio.BoundedSemaphore.release, Own()))
  end)
end)
