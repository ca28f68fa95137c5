-- Loops that a host's main task runs while its own loop runs: allowed there, refused everywhere else.
local process = require "spec.support.process"

local PRELUDE = [[
  local asyncio = require "casync"
  local await, sleep = asyncio.await, asyncio.sleep
  local function refused(f, ...)
    local ok, err = pcall(f, ...)
    print(ok, tostring(err))
  end
]]

local function output_of(text)
  return process.with_folder(function(folder)
    process.write(folder .. "/script.lua", PRELUDE .. text)
    return (process.run("casync " .. process.quote(folder .. "/script.lua")))
  end)
end

describe("a host's main task", function()
  it("runs asyncio.run, Runner and run_until_complete as if no loop ran", function()
    assert.equal("1\n2\n3\n", output_of [[
      print(asyncio.run(function() await(sleep(0.001)) return 1 end))
      local runner <close> = asyncio.Runner():enter()
      print(runner:run(function() await(sleep(0.001)) return 2 end))
      local loop = asyncio.new_event_loop()
      print(loop:run_until_complete(sleep(0.001, 3)))
      loop:close()
    ]])
  end)

  it("does so after an await, in a coroutine of its own, and in a callback of C", function()
    assert.equal("1\n2\n3\n", output_of [[
      local function one(n) return asyncio.run(function() await(sleep(0)) return n end) end
      await(sleep(0.001))
      print(one(1))
      print(coroutine.wrap(function() return one(2) end)())
      print((("x"):gsub("x", function() return tostring(one(3)) end)))
    ]])
  end)

  it("has its own loop stand still meanwhile, and go on afterwards", function()
    assert.equal("begin\nend\ntick 1\ntick 2\nrest\n", output_of [[
      local ticks = asyncio.create_task(function() for i = 1, 2 do print("tick " .. i) await(sleep(0)) end end)
      asyncio.run(function() print("begin") await(sleep(0.02)) print("end") end)
      await(ticks)
      print("rest")
    ]])
  end)

  it("has each loop know its own running loop, tasks and current task", function()
    assert.equal("true\ttrue\t1\ttrue\ntrue\ttrue\n", output_of [[
      local outer, main = asyncio.get_running_loop(), asyncio.current_task()
      asyncio.run(function()
        local loop = asyncio.get_running_loop()
        print(loop ~= outer, asyncio.current_task() ~= main, #asyncio.all_tasks(), outer:is_running())
      end)
      print(asyncio.get_running_loop() == outer, asyncio.current_task() == main)
    ]])
  end)

  it("gets errors through", function()
    assert.equal("false\tValueError: inner\n5\n", output_of [[
      refused(asyncio.run, function() await(sleep(0)) error(asyncio.ValueError("inner")) end)
      print(await(sleep(0, 5)))
    ]])
  end)

  it("runs thousands of loops and tasks one after the other", function()
    assert.equal("30000\n", output_of [[
      local sum = 0
      for _ = 1, 300 do
        sum = sum + asyncio.run(function()
          local tasks = {}
          for i = 1, 100 do tasks[i] = asyncio.create_task(sleep(0, 1)) end
          local n = 0
          for _, one in ipairs(await(asyncio.gather(tasks))) do n = n + one end
          return n
        end)
      end
      print(sum)
    ]])
  end)

  it("completes futures of the loop that stands still", function()
    assert.equal("done\n", output_of [[
      local future = asyncio.get_running_loop():create_future()
      asyncio.run(function() future:set_result("done") end)
      print(await(future))
    ]])
  end)

  it("refuses its own loop, which runs", function()
    assert.equal("false\tRuntimeError: This event loop is already running\n", output_of [[
      local loop = asyncio.get_running_loop()
      refused(loop.run_until_complete, loop, asyncio.get_running_loop():create_future())
    ]])
  end)
end)

describe("a running loop refuses others", function()
  local REFUSED = "false\tRuntimeError: asyncio.run() cannot be called from a running event loop\n"

  it("in other tasks of the host", function()
    assert.equal(REFUSED, output_of "await(asyncio.create_task(function() refused(asyncio.run, print) end))")
  end)

  it("in callbacks of the host", function()
    assert.equal(REFUSED, output_of "asyncio.get_running_loop():call_soon(refused, asyncio.run, print) await(sleep(0))")
  end)

  it("in tasks of the inner loop", function()
    assert.equal(REFUSED, output_of "asyncio.run(function() refused(asyncio.run, print) end)")
  end)

  it("in eager tasks that the main task starts", function()
    assert.equal(REFUSED, output_of [[
      asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
      await(asyncio.create_task(function() refused(asyncio.run, print) end))
    ]])
  end)

  it("in Runner.run and run_until_complete", function()
    assert.equal("false\tRuntimeError: Runner.run() cannot be called from a running event loop\n"
      .. "false\tRuntimeError: Cannot run the event loop while another loop is running\n", output_of [[
      await(asyncio.create_task(function()
        local runner, loop = asyncio.Runner(), asyncio.new_event_loop()
        refused(runner.run, runner, print)
        refused(loop.run_until_complete, loop, loop:create_future())
        loop:close()
      end))
    ]])
  end)
end)
