-- The coroutine library through which awaits pass: as Lua's own where nothing awaits, and what awaiting adds to it.
local asyncio = require "casync"
local testing = require "casync.testing"
local fds = require "fds"

local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
local stock, patched = fds.stock_coroutine(), asyncio.coroutine

local function it_awaits(name, f) it(name, testing.async(f)) end

local function time() return asyncio.get_running_loop():time() end
local function new_future() return asyncio.get_running_loop():create_future() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

describe("the coroutine of a task", function()
  -- Gives `check` the thread of a task that waits for a future; returns what awaiting the task gives.
  local function with_thread(check)
    local thread, future = nil, new_future()
    local task = create_task(function()
      thread = coroutine.running()
      return await(future)
    end)
    await(sleep(1))
    check(thread, task)
    if not future:done() then future:set_result("result") end
    return await(asyncio.wait_for(task, 10))
  end

  it_awaits("is running inside, and not main", function()
    local thread, is_main = coroutine.running()
    assert.equal("thread", type(thread))
    assert.is_false(is_main)
    assert.equal("running", coroutine.status(thread))
  end)

  it_awaits("is yieldable", function() assert.is_true(coroutine.isyieldable()) end)

  it_awaits("is normal while it awaits", function()
    with_thread(function(thread) assert.equal("normal", coroutine.status(thread)) end)
  end)

  it_awaits("cannot be resumed", function()
    assert.equal("result", with_thread(function(thread)
      assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(thread, "forged")})
    end))
  end)

  it_awaits("cannot be closed", function()
    assert.equal("result", with_thread(function(thread)
      assert.has_error(function() coroutine.close(thread) end, "cannot close a normal coroutine")
    end))
  end)

  it_awaits("cannot be awaited", function()
    assert.equal("result", with_thread(function(thread)
      raises(asyncio.RuntimeError, await, thread)
    end))
  end)

  it_awaits("cannot become another task", function()
    assert.equal("result", with_thread(function(thread)
      raises(asyncio.RuntimeError, await, create_task(thread))
    end))
  end)

  it_awaits("does not go on by Lua's own resume with forged values", function()
    assert.equal("result", with_thread(function(thread)
      for _ = 1, 3 do stock.resume(thread, "forged") end
    end))
  end)

  it_awaits("gives a forged resume nothing", function()
    assert.equal("result", with_thread(function(thread) assert.same({true}, {stock.resume(thread, "forged")}) end))
  end)

  it_awaits("does not go on by Lua's own resume while it sleeps", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      await(sleep(10))
      return time()
    end)
    await(sleep(1))
    for _ = 1, 3 do stock.resume(thread, "forged") end
    assert.equal(10, await(task))
  end)

  it_awaits("does not go on by Lua's own resume of a sleep(0)", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      for _ = 1, 3 do await(sleep(0)) end
      return "result"
    end)
    await(sleep(0))
    stock.resume(thread, "forged")
    assert.equal("result", await(task))
  end)

  it_awaits("can be cancelled after forged resumes", function()
    raises(asyncio.CancelledError, with_thread, function(thread, task)
      stock.resume(thread)
      task:cancel()
    end)
  end)

  it_awaits("that Lua's own library closes ends the task by a clear error", function()
    local err = raises(asyncio.RuntimeError, with_thread, function(thread) stock.close(thread) end)
    assert.matches("closed from outside", err.message)
  end)

  it_awaits("that Lua's own library closes can be cancelled after a collection", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      await(new_future())
    end)
    await(sleep(1))
    stock.close(thread)
    collectgarbage()
    collectgarbage()
    task:cancel()
    assert.is_false((pcall(await, asyncio.wait_for(task, 1))))
  end)

  it_awaits("that Lua's own library closes can be cancelled when what it waits for is done", function()
    local thread, future
    local task = create_task(function()
      thread, future = coroutine.running(), new_future()
      await(future)
    end)
    await(sleep(1))
    stock.close(thread)
    future:set_result(1)
    task:cancel()
    assert.is_false((pcall(await, asyncio.wait_for(task, 1))))
  end)

  it_awaits("that ends is dead", function()
    local thread
    await(create_task(function() thread = coroutine.running() end))
    assert.equal("dead", coroutine.status(thread))
  end)

  it_awaits("that failed is dead", function()
    local thread
    pcall(await, create_task(function() thread = coroutine.running() error("x") end))
    assert.equal("dead", coroutine.status(thread))
  end)

  it_awaits("has no hook that an earlier task has left", function()
    await(create_task(function() debug.sethook(function() end, "", 1000000) end))
    assert.is_nil(await(create_task(function() return (debug.gethook()) end)))
  end)

  it_awaits("has the traceback of where it awaits", function()
    with_thread(function(thread) assert.matches("task_spec.lua:%d+: in function", debug.traceback(thread)) end)
  end)
end)

describe("a yield in a task", function()
  it_awaits("of Lua's own leaves a coroutine that only the task resumes", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      stock.yield()
      return await(sleep(1, "mine"))
    end)
    await(sleep(0))
    assert.equal("normal", coroutine.status(thread))
    assert.is_false((coroutine.resume(thread)))
    assert.is_false((pcall(coroutine.close, thread)))
    assert.equal("mine", await(task))
  end)

  for name, library in pairs{patched = patched, stock = stock} do
    it_awaits("gives up one iteration: " .. name, function()
      local before = asyncio.get_running_loop():_iterations()
      assert.equal(0, select("#", library.yield()))
      assert.equal(1, asyncio.get_running_loop():_iterations() - before)
    end)

    it_awaits("of values is an error, one iteration later: " .. name, function()
      local before, after
      local task = create_task(function()
        before = asyncio.get_running_loop():_iterations()
        local ok, err = pcall(function() library.yield(1, 2) end)
        after = asyncio.get_running_loop():_iterations()
        assert.is_false(ok)
        assert.matches("Task got bad yield", tostring(err))
        return "alive"
      end)
      assert.equal("alive", await(task))
      assert.equal(1, after - before)
    end)

    it_awaits("of values that nobody catches ends the task: " .. name, function()
      local task = create_task(function() library.yield(1) return 5 end)
      assert.matches("Task got bad yield", raises(asyncio.RuntimeError, await, task).message)
    end)

    it_awaits("can be cancelled: " .. name, function()
      local task = create_task(function() while true do library.yield() end end)
      await(sleep(0))
      task:cancel("stop")
      assert.equal("stop", raises(asyncio.CancelledError, await, task).message)
    end)

    it_awaits("of a future is a bad yield: " .. name, function()
      local task = create_task(function() library.yield(new_future()) end)
      assert.matches("Task got bad yield", raises(asyncio.RuntimeError, await, task).message)
    end)

    it_awaits("leaves the hook alone: " .. name, function()
      local hook = function() end
      local task = create_task(function()
        debug.sethook(hook, "", 1000000)
        pcall(function() library.yield(1) end)
        local found, mask, count = debug.gethook()
        debug.sethook()
        return found == hook, mask, count
      end)
      assert.same({true, "", 1000000}, {await(task)})
    end)
  end
end)

describe("casync loaded", function()
  local function again(f)
    local kept = {}
    for name in pairs(package.loaded) do
      if name:find("^casync") then kept[name], package.loaded[name] = package.loaded[name], nil end
    end
    local ok, err = pcall(f)
    for name in pairs(package.loaded) do if name:find("^casync") then package.loaded[name] = nil end end
    for name, module in pairs(kept) do package.loaded[name] = module end
    assert(ok, err)
  end

  it("again gives the same module table", function()
    again(function() assert.equal(asyncio, require "casync") end)
  end)

  it("again gives the same classes", function()
    local Future, Task, ValueError, Runner = asyncio.Future, asyncio.Task, asyncio.ValueError, asyncio.Runner
    again(function()
      local second = require "casync"
      assert.equal(Future, second.Future)
      assert.equal(Task, second.Task)
      assert.equal(ValueError, second.ValueError)
      assert.equal(Runner, second.Runner)
      assert.equal(Future, require("casync.core").Future)
      assert.equal(ValueError, require("casync.exceptions").ValueError)
    end)
  end)

  it("again gives the same patched functions", function()
    local resume = coroutine.resume
    again(function()
      require "casync"
      assert.equal(resume, coroutine.resume)
      assert.equal(resume, require("casync.coroutine").resume)
    end)
  end)

  it("again works", function()
    again(function()
      local second = require "casync"
      assert.equal(5, second.run(function() return second.await(second.sleep(0, 5)) end))
    end)
  end)

  it_awaits("again inside a task works", function()
    again(function()
      local second = require "casync"
      assert.equal(5, second.await(second.sleep(1, 5)))
    end)
  end)

  it("again inside a coroutine works", function()
    again(function()
      assert.equal(5, coroutine.wrap(function()
        local second = require "casync"
        return second.run(function() return second.await(second.sleep(0, 5)) end)
      end)())
    end)
  end)

  it("runs inside a coroutine of Lua's own library", function()
    assert.equal(5, stock.wrap(function() return testing.run(function() return await(sleep(1, 5)) end) end)())
  end)

  it("runs inside a coroutine of the patched library", function()
    assert.equal(5, coroutine.wrap(function() return testing.run(function() return await(sleep(1, 5)) end) end)())
  end)

  it("runs inside a coroutine that yields before and after", function()
    local co = coroutine.wrap(function()
      coroutine.yield(1)
      local result = testing.run(function() return await(sleep(1, 5)) end)
      coroutine.yield(result)
      return testing.run(function() return await(sleep(1, 6)) end)
    end)
    assert.same({1, 5, 6}, {co(), co(), co()})
  end)

  it("does not let a yield leave the loop", function()
    local co = coroutine.wrap(function()
      return testing.run(function()
        local loop = asyncio.get_running_loop()
        local failure
        loop:set_exception_handler(function(_, context) failure = context.exception end)
        loop:call_soon(coroutine.yield)
        await(sleep(1))
        return failure
      end)
    end)
    assert.matches("attempt to yield across a C%-call boundary", co())
  end)
end)

describe("casync in a process of its own", function()
  local function interpreter()
    local lowest = 0
    while arg[lowest - 1] do lowest = lowest - 1 end
    return arg[lowest]
  end

  -- What a chunk prints, with its errors.
  local function said(chunk)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(chunk)
    file:close()
    local pipe = assert(io.popen(("'%s' %s 2>&1"):format(interpreter(), path)))
    local text = pipe:read("a")
    pipe:close()
    os.remove(path)
    return text
  end

  it("as casync.unpatched leaves the globals alone", function()
    assert.equal("true\n", said [[
      local kept = {}
      for name, f in pairs(coroutine) do kept[name] = f end
      local asyncio = require "casync.unpatched"
      asyncio.run(function() asyncio.await(asyncio.sleep(0)) end)
      local same = true
      for name, f in pairs(coroutine) do same = same and kept[name] == f end
      for name in pairs(kept) do same = same and coroutine[name] ~= nil end
      print(same)
    ]])
  end)

  it("as casync.unpatched is the same module", function()
    assert.equal("true\n", said [[print(require "casync.unpatched" == require "casync")]])
  end)

  it("as casync.unpatched refuses an await in a nested coroutine, with the remedy", function()
    assert.matches("casync.coroutine", said [[
      local asyncio = require "casync.unpatched"
      asyncio.run(function()
        print(select(2, coroutine.resume(coroutine.create(function() asyncio.await(asyncio.sleep(0)) end))))
      end)
    ]])
  end)

  it("as casync.unpatched awaits in a coroutine of casync.coroutine", function()
    assert.equal("x\n", said [[
      local asyncio = require "casync.unpatched"
      asyncio.run(function()
        print(asyncio.coroutine.wrap(function() return asyncio.await(asyncio.sleep(0, "x")) end)())
      end)
    ]])
  end)

  it("first inside a coroutine of Lua's own library works, also afterwards", function()
    assert.equal("5\n6\n", said [[
      local asyncio
      print(coroutine.wrap(function()
        asyncio = require "casync"
        return asyncio.run(function() return asyncio.await(asyncio.sleep(0, 5)) end)
      end)())
      collectgarbage() collectgarbage()
      print(asyncio.run(function() return asyncio.await(asyncio.sleep(0, 6)) end))
    ]])
  end)

  it("leaves the functions that were kept before as they were", function()
    assert.equal("true\t1\n", said [[
      local resume, create = coroutine.resume, coroutine.create
      require "casync"
      print(resume(create(function() return 1 end)))
    ]])
  end)

  it("ends a task by the stack overflow of endless recursion", function()
    assert.matches("stack overflow", said [[
      local asyncio = require "casync"
      local function down() return 1 + down() end
      print(pcall(asyncio.run, function() down() end))
    ]])
  end)
end)
