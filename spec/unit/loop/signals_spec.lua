-- add_signal_handler, remove_signal_handler, and SIGINT: the first one cancels the main task, the second interrupts.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local fds = require "fds"
local await, sleep, kw = asyncio.await, asyncio.sleep, asyncio.kw

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local USR1, USR2 = fds.SIGUSR1, fds.SIGUSR2

-- Runs a chunk in a process of its own; returns what it prints, its errors included, and the exit status.
local function run_lua(chunk)
  return process.run("lua5.4 -e " .. process.quote([[
    local asyncio, fds = require "casync", require "fds"
    local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
    local function int() fds.raise(fds.SIGINT) end
    -- Runs for ever, in Lua, unless somebody interrupts; 10 s are the end.
    local function busy()
      int()
      local start = os.clock()
      while os.clock() - start < 10 do end
      print "never interrupted"
    end
  ]] .. chunk))
end

local function said(chunk)
  local output, status = run_lua(chunk)
  return status == 0 and output or output .. "(status " .. tostring(status) .. ")"
end

describe("add_signal_handler", function()
  it_awaits("calls when the signal has come, not before the next iteration", function()
    local called = false
    loop():add_signal_handler(USR1, function() called = true end)
    fds.raise(USR1)
    assert.is_false(called)
    turn()
    loop():remove_signal_handler(USR1)
    assert.is_true(called)
  end)

  it_awaits("passes arguments, nil included", function()
    local got
    loop():add_signal_handler(USR1, function(...) got = table.pack(...) end, 1, nil, 3, nil)
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.same({n = 4, 1, nil, 3, nil}, got)
  end)

  it_awaits("returns nothing", function()
    assert.equal(0, select("#", loop():add_signal_handler(USR1, print)))
    loop():remove_signal_handler(USR1)
  end)

  it_awaits("calls each time", function()
    local calls = 0
    loop():add_signal_handler(USR1, function() calls = calls + 1 end)
    for _ = 1, 3 do
      fds.raise(USR1)
      turn()
    end
    loop():remove_signal_handler(USR1)
    assert.equal(3, calls)
  end)

  it_awaits("replaces the one before", function()
    local log = {}
    loop():add_signal_handler(USR1, function() log[#log + 1] = "old" end)
    loop():add_signal_handler(USR1, function() log[#log + 1] = "new" end)
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.same({"new"}, log)
  end)

  it_awaits("can be replaced from inside", function()
    local log = {}
    loop():add_signal_handler(USR1, function()
      log[#log + 1] = "first"
      loop():add_signal_handler(USR1, function() log[#log + 1] = "second" end)
    end)
    fds.raise(USR1)
    turn()
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.same({"first", "second"}, log)
  end)

  it_awaits("runs in the context that is given", function()
    local var = asyncio.contextvars.ContextVar("v", {default = "unset"})
    local context = asyncio.contextvars.copy_context()
    context:run(function() var:set("given") end)
    local got
    loop():add_signal_handler(USR1, function() got = var:get() end, kw{context = context})
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.equal("given", got)
  end)

  it_awaits("reports what it raises and goes on", function()
    local errors = {}
    loop():set_exception_handler(function(_, context) errors[#errors + 1] = context.exception end)
    loop():add_signal_handler(USR1, error, "bad", 0)
    fds.raise(USR1)
    turn()
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.same({"bad", "bad"}, errors)
  end)

  it("lets what leaves the loop leave it", function()
    raises(asyncio.SystemExit, testing.run, function()
      loop():add_signal_handler(USR1, error, asyncio.SystemExit(), 0)
      fds.raise(USR1)
      turn()
    end)
    assert.equal("default", fds.disposition(USR1))
  end)

  it_awaits("keeps two signals apart", function()
    local log = {}
    loop():add_signal_handler(USR1, function() log[#log + 1] = 1 end)
    loop():add_signal_handler(USR2, function() log[#log + 1] = 2 end)
    fds.raise(USR2)
    turn()
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    loop():remove_signal_handler(USR2)
    assert.same({2, 1}, log)
  end)

  it_awaits("keeps its callback", function()
    local called = false
    loop():add_signal_handler(USR1, function() called = true end)
    collect()
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.is_true(called)
  end)

  it_awaits("lets go of a callback that is replaced or removed", function()
    local weak = setmetatable({}, {__mode = "k"})
    for _ = 1, 2 do
      local token = {}
      weak[token] = true
      loop():add_signal_handler(USR1, function() return token end)
    end
    loop():remove_signal_handler(USR1)
    collect()
    assert.is_nil(next(weak))
  end)

  it("is called on a loop of real time while it waits", function()
    local called = false
    asyncio.run(function()
      local future = loop():create_future()
      loop():add_signal_handler(USR1, function()
        called = true
        future:set_result()
      end)
      loop():call_later(0.001, fds.raise, USR1)
      await(asyncio.wait_for(future, 10))
    end)
    assert.is_true(called)
  end)

  it_awaits("refuses to await", function()
    local err
    local future = loop():create_future()
    loop():add_signal_handler(USR1, function() err = select(2, pcall(await, future)) end)
    fds.raise(USR1)
    turn()
    loop():remove_signal_handler(USR1)
    assert.matches("^cannot await outside of a task", err.message)
  end)

  for _, value in ipairs{"USR1", true, {}, 1.5} do
    it_awaits("refuses what is no number: " .. tostring(value):sub(1, 5), function()
      raises(asyncio.TypeError, loop().add_signal_handler, loop(), value, print)
    end)
  end

  for _, value in ipairs{0, -1, 1000, math.maxinteger} do
    it_awaits("refuses a number that is no signal: " .. value, function()
      raises(asyncio.ValueError, loop().add_signal_handler, loop(), value, print)
    end)
  end

  for _, name in ipairs{"SIGKILL", "SIGSTOP"} do
    it_awaits("refuses " .. name, function()
      local err = raises(asyncio.RuntimeError, loop().add_signal_handler, loop(), fds[name], print)
      assert.equal(("sig %d cannot be caught"):format(fds[name]), err.message)
    end)
  end

  it_awaits("needs a callback", function()
    assert.is_false((pcall(loop().add_signal_handler, loop(), USR1)))
    raises(asyncio.TypeError, loop().add_signal_handler, loop(), USR1, 5)
    assert.equal("default", fds.disposition(USR1))
  end)

  it_awaits("refuses coroutine functions and coroutine objects", function()
    raises(asyncio.TypeError, loop().add_signal_handler, loop(), USR1, asyncio.async(function() end))
    local coro = asyncio.async(function() end)()
    raises(asyncio.TypeError, loop().add_signal_handler, loop(), USR1, coro)
    coro:close()
  end)

  it("refuses a signal of another loop", function()
    local a, b = testing.new_event_loop(), testing.new_event_loop()
    a:add_signal_handler(USR1, print)
    assert.matches("another", raises(asyncio.RuntimeError, b.add_signal_handler, b, USR1, print).message)
    a:close()
    b:add_signal_handler(USR1, print)
    b:close()
  end)

  it("refuses a closed loop", function()
    local other = testing.new_event_loop()
    other:close()
    assert.equal("Event loop is closed", raises(asyncio.RuntimeError, other.add_signal_handler, other, USR1, print).message)
  end)
end)

describe("remove_signal_handler", function()
  it_awaits("says whether there was one", function()
    assert.is_false(loop():remove_signal_handler(USR1))
    loop():add_signal_handler(USR1, print)
    assert.is_true(loop():remove_signal_handler(USR1))
    assert.is_false(loop():remove_signal_handler(USR1))
  end)

  it_awaits("puts the default back", function()
    loop():add_signal_handler(USR1, print)
    assert.equal("handled", fds.disposition(USR1))
    loop():remove_signal_handler(USR1)
    assert.equal("default", fds.disposition(USR1))
  end)

  it_awaits("takes away one that has come but not run", function()
    local called = false
    loop():add_signal_handler(USR1, function() called = true end)
    fds.raise(USR1)
    loop():remove_signal_handler(USR1)
    turn()
    assert.is_false(called)
  end)

  it_awaits("takes the same care of its argument", function()
    raises(asyncio.TypeError, loop().remove_signal_handler, loop(), "x")
    raises(asyncio.ValueError, loop().remove_signal_handler, loop(), 0)
    raises(asyncio.ValueError, loop().remove_signal_handler, loop(), 1000)
  end)

  it("is done by close", function()
    local other = testing.new_event_loop()
    other:add_signal_handler(USR1, print)
    other:close()
    assert.equal("default", fds.disposition(USR1))
  end)

  it("is done by the collector", function()
    do
      local other = testing.new_event_loop()
      other:add_signal_handler(USR1, print)
    end
    collect()
    collect()
    assert.equal("default", fds.disposition(USR1))
  end)

  it("is done by run", function()
    testing.run(function() loop():add_signal_handler(USR1, print) end)
    assert.equal("default", fds.disposition(USR1))
  end)
end)

describe("SIGINT", function()
  it("cancels the main task, and run raises KeyboardInterrupt", function()
    assert.equal("cancelled CancelledError\nfalse\tKeyboardInterrupt\n", said [[
      print(pcall(asyncio.run, function()
        local ok, err = pcall(function()
          int()
          await(sleep(10))
        end)
        print("cancelled " .. tostring(err))
        error(err, 0)
      end))
    ]])
  end)

  it("lets the main task clean up", function()
    assert.equal("cleaned\nfalse\tKeyboardInterrupt\n", said [[
      print(pcall(asyncio.run, function()
        local _ <close> = setmetatable({}, {__close = function() await(sleep(0)) print "cleaned" end})
        int()
        await(sleep(10))
      end))
    ]])
  end)

  it("is over when the main task takes it and returns", function()
    assert.equal("true\tsurvived\n", said [[
      print(pcall(asyncio.run, function()
        int()
        pcall(await, sleep(10))
        return "survived"
      end))
    ]])
  end)

  it("while the loop waits wakes it", function()
    assert.equal("false\tKeyboardInterrupt\n", said [[
      local child = io.popen("sleep 0.05; kill -INT $PPID")
      print(pcall(asyncio.run, function() await(sleep(10)) end))
      child:close()
    ]])
  end)

  it("cancels the other tasks, too, at the end", function()
    assert.equal("other cancelled\nfalse\tKeyboardInterrupt\n", said [[
      print(pcall(asyncio.run, function()
        create_task(function()
          local ok, err = pcall(await, sleep(10))
          print("other cancelled")
          error(err, 0)
        end)
        await(sleep(0))
        int()
        await(sleep(10))
      end))
    ]])
  end)

  local PLACES = {
    {"the main task", [[int() busy()]]},
    {"another task", [[create_task(function() int() busy() end) await(sleep(10))]]},
    {"a task under pcall", [[int() local ok, err = pcall(busy) error(err, 0)]]},
    {"a callback", [[asyncio.get_running_loop():call_soon(function() int() busy() end) await(sleep(10))]]},
    {"a timer", [[asyncio.get_running_loop():call_later(0, function() int() busy() end) await(sleep(10))]]},
    {"a done callback", [[create_task(function() end):add_done_callback(function() int() busy() end) await(sleep(10))]]},
    {"a nested coroutine", [[int() coroutine.wrap(busy)()]]},
    {"a nested coroutine of a callback", [[
      asyncio.get_running_loop():call_soon(coroutine.wrap(function() int() busy() end))
      await(sleep(10))]]},
    {"a coroutine nested three times", [[int() coroutine.wrap(function() coroutine.wrap(function() coroutine.wrap(busy)() end)() end)()]]},
    {"a nested coroutine that has awaited", [[coroutine.wrap(function() await(sleep(0)) int() busy() end)()]]},
    {"a coroutine whose inner one has ended", [[int() coroutine.wrap(function() coroutine.wrap(function() end)() busy() end)()]]},
    {"a coroutine object", [[await(asyncio.async(function() int() busy() end)())]]},
    {"an eager task", [[asyncio.Task(asyncio.async(function() int() busy() end)(), {eager_start = true}) await(sleep(10))]]},
    {"an object driven by hand", [[asyncio.async(function() int() busy() end)():send()]]},
    {"a metamethod", [[int() return setmetatable({}, {__index = busy}).x]]},
    {"a callback of table.sort", [[int() table.sort({1, 2}, busy)]]},
    {"a subclass's cancel", [[
      local calls = 0 -- the end of run cancels what is left, too
      local F = asyncio.Future:subclass("F", {cancel = function(self, message)
        calls = calls + 1
        if calls == 1 then int() busy() end
        return asyncio.Future.cancel(self, message)
      end})
      local f = F()
      local task = create_task(await, f)
      await(sleep(0))
      task:cancel()
      f:cancel()
      await(sleep(10))]]},
  }

  for _, place in ipairs(PLACES) do
    it("the second time interrupts busy Lua code in " .. place[1], function()
      -- A task keeps what has left the loop, too, and reports that nobody reads it.
      local output = said(([[
        local ok, err = pcall(asyncio.run, function() %s end)
        print(ok, err)
      ]]):format(place[2]))
      assert.matches("false\tKeyboardInterrupt\n$", output)
      assert.not_matches("never interrupted", output)
    end)
  end

  it("the second time leaves no task behind and the loop closed", function()
    assert.equal("true\n", said [[
      local loop
      pcall(asyncio.run, function()
        loop = asyncio.get_running_loop()
        int()
        busy()
      end)
      print(loop:is_closed())
    ]])
  end)

  it("once does not interrupt busy Lua code", function()
    assert.equal("done\nfalse\tKeyboardInterrupt\n", said [[
      print(pcall(asyncio.run, function()
        int()
        for _ = 1, 100000 do end
        print "done"
        await(sleep(10))
      end))
    ]])
  end)

  it("is the interpreter's again after run", function()
    local output, status = run_lua [[
      asyncio.run(function() await(sleep(0)) end)
      int()
      while true do end
    ]]
    assert.matches("interrupted!", output)
    assert.equal(1, status)
  end)

  it("is the interpreter's again after it was used", function()
    local output = run_lua [[
      pcall(asyncio.run, function() int() await(sleep(10)) end)
      int()
      while true do end
    ]]
    assert.matches("interrupted!", output)
  end)

  it("works in each of several runs", function()
    assert.equal("KeyboardInterrupt\nKeyboardInterrupt\nKeyboardInterrupt\n", said [[
      for _ = 1, 3 do print(select(2, pcall(asyncio.run, function() int() await(sleep(10)) end))) end
    ]])
  end)

  it("is not taken over where it is ignored", function()
    assert.equal("through\n", said [[
      fds.ignore(fds.SIGINT)
      asyncio.run(function() int() await(sleep(0.001)) print "through" end)
    ]])
  end)

  it("is put back to the default where that was set", function()
    assert.equal("handled\tdefault\n", said [[
      fds.reset(fds.SIGINT)
      local inside
      asyncio.run(function() inside = fds.disposition(fds.SIGINT) end)
      print(inside, fds.disposition(fds.SIGINT))
    ]])
  end)

  it("can be taken by add_signal_handler inside run", function()
    assert.equal("mine\ntrue\tend\n", said [[
      print(pcall(asyncio.run, function()
        asyncio.get_running_loop():add_signal_handler(fds.SIGINT, print, "mine")
        int()
        await(sleep(0.001))
        return "end"
      end))
    ]])
  end)

  it("is back with the interpreter after add_signal_handler inside run", function()
    assert.matches("interrupted!", (run_lua [[
      asyncio.run(function()
        asyncio.get_running_loop():add_signal_handler(fds.SIGINT, print, "mine")
        await(sleep(0))
      end)
      int()
      while true do end
    ]]))
  end)

  it("at the top of a script ends it with the status of lua", function()
    local output, status = run_lua [[asyncio.run(function() int() await(sleep(10)) end)]]
    assert.matches("KeyboardInterrupt", output)
    assert.equal(1, status)
  end)
end)
