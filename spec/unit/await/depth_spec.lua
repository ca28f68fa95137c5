-- await: every kind of awaitable, from everywhere in Lua; where C code forbids it, an error and nothing registered.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

describe("await nested deeply", function()
  local DEEP = 10000

  it_awaits("reaches 10,000 levels through Lua functions", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return (down(n - 1))
    end
    assert.equal("bottom", down(DEEP))
  end)

  it_awaits("reaches 10,000 levels through coroutine objects", function()
    local down
    down = async(function(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return (await(down(n - 1)))
    end)
    assert.equal("bottom", await(down(DEEP)))
  end)

  it_awaits("reaches 10,000 levels through plain functions", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return (await(function() return down(n - 1) end))
    end
    assert.equal("bottom", down(DEEP))
  end)

  it_awaits("reaches 10,000 levels through wait_for", function()
    local down
    down = async(function(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return (await(asyncio.wait_for(down(n - 1), 5)))
    end)
    assert.equal("bottom", await(down(DEEP)))
  end)

  it_awaits("reaches 10,000 levels through timeout", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      local _ <close> = asyncio.timeout(5):enter()
      return down(n - 1)
    end
    assert.equal("bottom", down(DEEP))
  end)

  it_awaits("reaches 10,000 levels through scopes that close", function()
    local closed = 0
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      local _ <close> = setmetatable({}, {__close = function() closed = closed + 1 end})
      return down(n - 1)
    end
    assert.equal("bottom", down(DEEP))
    assert.equal(DEEP, closed)
  end)

  it_awaits("reaches 10,000 levels through scopes that await while they close", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      local _ <close> = setmetatable({}, {__close = function() await(sleep(0)) end})
      return down(n - 1)
    end
    assert.equal("bottom", down(DEEP))
  end)

  for name, extra in pairs{
    ["an eager task"] = function() asyncio.Task(async(function() end)(), {loop = loop(), eager_start = true}) end,
    ["an object driven by hand"] = function() async(function() end)():send() end,
    ["a nested coroutine that awaits"] = function() coroutine.wrap(function() await(async(function() end)()) end)() end,
    ["an error that is caught"] = function() pcall(await, async(error)("x")) end,
    ["a suspension"] = function() await(sleep(0)) end,
  } do
    it_awaits("reaches 10,000 levels with " .. name .. " at each", function()
      local down
      down = async(function(n)
        extra()
        if n == 0 then return "bottom" end
        return (await(down(n - 1)))
      end)
      assert.equal("bottom", await(down(DEEP)))
    end)
  end

  it_awaits("reaches 10,000 levels inside a coroutine", function()
    local down
    down = async(function(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return (await(down(n - 1)))
    end)
    assert.equal("bottom", coroutine.wrap(function() return await(down(DEEP)) end)())
  end)

  it_awaits("reaches 10,000 levels with a coroutine at every 200th", function()
    local down
    down = async(function(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      if n % 200 == 0 then return coroutine.wrap(function() return (await(down(n - 1))) end)() end
      return (await(down(n - 1)))
    end)
    assert.equal("bottom", await(down(DEEP)))
  end)

  it_awaits("unwinds 10,000 levels by an error, through scopes that await while they close", function()
    local down
    down = async(function(n)
      local _ <close> = setmetatable({}, {__close = function() await(sleep(0)) end})
      if n == 0 then error("bottom", 0) end
      return (await(down(n - 1)))
    end)
    assert.same({false, "bottom"}, {pcall(await, down(DEEP))})
  end)

  it_awaits("keeps its place while it is resumed from outside", function()
    local thread, down
    down = async(function(n)
      if n == 0 then
        thread = coroutine.running()
        return await(sleep(1, "bottom"))
      end
      return (await(down(n - 1)))
    end)
    local task = create_task(down(DEEP))
    await(sleep(0))
    coroutine.resume(thread, "forged")
    assert.equal("bottom", await(task))
  end)

  it_awaits("unwinds 10,000 levels by an error", function()
    local down
    down = async(function(n)
      if n == 0 then
        await(sleep(1))
        error("bottom", 0)
      end
      return (await(down(n - 1)))
    end)
    assert.same({false, "bottom"}, {pcall(await, down(DEEP))})
  end)

  it_awaits("unwinds 10,000 levels by a cancellation", function()
    local down
    down = async(function(n)
      if n == 0 then await(sleep(10)) end
      return (await(down(n - 1)))
    end)
    local task = create_task(down(DEEP))
    await(sleep(1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("reaches 150 levels of pcall", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return select(2, pcall(down, n - 1))
    end
    assert.equal("bottom", down(150))
  end)

  it_awaits("raises a C stack overflow beyond the levels of pcall, which can be caught", function()
    local deepest, err = 0, nil
    local function down(n)
      deepest = n
      local ok, e = pcall(down, n + 1)
      if not ok and not err then err = e end
      return await(sleep(0))
    end
    down(1)
    assert.matches("C stack overflow", tostring(err))
    assert.is_true(deepest > 150)
  end)

  it_awaits("raises a stack overflow of endless recursion, which can be caught", function()
    local function down() return 1 + down() end
    local ok, err = pcall(down)
    assert.is_false(ok)
    assert.matches("stack overflow", err)
    assert.equal("x", await(sleep(1, "x")))
  end)
end)
