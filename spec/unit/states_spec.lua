-- Several Lua states in one process, and one Lua state touched by several threads.
local asyncio = require "casync"
local testing = require "casync.testing"
local states = require "states"

local await, sleep = asyncio.await, asyncio.sleep

local PROGRAM = [[
  local asyncio = require "casync"
  local function work(n) asyncio.await(asyncio.sleep(n)) return n end
  return asyncio.testing.run(function()
    local list = asyncio.await(asyncio.gather(asyncio.create_task(work, 1), asyncio.create_task(work, 2)))
    return list[1] + list[2]
  end)
]]

describe("several Lua states", function()
  it("have loops that know nothing of each other", function()
    for _ = 1, 3 do
      local ok, result = states.run(PROGRAM)
      assert.is_true(ok, result)
      assert.equal("3", result)
    end
  end)

  it("may run a loop inside a task of another state's loop", testing.async(function()
    await(sleep(1))
    assert.same({true, "3"}, {states.run(PROGRAM)})
    assert.equal(1, asyncio.get_running_loop():time())
    await(sleep(1))
    assert.equal(2, asyncio.get_running_loop():time())
  end))

  it("can be closed with tasks pending", function()
    local ok, result = states.run [[
      local asyncio = require "casync"
      local loop = asyncio.testing.new_event_loop()
      loop:set_exception_handler(function() end)
      for i = 1, 10 do loop:create_task(function() asyncio.await(asyncio.sleep(i)) end) end
      loop:run_until_complete(asyncio.sleep(0.5))
      asyncio.log.logger:setLevel(100)
      return #asyncio.all_tasks(loop)
    ]]
    assert.is_true(ok, result)
    assert.equal("10", result)
  end)
end)

describe("a second thread", function()
  local function refused(f)
    local ok, err = states.in_thread(f)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.RuntimeError), tostring(err))
    assert.matches("Non%-thread%-safe operation", err.message)
  end

  it("is refused by a loop that runs", testing.async(function()
    local loop = asyncio.get_running_loop()
    refused(function() loop:call_soon(print) end)
    refused(function() loop:call_later(1, print) end)
    refused(function() return loop:create_future() end)
    refused(function() loop:stop() end)
    refused(function() return asyncio.create_task(function() end) end)
    refused(function() return loop:create_task(function() end) end)
    await(sleep(1))
  end))

  it("may use a loop that does not run", function()
    local loop = testing.new_event_loop()
    assert.same({true, 7}, {states.in_thread(function()
      return loop:run_until_complete(function() await(sleep(1)) return 7 end)
    end)})
    loop:close()
  end)
end)
