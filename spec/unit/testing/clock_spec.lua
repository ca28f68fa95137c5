-- casync.testing: virtual time, run, the error of a loop on which nothing can happen, bodies that await.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep = asyncio.await, asyncio.async, asyncio.sleep

describe("a virtual loop", function()
  it("starts at 0", function()
    local loop = testing.new_event_loop()
    assert.equal(0, loop:time())
    loop:close()
  end)

  it("jumps to the next timer", function()
    testing.run(function()
      await(sleep(3600))
      assert.equal(3600, asyncio.get_running_loop():time())
    end)
  end)

  it("does not move while something is ready", function()
    testing.run(function()
      for _ = 1, 10 do await(sleep(0)) end
      assert.equal(0, asyncio.get_running_loop():time())
    end)
  end)

  it("runs equal timers in the order of their making", function()
    testing.run(function()
      local order = {}
      for i = 1, 10 do asyncio.get_running_loop():call_later(5, function() order[#order + 1] = i end) end
      await(sleep(6))
      assert.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, order)
    end)
  end)

  it("raises RuntimeError that shows who waits when nothing can happen any more", function()
    local ok, err = pcall(testing.run, async(function()
      asyncio.current_task():set_name("stuck")
      await(asyncio.get_running_loop():create_future())
    end)())
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.RuntimeError))
    assert.matches("\nstuck .*: awaits future at .*clock_spec%.lua:%d+", err.message)
  end)
end)

describe("testing.run", function()
  it("gives results and passes arguments", function()
    assert.same({1, 2}, {testing.run(function(...) return ... end, 1, 2)})
  end)

  it("closes its loop", function()
    assert.is_true(testing.run(function() return asyncio.get_running_loop() end):is_closed())
  end)

  it("takes the options of run", function()
    assert.is_true(testing.run(function() return asyncio.get_running_loop():get_debug() end, asyncio.kw{debug = true}))
  end)

  it("is refused in a running loop", function()
    assert.is_false(pcall(testing.run, function() testing.run(print) end))
  end)
end)

describe("testing.async", function()
  it("makes a function that runs its body to the end", function()
    local time
    testing.async(function()
      await(sleep(5))
      time = asyncio.get_running_loop():time()
    end)()
    assert.equal(5, time)
  end)

  it("makes a function that raises what its body raises", function()
    local ok, err = pcall(testing.async(function() error("text", 0) end))
    assert.is_false(ok)
    assert.equal("text", err)
  end)

  it("runs each body on a loop of its own", function()
    local loops = {}
    local body = testing.async(function() loops[#loops + 1] = asyncio.get_running_loop() end)
    body()
    body()
    assert.not_equal(loops[1], loops[2])
  end)

  it("wraps bodies of busted", testing.async(function()
    await(sleep(1))
    assert.equal(1, asyncio.get_running_loop():time())
  end))
end)

it("is the field testing of casync", function()
  assert.equal(testing, asyncio.testing)
end)
