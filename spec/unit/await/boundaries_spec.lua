-- await: every kind of awaitable, from everywhere in Lua; where C code forbids it, an error and nothing registered.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function time() return loop():time() end
local function new_future() return loop():create_future() end

local function done_future(...)
  local future = new_future()
  future:set_result(...)
  return future
end

-- Sleeps and gives back: what an expression that awaits looks like.
local function slowly(...)
  await(sleep(1))
  return ...
end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function message_of(f, ...) return raises(asyncio.RuntimeError, f, ...).message end

-- How many iterations f takes.
local function iterations(f)
  local before = loop():_iterations()
  f()
  return loop():_iterations() - before
end

describe("await where C code stands in the way", function()
  local function it_refuses(culprit, f)
    it_awaits("is refused, and the culprit named with its place: " .. culprit, function()
      local future, refusal = new_future(), nil
      local function callback()
        local ok, err = pcall(await, future)
        assert.is_false(ok)
        refusal = err
        return true
      end
      local info = debug.getinfo(f, "S")
      pcall(f, callback)
      assert.is_true(asyncio.isinstance(refusal, asyncio.RuntimeError), tostring(refusal))
      local expected = ("cannot await inside a callback of '%s' (called at "):format(culprit)
      assert.equal(expected, refusal.message:sub(1, #expected))
      local line = tonumber(refusal.message:match("boundaries_spec.lua:(%d+)%)$"))
      assert.is_true(line >= info.linedefined and line <= info.lastlinedefined, refusal.message)
      future:set_result(1)
      await(sleep(1))
    end)
  end

  it_refuses("table.sort", function(callback) table.sort({2, 1}, callback) end)
  it_refuses("table.sort", function(callback)
    local x = setmetatable({}, {__lt = callback})
    table.sort({x, x})
  end)
  it_refuses("string.gsub", function(callback) string.gsub("x", "x", callback) end)
  it_refuses("string.gsub", function(callback) local _ = ("x"):gsub("x", callback) end)
  it_refuses("load", function(callback) load(callback) end)
  it_refuses("tostring", function(callback) tostring(setmetatable({}, {__tostring = callback})) end)
  it_refuses("string.format", function(callback) string.format("%s", setmetatable({}, {__tostring = callback})) end)
  it_refuses("table.unpack", function(callback) table.unpack(setmetatable({}, {__index = callback}), 1, 1) end)
  it_refuses("table.concat", function(callback) table.concat(setmetatable({}, {__index = callback}), "", 1, 1) end)
  it_refuses("table.insert", function(callback) table.insert(setmetatable({}, {__newindex = callback}), 1) end)
  it_refuses("collectgarbage", function(callback) setmetatable({}, {__gc = callback}) collectgarbage() end)
  it_refuses("require", function(callback)
    package.preload["spec.awaits"] = callback
    pcall(function() return (require "spec.awaits") end)
    package.preload["spec.awaits"], package.loaded["spec.awaits"] = nil, nil
  end)
  it_refuses("xpcall", function(callback) xpcall(function() error("x") end, callback) end)
  it_refuses("coroutine.close", function(callback)
    local co = coroutine.create(function() local _ <close> = setmetatable({}, {__close = callback}) coroutine.yield() end)
    coroutine.resume(co)
    coroutine.close(co)
  end)

  it_refuses("table.sort", function(callback)
    table.sort({2, 1}, function() return coroutine.wrap(callback)() end)
  end)
  it_refuses("string.gsub", function(callback)
    string.gsub("x", "x", function() coroutine.wrap(function() coroutine.resume(coroutine.create(callback)) end)() end)
  end)

  it_awaits("is refused without a place where there is none: a debug hook", function()
    local refusal
    local before = {debug.gethook()}
    debug.sethook(function()
      debug.sethook()
      refusal = select(2, pcall(await, new_future()))
    end, "", 1)
    debug.sethook(table.unpack(before))
    assert.matches("^cannot await across a C call", refusal.message)
  end)

  it_awaits("registers nothing: a sleep can be awaited afterwards", function()
    local nap = sleep(1)
    pcall(table.sort, {2, 1}, function() await(nap) end)
    await(nap)
    assert.equal(1, time())
  end)

  it_awaits("registers nothing in a coroutine of a callback, either", function()
    local nap = sleep(1)
    pcall(table.sort, {2, 1}, function() coroutine.wrap(function() await(nap) end)() end)
    await(nap)
    assert.equal(1, time())
  end)

  it_awaits("registers nothing: the future has no waiter", function()
    local future = new_future()
    pcall(table.sort, {2, 1}, function() await(future) end)
    future:set_result(1)
    assert.equal(1, iterations(function() await(sleep(0)) end))
  end)

  it_awaits("does not matter where what is awaited is done", function()
    local future = done_future(true)
    table.sort({2, 1}, function(a, b) return await(future) and a < b end)
  end)

  it_awaits("is refused in the callback of the loop", function()
    local refusal
    loop():call_soon(function() refusal = select(2, pcall(await, new_future())) end)
    await(sleep(1))
    assert.matches("^cannot await outside of a task", refusal.message)
  end)

  it_awaits("is refused in a done callback", function()
    local refusal
    done_future():add_done_callback(function() refusal = select(2, pcall(await, new_future())) end)
    await(sleep(1))
    assert.matches("^cannot await outside of a task", refusal.message)
  end)

  it_awaits("is refused in a coroutine of a callback", function()
    local refusal
    loop():call_soon(coroutine.wrap(function() refusal = select(2, pcall(await, new_future())) end))
    await(sleep(1))
    assert.matches("^cannot await outside of a task", refusal.message)
  end)

  it("is refused in the main program", function()
    assert.matches("^cannot await: no running event loop", message_of(await, sleep(0)))
  end)

  it("is refused in a coroutine of the main program", function()
    assert.matches("^cannot await: no running event loop", message_of(coroutine.wrap(function() await(sleep(0)) end)))
  end)
end)

describe("await and cancellation", function()
  it_awaits("raises CancelledError with the message", function()
    local task = create_task(slowly)
    await(sleep(0))
    task:cancel("enough")
    assert.equal("enough", raises(asyncio.CancelledError, await, task).message)
  end)

  it_awaits("cancels what is awaited", function()
    local future = new_future()
    local task = create_task(await, future)
    await(sleep(0))
    task:cancel()
    assert.is_true(future:cancelled())
  end)

  it_awaits("wins over a result that has come already", function()
    local future = new_future()
    local task = create_task(function() return await(future) end)
    await(sleep(0))
    future:set_result(1)
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("can be caught by pcall, and the task goes on", function()
    local task = create_task(function()
      pcall(await, sleep(10))
      return await(sleep(1, "on"))
    end)
    await(sleep(0))
    task:cancel()
    assert.equal("on", await(task))
  end)

  it_awaits("of a sleep takes its timer away", function()
    local task = create_task(slowly)
    await(sleep(0))
    task:cancel()
    pcall(await, task)
    assert.equal(0, time())
  end)
end)

describe("await and the collector", function()
  local function collect() collectgarbage() collectgarbage() end

  it_awaits("keeps the future that is awaited", function()
    local weak = setmetatable({}, {__mode = "v"})
    local task = create_task(function()
      weak[1] = new_future()
      return await(weak[1])
    end)
    await(sleep(0))
    collect()
    weak[1]:set_result(5)
    assert.equal(5, await(task))
  end)

  it_awaits("forgets the future when it is over", function()
    local weak = setmetatable({}, {__mode = "v"})
    local function wait()
      weak[1] = new_future()
      loop():call_soon(weak[1].set_result, weak[1], {})
      await(weak[1])
    end
    wait()
    await(sleep(0))
    collect()
    assert.is_nil(weak[1])
  end)

  it_awaits("forgets a coroutine object's arguments when it has ended", function()
    local weak = setmetatable({}, {__mode = "v"})
    weak[1] = {}
    local coro = async(function() end)(weak[1])
    await(coro)
    collect()
    assert.is_nil(weak[1])
    assert.is_not_nil(coro)
  end)

  it_awaits("forgets a function that was awaited", function()
    local weak = setmetatable({}, {__mode = "v"})
    local local_state = {}
    weak[1] = function() return local_state end
    await(weak[1])
    collect()
    assert.is_nil(weak[1])
  end)
end)
