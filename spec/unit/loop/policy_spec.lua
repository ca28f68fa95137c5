-- Which loop: running, set, new.
local asyncio = require "casync"
local testing = require "casync.testing"

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

describe("get_running_loop", function()
  it("is the loop that runs", function()
    local loop = testing.new_event_loop()
    assert.equal(loop, loop:run_until_complete(function() return asyncio.get_running_loop() end))
    loop:close()
  end)

  it("is the loop in a plain callback too", function()
    local loop, seen = testing.new_event_loop(), nil
    loop:call_soon(function()
      seen = asyncio.get_running_loop()
      loop:stop()
    end)
    loop:run_forever()
    assert.equal(loop, seen)
    loop:close()
  end)

  it("raises RuntimeError when none runs", function()
    assert.equal("no running event loop", raises(asyncio.RuntimeError, asyncio.get_running_loop).message)
  end)
end)

describe("get_event_loop", function()
  it("raises RuntimeError when none was set: it makes none", function()
    asyncio.set_event_loop(nil)
    local err = raises(asyncio.RuntimeError, asyncio.get_event_loop)
    assert.equal("There is no current event loop in thread 'MainThread'.", err.message)
  end)

  it("is the loop that was set", function()
    local loop = testing.new_event_loop()
    asyncio.set_event_loop(loop)
    assert.equal(loop, asyncio.get_event_loop())
    asyncio.set_event_loop(nil)
    loop:close()
  end)

  it("is the running loop, whatever was set", function()
    local loop, other = testing.new_event_loop(), testing.new_event_loop()
    asyncio.set_event_loop(other)
    assert.equal(loop, loop:run_until_complete(function() return asyncio.get_event_loop() end))
    asyncio.set_event_loop(nil)
    loop:close()
    other:close()
  end)
end)

describe("set_event_loop", function()
  it("refuses what is no loop", function()
    local err = raises(asyncio.TypeError, asyncio.set_event_loop, 5)
    assert.equal("bad argument #1 to 'set_event_loop' (Loop expected, got number)", err.message)
  end)
end)

describe("new_event_loop", function()
  it("makes a loop that neither runs nor is set", function()
    asyncio.set_event_loop(nil)
    local loop = asyncio.new_event_loop()
    assert.is_false(loop:is_running())
    assert.is_false(loop:is_closed())
    raises(asyncio.RuntimeError, asyncio.get_event_loop)
    loop:close()
  end)

  it("makes loops whose clock is real", function()
    local loop = asyncio.new_event_loop()
    local before = loop:time()
    loop:run_until_complete(asyncio.sleep(0.01))
    assert.is_true(loop:time() - before >= 0.01)
    loop:close()
  end)
end)
