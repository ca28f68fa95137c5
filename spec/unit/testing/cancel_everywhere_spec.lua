-- casync.testing.cancel_everywhere: what it finds, what it says, what it leaves alone.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, sleep, create_task, kw = asyncio.await, asyncio.sleep, asyncio.create_task, asyncio.kw
local cancel_everywhere = testing.cancel_everywhere

local NOW = 0.01 -- seconds that leaks get to go away, in functions that leak
local WAITING = {"waiting"}

-- The text of the failure for a function that cleans up badly.
local function text_of(f, options)
  options = options or {}
  options.settle = NOW
  options.when = options.when or WAITING
  local ok, err = pcall(cancel_everywhere, f, options)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, asyncio.AssertionError), tostring(err))
  assert.matches("^cancel_everywhere: ", err.message)
  return err.message
end

local function in_order(text, ...)
  local from = 1
  for _, pattern in ipairs{...} do
    local first, last = text:find(pattern, from)
    assert(first, ("no '%s' in this place of: %s"):format(pattern, text))
    from = last + 1
  end
end

describe("cancel_everywhere finds", function()
  it("a task that is left", function()
    in_order(text_of(function()
      await(sleep(1))
      local task = create_task(function() await(sleep(10)) end, kw{name = "child"})
      await(sleep(1))
      task:cancel()
    end), "1 of 4 runs failed", "cancelled while it waited at its 2nd suspension %(at cancel_everywhere_spec%.lua:%d+, awaits sleep",
      "left behind:", "task 'child' at cancel_everywhere_spec%.lua:%d+")
  end)

  it("a timer and an open generator that are left", function()
    in_order(text_of(function()
      local timer = asyncio.get_running_loop():call_later(10, print)
      await(sleep(1))
      timer:cancel()
    end), "timer <TimerHandle when=10")
    in_order(text_of(function()
      local generator = asyncio.generator(function(yield) yield(1) end)()
      await(generator:asend())
      await(sleep(1))
      await(generator:aclose())
    end), "open generator")
  end)

  it("a cancellation that was swallowed", function()
    in_order(text_of(function() pcall(await, sleep(1)) end), "1st suspension", "swallowed: it returned")
  end)

  it("another error than CancelledError", function()
    in_order(text_of(function() if not pcall(await, sleep(1)) then error("other") end end), "1st suspension",
      "raised another error than CancelledError: .*cancel_everywhere_spec%.lua:%d+: other")
  end)

  it("a clean-up that never ends", function()
    in_order(text_of(function()
      if not pcall(await, sleep(1)) then await(asyncio.get_running_loop():create_future()) end
    end), "1st suspension", "nothing is ready and no timer is left")
    in_order(text_of(function()
      if not pcall(await, sleep(1)) then while true do await(sleep(1)) end end
    end, {timeout = 0.02}), "1st suspension", "time limit of 0.02 s exceeded")
  end)

  it("an error that nobody got", function()
    in_order(text_of(function()
      if not pcall(await, sleep(1)) then
        create_task(function() error("lost") end)
        await(sleep(0))
        error(asyncio.CancelledError(), 0)
      end
    end), "1st suspension", "reported: Task exception was never retrieved", "lost")
  end)

  it("what check does not like", function()
    in_order(text_of(function(lock)
      await(lock:acquire())
      await(sleep(1))
      lock:release()
    end, {setup = asyncio.Lock, check = function(lock) assert(not lock:locked(), "still locked") end}),
      "1st suspension", "still locked")
  end)

  it("what is lost when the wait is over in the same turn", function()
    -- An item that has left the queue but reached nobody.
    local function careless(queue)
      local future = asyncio.get_running_loop():create_future()
      asyncio.get_running_loop():call_later(1, function() future:set_result(queue:get_nowait()) end)
      local item = await(future)
      queue:put_nowait(item)
    end
    local function setup()
      local queue = asyncio.Queue()
      queue:put_nowait("x")
      return queue
    end
    local function check(queue)
      await(sleep(2))
      if queue:empty() then error("lost", 0) end
    end
    local options = {setup = setup, check = check, when = {"completed"}}
    in_order(text_of(careless, options), "cancelled in the turn in which its wait was over at its 1st suspension", "lost")
    cancel_everywhere(function(queue) await(queue:get()) queue:put_nowait("x") await(sleep(1)) end, options)
  end)

  it("what a second request does to a clean-up", function()
    local function twice(event)
      if not pcall(await, sleep(1)) then
        event:clear()
        await(sleep(1)) -- is cancelled too
        event:set()
        error(asyncio.CancelledError(), 0)
      end
    end
    local function setup()
      local event = asyncio.Event()
      event:set()
      return event
    end
    local function check(event) assert(event:is_set(), "not cleaned up") end
    assert.equal(1, cancel_everywhere(twice, {setup = setup, check = check}).suspensions)
    in_order(text_of(twice, {setup = setup, check = check, when = {"cleaning"}}), "and again in its clean%-up", "not cleaned up")
  end)
end)

describe("cancel_everywhere", function()
  it("cancels at each suspension, once in a run", function()
    local log, last = {}, nil
    local result = cancel_everywhere(function()
      last = {}
      log[#log + 1] = last
      for i = 1, 3 do
        last[i] = pcall(await, sleep(1))
        if not last[i] then error(asyncio.CancelledError(), 0) end
      end
    end, {when = WAITING})
    assert.same({{true, true, true}, {false}, {true, false}, {true, true, false}, {true, true, true}}, log)
    assert.equal(3, result.suspensions)
    assert.equal(5, result.runs)
    assert.equal(3, #result.places)
    assert.matches("^at cancel_everywhere_spec%.lua:%d+, awaits sleep", result.places[1])
    assert.same(testing.unchecked(), result.unchecked)
  end)

  it("sees suspensions below pcall, in nested coroutines, by Lua's own yield", function()
    assert.equal(4, cancel_everywhere(function()
      local ok, err = pcall(await, sleep(1))
      if not ok then error(err, 0) end
      coroutine.wrap(function() await(sleep(1)) end)()
      coroutine.yield()
      await(sleep(0))
    end).suspensions)
  end)

  it("gives what setup returned, and each run a loop of its own", function()
    local loops = {}
    cancel_everywhere(function(a, b, c)
      assert.same({1, nil, 3}, {a, b, c})
      loops[asyncio.get_running_loop()] = true
      await(sleep(1))
    end, {setup = function() return 1, nil, 3 end, check = function(a, b, c) assert.same({1, nil, 3}, {a, b, c}) end,
      when = WAITING})
    local n = 0
    for loop in pairs(loops) do
      assert.is_true(loop:is_closed())
      n = n + 1
    end
    assert.equal(3, n)
  end)

  it("lets setup and check await, and does not count that", function()
    assert.equal(1, cancel_everywhere(function() await(sleep(1)) end, {
      setup = function() await(sleep(1)) end,
      check = function() await(sleep(1)) end,
    }).suspensions)
  end)

  it("lets a function swallow, or raise what it may", function()
    cancel_everywhere(function() pcall(await, sleep(1)) end, {swallows = true})
    cancel_everywhere(function() if not pcall(await, sleep(1)) then error(asyncio.ValueError("x")) end end,
      {errors = {asyncio.ValueError}})
  end)

  it("runs on the clock that it is told", function()
    assert.equal(1, cancel_everywhere(function() await(sleep(0.001)) end, {loop_factory = asyncio.new_event_loop}).suspensions)
  end)

  it("first runs the function to its end, which must go well", function()
    assert.matches("fails without being cancelled: .*mine", text_of(function() await(sleep(1)) error("mine") end))
    assert.matches("fails without being cancelled: raised CancelledError", text_of(function()
      asyncio.current_task():cancel()
      await(sleep(1))
    end))
    assert.matches("fails without being cancelled: .*left behind", text_of(function()
      create_task(sleep(10))
      await(sleep(1))
    end))
    assert.matches("never suspended", text_of(function() end))
  end)

  it("gives up where there is no end", function()
    assert.matches("more than 3 suspensions", text_of(function() for _ = 1, 5 do await(sleep(1)) end end, {most = 3}))
  end)

  it("stops after ten failures", function()
    local text = text_of(function() for _ = 1, 20 do pcall(await, sleep(1)) end end)
    assert.matches("10 of 11 runs failed", text)
    assert.is_nil(text:find("11th", 1, true))
  end)

  it("lets KeyboardInterrupt out", function()
    local ok, err = pcall(cancel_everywhere, function()
      await(sleep(1))
      error(asyncio.KeyboardInterrupt(), 0)
    end)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.KeyboardInterrupt))
  end)

  it("refuses what it does not know", function()
    local function refuses(...) assert.is_false((pcall(cancel_everywhere, ...))) end
    refuses(5)
    refuses(print, {when = {"never"}})
    refuses(print, {when = "waiting"})
    refuses(print, {elephants = 1})
    refuses(print, {most = "x"})
    refuses(print, {timeout = -1})
  end)
end)
