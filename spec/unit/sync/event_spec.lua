-- Event: its methods and texts. What cancelling does is in cancel_spec.lua.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await
local create_task, sleep = asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

describe("Event", function()
  it_awaits("is a flag", function()
    local event = asyncio.Event()
    assert.is_false(event:is_set())
    event:set()
    event:set()
    assert.is_true(event:is_set())
    event:clear()
    event:clear()
    assert.is_false(event:is_set())
  end)

  it_awaits("wakes all that wait, in order, also if it is cleared before they run", function() -- K7
    local event, log = asyncio.Event(), {}
    for i = 1, 3 do
      create_task(function()
        local result = await(event:wait())
        log[#log + 1] = {i, result, event:is_set()}
      end)
    end
    await(sleep(1))
    assert.equal("<Event [unset, waiters:3]>", tostring(event))
    event:set()
    event:clear()
    assert.same({}, log)
    await(sleep(1))
    assert.same({{1, true, false}, {2, true, false}, {3, true, false}}, log)
  end)

  it_awaits("is not waited for when it is set", function()
    local event, ran = asyncio.Event(), false
    event:set()
    asyncio.get_running_loop():call_soon(function() ran = true end)
    assert.is_true(await(event:wait()))
    assert.is_false(ran)
    assert.equal("<Event [set]>", tostring(event))
  end)

  it_awaits("keeps those who come after it was cleared", function()
    local event = asyncio.Event()
    event:set()
    event:clear()
    local task = create_task(event:wait())
    await(sleep(1))
    assert.is_false(task:done())
    event:set()
    assert.is_true(await(task))
  end)

  it_awaits("can be subclassed, and has fields", function()
    local Named = asyncio.Event:subclass("Named", {init = function(self, name) self.name = name end})
    local event = Named("x")
    assert.equal("x", event.name)
    event:set()
    assert.equal("<Named [set]>", tostring(event))
  end)

  it("is bound to the loop of the first wait that blocks", function() -- K6
    local event = asyncio.Event()
    testing.run(function()
      local task = create_task(event:wait())
      await(sleep(1))
      event:set()
      await(task)
    end)
    testing.run(function()
      assert.is_true(await(event:wait()))
      event:clear()
      local ok, err = pcall(await, event:wait())
      assert.is_false(ok)
      assert.equal("RuntimeError: <Event [unset]> is bound to a different event loop", tostring(err))
    end)
  end)
end)
