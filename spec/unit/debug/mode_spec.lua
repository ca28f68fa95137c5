-- lua/casync/debug/mode.lua and the core's debug/observe.c: turning debug mode on, and callbacks that take long. The clock is virtual, so
-- that every callback takes 0.000 seconds.
local asyncio = require "casync"
local debugging = require "spec.support.debugging"
local await, kw = asyncio.await, asyncio.kw

local HERE = "spec/unit/debug/mode_spec%.lua"

local function loop() return asyncio.get_running_loop() end

local function line() return debug.getinfo(2, "l").currentline end

-- What was logged about a pattern.
local function about(logged, pattern)
  local found = {}
  for _, text in ipairs(logged) do
    if text:find(pattern) then found[#found + 1] = text end
  end
  return found
end

describe("slow_callback_duration", function()
  it("is a tenth of a second, and each loop's own", function()
    local a, b = asyncio.testing.new_event_loop(), asyncio.testing.new_event_loop()
    assert.equal(0.1, a.slow_callback_duration)
    a.slow_callback_duration = 2
    assert.equal(2, a.slow_callback_duration)
    assert.equal(0.1, b.slow_callback_duration)
    a:close()
    b:close()
  end)
end)

describe("a callback that takes long", function()
  it("is logged with its function and where it was made", function()
    local made, f
    local _, logged = debugging(function()
      loop().slow_callback_duration = 0
      f = line() + 1
      local function callback() end
      made = line() + 1
      loop():call_soon(callback)
      await(asyncio.sleep(0))
      loop().slow_callback_duration = 1
    end)
    local found = about(logged, "Executing <Handle function")
    assert.equal(1, #found)
    assert.matches(("^WARNING: Executing <Handle function <%s:%d> created at %s:%d> took 0%%.000 seconds$"):format(HERE, f, HERE, made),
      found[1])
  end)

  it("is logged when a timer ran it", function()
    local _, logged = debugging(function()
      loop():call_later(1, function() end)
      loop().slow_callback_duration = 0
      await(asyncio.sleep(2))
      loop().slow_callback_duration = 1
    end)
    local found = about(logged, "Executing <TimerHandle function <" .. HERE)
    assert.equal(1, #found)
  end)

  it("is logged as the task that it is a step of, with the line where that goes on", function()
    local awaits
    local _, logged = debugging(function()
      local task = asyncio.create_task(function()
        awaits = line() + 1
        await(asyncio.sleep(1))
        return 7
      end, kw{name = "slow"})
      loop().slow_callback_duration = 0
      await(task)
      loop().slow_callback_duration = 1
    end)
    local found = about(logged, "Executing <Task %l+ name='slow'")
    assert.equal(2, #found)
    assert.matches(("Executing <Task pending name='slow' coro=<.-running at %s:%d> .-created at %s:%d> took 0%%.000 seconds$")
      :format(HERE, awaits, HERE, awaits - 2), found[1])
    assert.matches("Executing <Task finished name='slow' .- result=7 ", found[2])
  end)

  it("is logged as the method of a protocol that it called", function()
    local data
    local _, logged = debugging(function()
      local done = loop():create_future()
      local server = await(loop():create_server(function()
        data = line() + 1
        return {data_received = function() done:set_result() end}
      end, "127.0.0.1", 0))
      local transport = await(loop():create_connection(function() return {} end, "127.0.0.1", server.sockets[1]:getsockname().port))
      loop().slow_callback_duration = 0
      transport:write("x")
      await(done)
      loop().slow_callback_duration = 1
      transport:close()
      server:close()
      await(server:wait_closed())
    end)
    local found = about(logged, "data_received")
    assert.equal(1, #found)
    assert.matches(("Executing <Handle data_received%%(%%) function <%s:%d>> took 0%%.000 seconds$"):format(HERE, data), found[1])
  end)

  it("took as long as the loop's clock says", function()
    local logged = {}
    asyncio.log.logger.handler = function(_, text) logged[#logged + 1] = text end
    asyncio.run(function()
      local function busy()
        local start = loop():time()
        repeat until loop():time() - start >= 0.002
      end
      loop().slow_callback_duration = 0.002
      loop():call_soon(busy)
      await(asyncio.sleep(0))
    end, kw{debug = true})
    asyncio.log.logger.handler = nil
    local found = about(logged, "Handle")
    assert.equal(1, #found)
    assert.is_true(tonumber(found[1]:match("took (%d+%.%d%d%d) seconds$")) >= 0.002)
  end)

  it("is not logged below the limit, nor when it was cancelled, nor out of debug mode", function()
    local _, logged = debugging(function()
      loop():call_soon(function() end)
      await(asyncio.sleep(1))
      loop().slow_callback_duration = 0
      loop():call_soon(function() end):cancel()
      await(asyncio.sleep(0))
      loop().slow_callback_duration = 1
    end)
    assert.same({}, about(logged, "Handle"))
    _, logged = debugging(function()
      loop().slow_callback_duration = 0
      loop():call_soon(function() end)
      await(asyncio.sleep(1))
    end, {debug = false})
    assert.same({}, logged)
  end)

  it("may raise, and may cancel itself", function()
    local reports, logged = debugging(function()
      loop().slow_callback_duration = 0
      local handle
      handle = loop():call_soon(function() handle:cancel() end)
      loop():call_soon(error, "oops")
      await(asyncio.sleep(0))
      loop().slow_callback_duration = 1
    end)
    assert.equal(2, #about(logged, "Executing <Handle"))
    assert.equal(1, #reports)
    assert.equal("oops", reports[1].exception)
  end)

  it("is told of whatever the limit is set to", function()
    local _, logged = debugging(function()
      loop().slow_callback_duration = nil
      loop():call_soon(function() end)
      await(asyncio.sleep(0))
      loop().slow_callback_duration = math.huge
      loop():call_soon(function() end)
      await(asyncio.sleep(0))
    end)
    assert.same({}, logged)
  end)
end)

describe("set_debug", function()
  it("counts from the next callback on", function()
    local _, logged = debugging(function()
      loop().slow_callback_duration = 0
      loop():call_soon(function() loop():set_debug(true) end)
      loop():call_soon(function() loop():set_debug(false) end)
      loop():call_soon(function() end)
      await(asyncio.sleep(0))
      await(asyncio.sleep(1))
    end, {debug = false})
    assert.equal(1, #logged)
    assert.matches("Executing <Handle function", logged[1])
  end)

  it("does not change the order in which things run", function()
    local function trace(opts)
      local seen = {}
      debugging(function()
        local function note(...) seen[#seen + 1] = table.concat({...}, " ") end
        local future = loop():create_future()
        future:add_done_callback(function() note("done") end)
        for i = 1, 3 do
          asyncio.create_task(function()
            note("task", i)
            loop():call_soon(note, "soon", i)
            await(asyncio.sleep(i % 2))
            if i == 2 then future:set_result() end
            note("task again", i)
          end)
        end
        loop():call_later(1, note, "later")
        await(asyncio.sleep(2))
        note("iterations", loop():_iterations())
      end, opts)
      return seen
    end
    assert.same(trace{debug = false}, trace{debug = true})
  end)

  it("leaves alone what leaves the loop", function()
    local own = asyncio.testing.new_event_loop()
    own:set_debug(true)
    local seen = {}
    own:call_soon(function() error(asyncio.SystemExit(3), 0) end)
    own:call_soon(function() seen[#seen + 1] = "later" end)
    local ok, err = pcall(own.run_forever, own)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.SystemExit))
    assert.same({}, seen)
    own:call_soon(own.stop, own)
    own:run_forever()
    assert.same({"later"}, seen)
    own:close()
  end)

  it("takes a boolean only", function()
    local own = asyncio.testing.new_event_loop()
    assert.is_false(pcall(own.set_debug, own, 1))
    assert.is_false(own:get_debug())
    own:close()
  end)
end)

describe("a second thread, in debug mode", function()
  local states = require "states"

  local function refused(f)
    local ok, err = states.in_thread(f)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.RuntimeError), tostring(err))
    assert.equal("Non-thread-safe operation invoked on an event loop other than the current one", err.message)
  end

  it("can wake nobody", function()
    debugging(function()
      local future, event, queue, lock = loop():create_future(), asyncio.Event(), asyncio.Queue(), asyncio.Lock()
      local semaphore, bounded, full = asyncio.Semaphore(0), asyncio.BoundedSemaphore(1), asyncio.Queue(1)
      future:add_done_callback(function() end)
      full:put_nowait(1)
      await(lock:acquire())
      await(bounded:acquire())
      local task = asyncio.create_task(function() await(event:wait()) end)
      local waits = asyncio.gather(task, queue:get(), full:put(2), full:join(), semaphore:acquire(), bounded:acquire())
      await(asyncio.sleep(0))
      refused(function() future:set_result(1) end)
      refused(function() future:set_exception("x") end)
      refused(function() future:cancel() end)
      refused(function() task:cancel() end)
      refused(function() event:set() end)
      refused(function() queue:put_nowait(1) end)
      refused(function() full:get_nowait() end)
      refused(function() full:task_done() end)
      refused(function() queue:shutdown() end)
      refused(function() lock:release() end)
      refused(function() semaphore:release() end)
      refused(function() bounded:release() end)
      assert.is_false(future:done() or event:is_set() or semaphore:locked() == false or task:cancelling() > 0)
      assert.is_true(queue:empty() and full:full() and lock:locked() and bounded:locked())
      for _, each in ipairs{lock, bounded, semaphore} do each:release() end
      event:set()
      queue:put_nowait(7)
      for _ = 1, 2 do
        await(full:get())
        full:task_done()
      end
      assert.equal(7, await(waits)[2])
      refused(function() task:add_done_callback(print) end)
    end)
  end)

  it("may ask", function()
    debugging(function()
      local event = asyncio.Event()
      assert.same({true, false}, {states.in_thread(function() return event:is_set() end)})
    end)
  end)
end)
