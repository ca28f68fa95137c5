-- Task and create_task: every method, wrong uses, cancellation, subclasses, the end of the process, what the collector does.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task

local function loop() return asyncio.get_running_loop() end
local function new_future() return loop():create_future() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

-- Runs a chunk in a process of its own; returns what it prints, its errors included, and the exit status.
local function run_lua(chunk)
  return process.run("lua5.4 -e " .. process.quote([[
    local asyncio = require "casync"
    local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
    local function collect() collectgarbage() collectgarbage() end
  ]] .. chunk))
end

local function said(chunk)
  local output, status = run_lua(chunk)
  return status == 0 and output or output .. "(status " .. tostring(status) .. ")"
end

describe("a pending task that outlives its loop", function()
  local function pending(finish)
    local task
    do
      local other = testing.new_event_loop()
      other:set_exception_handler(function() end)
      other:run_until_complete(function() task = create_task(function() await(sleep(100)) end) await(sleep(1)) end)
      finish(other)
    end
    collect()
    collect()
    return task
  end

  for name, finish in pairs{closed = function(l) l:close() end} do
    it("stays pending: " .. name, function() assert.is_false(pending(finish):done()) end)

    it("can be cancelled: " .. name, function()
      local task = pending(finish)
      assert.is_true(task:cancel())
      assert.equal(1, task:cancelling())
    end)

    it("can be shown: " .. name, function() assert.matches("Task", tostring(pending(finish))) end)
  end

  it("can be asked anything when its loop was collected", function()
    assert.equal("alive\n", (said [[
      local task
      do
        local loop = asyncio.testing.new_event_loop()
        loop:run_until_complete(function() task = create_task(function() await(sleep(100)) end) await(sleep(1)) end)
      end
      collect() collect()
      for _, method in ipairs{"done", "cancelled", "result", "exception", "cancel", "get_loop", "get_name", "get_coro", "get_context",
        "cancelling", "uncancel", "add_done_callback", "remove_done_callback"} do
        pcall(task[method], task, print)
        tostring(task)
        collect()
      end
      asyncio.testing.run(function()
        pcall(await, task)
        pcall(asyncio.gather, task)
        pcall(asyncio.shield, task)
        pcall(await, create_task(function() pcall(await, asyncio.wait({task}, {timeout = 1})) end))
      end)
      io.stderr:close()
      print "alive"
    ]]):match("alive\n.*$"))
  end)

  it("takes a gather with it", function()
    assert.equal("alive\n", (said [[
      local gathered, child
      do
        local loop = asyncio.testing.new_event_loop()
        loop:run_until_complete(function()
          child = loop:create_future()
          gathered = asyncio.gather(child, create_task(function() await(sleep(100)) end))
          await(sleep(1))
        end)
        loop:close()
      end
      collect() collect()
      pcall(child.set_result, child, 1)
      pcall(gathered.cancel, gathered)
      collect()
      io.stderr:close()
      print "alive"
    ]]):match("alive\n.*$"))
  end)
end)

describe("the end of the process", function()
  local function ends_with(status, chunk)
    local output, got = run_lua(chunk)
    assert.equal(status, got, output)
    return output
  end

  for name, exit in pairs{["os.exit"] = "os.exit(7)", ["os.exit that closes the state"] = "os.exit(7, true)"} do
    it("by " .. name .. " in a task is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function() await(sleep(10)) end)
          await(sleep(0))
          %s
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a nested coroutine is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          coroutine.wrap(function() await(sleep(0)) %s end)()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a callback is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          asyncio.get_running_loop():call_soon(function() %s end)
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a done callback is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function() end):add_done_callback(function() %s end)
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an exception handler is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          local loop = asyncio.get_running_loop()
          loop:set_exception_handler(function() %s end)
          loop:call_soon(error, "x")
          await(sleep(1))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a finalizer is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          setmetatable({}, {__gc = function() %s end})
          collect()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a cancelled task's cleanup is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          create_task(function()
            local _ <close> = setmetatable({}, {__close = function() await(sleep(0)) %s end})
            await(sleep(10))
          end)
          await(sleep(0))
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in a subclass's cancel is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          local F = asyncio.Future:subclass("F", {cancel = function() %s end})
          local f = F()
          local task = create_task(await, f)
          await(sleep(0))
          task:cancel()
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an eager task is clean", function()
      ends_with(7, ([[
        asyncio.run(function()
          asyncio.Task(asyncio.async(function() %s end)(), {eager_start = true})
        end)
      ]]):format(exit))
    end)

    it("by " .. name .. " in an object driven by hand is clean", function()
      ends_with(7, ([[
        local coro = asyncio.async(function() await(sleep(0)) %s end)()
        coro:send()
        coro:send()
      ]]):format(exit))
    end)
  end

  it("with tasks pending is reported, and none of their Lua runs", function()
    local output = ends_with(0, [[
      loop = asyncio.new_event_loop()
      loop:run_until_complete(function()
        create_task(function()
          local _ <close> = setmetatable({}, {__close = function() print "closing" end})
          await(sleep(10))
        end)
        asyncio.gather(create_task(function() await(sleep(10)) end))
        await(sleep(0))
      end)
    ]])
    assert.matches("Task was destroyed but it is pending!", output)
    assert.not_matches("closing", output)
  end)

  it("with futures, timers, handles and signals left is clean", function()
    ends_with(0, [[
      loop = asyncio.new_event_loop()
      future = loop:create_future()
      future:add_done_callback(print)
      timer = loop:call_later(10, print)
      handle = loop:call_soon(print)
      loop:add_signal_handler(10, print)
      pcall(loop.add_reader, loop, 0, print) -- refused where standard input is a file
    ]])
  end)

  it("by an error that leaves run has the status of lua", function()
    local output = ends_with(1, [[asyncio.run(function() create_task(function() await(sleep(10)) end) error("x") end)]])
    assert.matches("x\nstack traceback", output)
  end)

  it("of a state with several loops is clean", function()
    ends_with(0, [[
      loops = {}
      for i = 1, 5 do
        loops[i] = asyncio.new_event_loop()
        loops[i]:create_task(function() await(sleep(10)) end)
        if i % 2 == 0 then loops[i]:run_until_complete(function() end) end
      end
    ]])
  end)
end)

describe("memory", function()
  it("does not grow with tasks that come and go", function()
    testing.run(function()
      local function work()
        for _ = 1, 200 do await(create_task(function() await(sleep(1)) end)) end
        collect()
        return collectgarbage("count")
      end
      work()
      local before = work()
      assert.is_true(work() - before < 4)
    end)
  end)

  it("does not grow with loops that come and go", function()
    local function work()
      for _ = 1, 20 do
        testing.run(function()
          local f = new_future()
          f:add_done_callback(function() end)
          asyncio.gather(f, create_task(sleep, 5))
          create_task(function() await(sleep(5)) end)
          loop():call_later(5, print)
          turn()
        end)
      end
      collect()
      collect()
      return collectgarbage("count")
    end
    work()
    local before = work()
    assert.is_true(work() - before < 8)
  end)

  it("does not grow with cycles through callbacks", function()
    testing.run(function()
      local weak = setmetatable({}, {__mode = "k"})
      for _ = 1, 100 do
        local future = new_future()
        local task = create_task(function() return future end)
        future:add_done_callback(function() return task, future end)
        task:add_done_callback(function() return task, future end)
        weak[future], weak[task] = true, true
      end
      turn()
      collect()
      collect()
      assert.is_nil(next(weak))
    end)
  end)
end)
