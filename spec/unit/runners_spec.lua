-- run and Runner: what they return, clean up and refuse; Ctrl-C.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep = asyncio.await, asyncio.async, asyncio.sleep
local Runner, kw = asyncio.Runner, asyncio.kw

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function virtual() return Runner{loop_factory = testing.new_event_loop} end

describe("run", function()
  it("gives all results of a coroutine object", function()
    assert.same({1, 2}, {asyncio.run(async(function() await(sleep(0)) return 1, 2 end)())})
  end)

  it("calls a function with what follows", function()
    assert.equal(3, asyncio.run(function(a, b) return a + b end, 1, 2))
  end)

  it("calls a coroutine function with what follows", function()
    assert.equal(3, asyncio.run(async(function(a, b) await(sleep(0)) return a + b end), 1, 2))
  end)

  it("passes an unmarked table to a function", function()
    local t = {debug = true}
    assert.equal(t, asyncio.run(function(x) return x end, t))
  end)

  it("takes any awaitable", function()
    assert.equal("x", asyncio.run(setmetatable({}, {__await = function() return "x" end})))
    assert.equal("y", asyncio.run(coroutine.create(function() return "y" end)))
  end)

  it("raises the error, unchanged", function()
    local mine = asyncio.ValueError("mine")
    assert.equal(mine, raises(asyncio.ValueError, asyncio.run, function() error(mine, 0) end))
  end)

  it("raises a string as it is", function()
    local ok, err = pcall(asyncio.run, function() error("text", 0) end)
    assert.is_false(ok)
    assert.equal("text", err)
  end)

  it("closes its loop, also after an error", function()
    local loop
    pcall(asyncio.run, function()
      loop = asyncio.get_running_loop()
      error("text", 0)
    end)
    assert.is_true(loop:is_closed())
  end)

  it("sets its loop while it runs, and none afterwards", function()
    asyncio.run(function() assert.equal(asyncio.get_running_loop(), asyncio.get_event_loop()) end)
    raises(asyncio.RuntimeError, asyncio.get_event_loop)
  end)

  it("takes debug", function()
    assert.is_true(asyncio.run(function() return asyncio.get_running_loop():get_debug() end, kw{debug = true}))
    assert.is_true(asyncio.run(async(function() return asyncio.get_running_loop():get_debug() end)(), {debug = true}))
  end)

  it("takes a loop factory", function()
    local loop = testing.new_event_loop()
    local seen = asyncio.run(function() return asyncio.get_running_loop() end, kw{loop_factory = function() return loop end})
    assert.equal(loop, seen)
    assert.is_true(loop:is_closed())
  end)

  it("runs the second time as the first", function()
    asyncio.run(function() await(sleep(0)) end)
    assert.equal(1, asyncio.run(function() await(sleep(0)) return 1 end))
  end)

  it("works inside a coroutine", function()
    local outer = coroutine.wrap(function()
      coroutine.yield(asyncio.run(function() await(sleep(0)) return "inside" end))
    end)
    assert.equal("inside", outer())
  end)
end)

describe("run refuses", function()
  it("to run inside a running loop", function()
    local err = raises(asyncio.RuntimeError, asyncio.run, function() asyncio.run(print) end)
    assert.equal("asyncio.run() cannot be called from a running event loop", err.message)
  end)

  it("what cannot be awaited", function()
    local err = raises(asyncio.TypeError, asyncio.run, 5)
    assert.equal("bad argument #1 to 'run' (awaitable expected, got number)", err.message)
  end)

  it("an unknown option", function()
    local err = raises(asyncio.TypeError, asyncio.run, print, kw{factory = print})
    assert.equal("unknown option 'factory' to 'run'", err.message)
  end)

  it("a loop factory that cannot be called", function()
    raises(asyncio.TypeError, asyncio.run, print, kw{loop_factory = 5})
    raises(asyncio.TypeError, Runner, {loop_factory = 5})
  end)
end)

describe("the tasks left when main ends", function()
  it("are cancelled in the order of their making, and awaited", function()
    local order = {}
    testing.run(function()
      for i = 1, 20 do
        asyncio.create_task(function()
          local _, err = pcall(function() await(sleep(100)) end)
          order[#order + 1] = i
          await(sleep(1))
          error(err, 0)
        end)
      end
      await(sleep(1))
    end)
    for i = 1, 20 do assert.equal(i, order[i]) end
  end)

  it("are reported when they fail", function()
    local told = {}
    testing.run(function()
      asyncio.get_running_loop():set_exception_handler(function(_, context) told[#told + 1] = context end)
      asyncio.create_task(function()
        pcall(function() await(sleep(100)) end)
        error("cleanup", 0)
      end)
      await(sleep(1))
    end)
    assert.equal(1, #told)
    assert.equal("unhandled exception during asyncio.run() shutdown", told[1].message)
    assert.equal("cleanup", told[1].exception)
    assert.is_true(asyncio.isinstance(told[1].task, asyncio.Task))
  end)

  it("end before run raises", function()
    local ended = false
    pcall(testing.run, function()
      asyncio.create_task(function()
        pcall(function() await(sleep(100)) end)
        ended = true
      end)
      await(sleep(1))
      error("main", 0)
    end)
    assert.is_true(ended)
  end)

  it("never run a body that had not started", function()
    local started = false
    testing.run(function()
      asyncio.get_running_loop():call_soon(function() asyncio.create_task(function() started = true end) end)
    end)
    assert.is_false(started)
  end)
end)

describe("Runner", function()
  it("is held in a <close> variable", function()
    local loop
    do
      local runner <close> = Runner():enter()
      loop = runner:get_loop()
      assert.equal(1, runner:run(function() return 1 end))
    end
    assert.is_true(loop:is_closed())
  end)

  it("works under asyncio.with", function()
    assert.equal(2, asyncio.with(Runner(), function(runner) return runner:run(function() return 2 end) end))
  end)

  it("keeps its loop between runs", function()
    local runner <close> = virtual()
    local first = runner:run(function() return asyncio.get_running_loop() end)
    assert.equal(first, runner:run(function() return asyncio.get_running_loop() end))
    assert.equal(first, runner:get_loop())
  end)

  it("keeps its context between runs", function()
    local var = asyncio.contextvars.ContextVar("var")
    local runner <close> = virtual()
    runner:run(function() var:set("kept") end)
    assert.equal("kept", runner:run(function() return var:get() end))
    assert.is_nil(var:get(nil))
  end)

  it("takes another context for one run", function()
    local var = asyncio.contextvars.ContextVar("var")
    local context = asyncio.contextvars.copy_context()
    local runner <close> = virtual()
    runner:run(function(x) var:set(x) end, 5, kw{context = context})
    assert.is_nil(runner:run(function() return var:get(nil) end))
    assert.equal(5, context:get(var))
  end)

  it("takes debug", function()
    local runner <close> = Runner{debug = true}
    assert.is_true(runner:get_loop():get_debug())
  end)

  it("makes its loop on first use only", function()
    local made = 0
    local runner <close> = Runner{loop_factory = function()
      made = made + 1
      return testing.new_event_loop()
    end}
    assert.equal(0, made)
    runner:get_loop()
    runner:run(function() return nil end)
    assert.equal(1, made)
  end)

  it("does not set a loop that its factory made", function()
    asyncio.set_event_loop(nil)
    local runner <close> = virtual()
    runner:get_loop()
    raises(asyncio.RuntimeError, asyncio.get_event_loop)
  end)

  it("can be closed again, and without use", function()
    local runner = virtual()
    runner:close()
    runner:get_loop()
    runner:close()
    runner:close()
  end)
end)

describe("Runner refuses", function()
  it("to run when closed", function()
    local runner = virtual()
    runner:get_loop()
    runner:close()
    assert.equal("Runner is closed", raises(asyncio.RuntimeError, runner.run, runner, print).message)
    raises(asyncio.RuntimeError, runner.get_loop, runner)
    raises(asyncio.RuntimeError, runner.enter, runner)
  end)

  it("to run inside a running loop", function()
    local runner <close> = virtual()
    local err = raises(asyncio.RuntimeError, runner.run, runner, function() runner:run(print) end)
    assert.equal("Runner.run() cannot be called from a running event loop", err.message)
  end)

  it("what cannot be awaited", function()
    local runner <close> = virtual()
    raises(asyncio.TypeError, runner.run, runner, {})
  end)

  it("unknown options", function()
    raises(asyncio.TypeError, Runner, {loop = 1})
    local runner <close> = virtual()
    raises(asyncio.TypeError, runner.run, runner, print, kw{debug = true})
  end)
end)

-- Runs a script under lua5.4 in a process of its own; returns what it wrote.
local function output_of(script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local pipe = assert(io.popen(("timeout 20 lua5.4 %s 2>&1"):format(path)))
  local text = pipe:read("a")
  pipe:close()
  os.remove(path)
  return text
end

local PRELUDE = [[
  local asyncio = require "casync"
  local await, sleep = asyncio.await, asyncio.sleep
  local pid = io.open("/proc/self/stat"):read("n")
  local function interrupt() io.popen(("kill -INT %d"):format(pid)):close() end
  local function name(err) return asyncio.isinstance(err, asyncio.BaseException) and err.name or tostring(err) end
]]

describe("Ctrl-C", function()
  it("cancels the main task, and run raises KeyboardInterrupt after the cleanup", function()
    local text = output_of(PRELUDE .. [[
      local ok, err = pcall(asyncio.run, function()
        asyncio.get_running_loop():call_later(0.01, interrupt)
        local held <close> = setmetatable({}, {__close = function(_, e) await(sleep(0)) print("cleanup", name(e)) end})
        await(sleep(10))
      end)
      print(ok, name(err))
    ]])
    assert.equal("cleanup\tCancelledError\nfalse\tKeyboardInterrupt\n", text)
  end)

  it("lets run return when main swallows the cancellation", function()
    local text = output_of(PRELUDE .. [[
      print(pcall(asyncio.run, function()
        asyncio.get_running_loop():call_later(0.01, interrupt)
        pcall(function() await(sleep(10)) end)
        return "value"
      end))
    ]])
    assert.equal("true\tvalue\n", text)
  end)

  it("lets another error of main pass", function()
    local text = output_of(PRELUDE .. [[
      print(pcall(asyncio.run, function()
        asyncio.get_running_loop():call_later(0.01, interrupt)
        pcall(function() await(sleep(10)) end)
        error("other", 0)
      end))
    ]])
    assert.equal("false\tother\n", text)
  end)

  it("for the second time raises KeyboardInterrupt at once, also in busy code", function()
    local text = output_of(PRELUDE .. [[
      local ended
      local ok, err = pcall(asyncio.run, function()
        asyncio.create_task(function()
          local held <close> = setmetatable({}, {__close = function() ended = true end})
          await(sleep(10))
        end)
        asyncio.get_running_loop():call_later(0.01, interrupt)
        pcall(function() await(sleep(10)) end)
        interrupt()
        while true do end
      end)
      print(ok, name(err), ended)
    ]])
    assert.equal("false\tKeyboardInterrupt\ttrue\n", text)
  end)

  it("puts the old handler back", function()
    local text = output_of(PRELUDE .. [[
      asyncio.run(function() await(sleep(0)) end)
      print(pcall(function() interrupt() for i = 1, 1e8 do local _ = i end end))
    ]])
    assert.matches("^false\t.*interrupted!\n$", text)
  end)
end)
