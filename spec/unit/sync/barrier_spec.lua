-- Barrier: rounds, breaking and resetting. What cancelling does is in cancel_spec.lua.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep = asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

local function start(barrier)
  return create_task(function() return await(barrier:wait()) end)
end

local function is_broken(task, text)
  local ok, err = pcall(await, task)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, asyncio.BrokenBarrierError), tostring(err))
  assert.equal(text, err.message)
end

describe("Barrier", function()
  it_awaits("lets all go when the last has come, each with its index", function() -- K16
    local barrier = asyncio.Barrier(3)
    local a, b = start(barrier), start(barrier)
    await(sleep(1))
    assert.equal(2, barrier.n_waiting)
    assert.equal(3, barrier.parties)
    assert.equal("<Barrier [filling, waiters:2/3]>", tostring(barrier))
    assert.equal(2, await(barrier:wait())) -- does not suspend
    assert.is_false(a:done())
    assert.equal(0, barrier.n_waiting)
    assert.same({0, 1, n = 2}, await(asyncio.gather(a, b)))
    assert.is_false(barrier.broken)
  end)

  it_awaits("can be used again and again", function() -- K18
    local barrier, log = asyncio.Barrier(2), {}
    local function party(name)
      return create_task(function()
        for round = 1, 3 do
          local index = await(barrier:wait())
          log[#log + 1] = name .. round .. index
        end
      end)
    end
    await(asyncio.gather(party("a"), party("b")))
    assert.equal(6, #log)
    table.sort(log)
    assert.matches("^a1[01] a2[01] a3[01] b1[01] b2[01] b3[01]$", table.concat(log, " "))
  end)

  it_awaits("raises in those who wait when it is reset, and is not broken", function() -- K19
    local barrier = asyncio.Barrier(2)
    local a = start(barrier)
    await(sleep(1))
    await(barrier:reset())
    assert.is_false(barrier.broken)
    is_broken(a, "Abort or reset of barrier")
    local b, c = start(barrier), start(barrier)
    assert.same({0, 1, n = 2}, await(asyncio.gather(b, c)))
  end)

  it_awaits("is broken by abort until it is reset", function() -- K19
    local barrier = asyncio.Barrier(2)
    local a = start(barrier)
    await(sleep(1))
    await(barrier:abort())
    assert.is_true(barrier.broken)
    assert.equal("<Barrier [broken]>", tostring(barrier))
    is_broken(a, "Abort or reset of barrier")
    is_broken(barrier:wait(), "Barrier aborted")
    await(barrier:reset())
    assert.is_false(barrier.broken)
    local b, c = start(barrier), start(barrier)
    await(asyncio.gather(b, c))
  end)

  it_awaits("is a scope whose guard has the index", function() -- K20
    local barrier = asyncio.Barrier(1)
    do
      local guard <close> = barrier:enter()
      assert.equal(0, guard.index)
    end
    assert.equal(0, asyncio.with(barrier, function(index) return index end))
  end)

  it_awaits("needs at least one party", function()
    local ok, err = pcall(asyncio.Barrier, 0)
    assert.is_false(ok)
    assert.equal("ValueError: parties must be >= 1", tostring(err))
    assert.is_false(pcall(asyncio.Barrier))
    assert.is_false(pcall(asyncio.Barrier, "two"))
  end)

  it_awaits("can be subclassed", function()
    local Own = asyncio.Barrier:subclass("Own")
    local barrier = Own(2)
    assert.equal("<Own [filling, waiters:0/2]>", tostring(barrier))
    assert.equal(2, barrier.parties)
  end)
end)
