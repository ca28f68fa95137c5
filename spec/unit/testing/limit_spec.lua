-- The time limit of casync.testing.async: it strikes wherever a test may hang, and says who waits for what.
local asyncio = require "casync"
local fds = require "fds"
local process = require "spec.support.process"
local testing = require "casync.testing"
local await, sleep = asyncio.await, asyncio.sleep

local SOON = 0.02 -- seconds: what hangs is not waited for longer

-- The text of the failure of a body that hangs.
local function text_of(f, opts)
  opts = opts or {}
  opts.timeout = SOON
  local ok, err = pcall(testing.async(f, opts))
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, asyncio.AssertionError), tostring(err))
  return err.message
end

local function says(text, ...)
  for _, pattern in ipairs{...} do assert.matches(pattern, text) end
end

local function spins() while true do end end -- luacheck: ignore 542
local function for_ever() return asyncio.get_running_loop():create_future() end

describe("the time limit strikes", function()
  it("where the loop idles for ever", function()
    local near, far = fds.socketpair()
    says(text_of(function()
      asyncio.get_running_loop():add_reader(near, print) -- else nothing could ever happen, which is told at once
      asyncio.current_task():set_name("idler")
      await(for_ever())
    end), "time limit of 0.02 s", "idler", "limit_spec%.lua:%d+")
    fds.close(near)
    fds.close(far)
  end)

  it("on the real clock", function()
    says(text_of(function() await(sleep(1000)) end, {loop_factory = asyncio.new_event_loop}), "time limit", "sleep")
  end)

  it("where virtual time runs for ever", function()
    says(text_of(function() while true do await(sleep(1)) end end), "time limit", "sleep")
  end)

  it("where callbacks follow each other for ever", function()
    says(text_of(function()
      local loop = asyncio.get_running_loop()
      local function again() loop:call_soon(again) end
      again()
      await(for_ever())
    end), "time limit", "uture")
  end)

  it("and shows every task", function()
    local text = text_of(function()
      local event = asyncio.Event()
      for _, name in ipairs{"first", "second"} do
        asyncio.create_task(function() await(event:wait()) end, asyncio.kw{name = name})
      end
      while true do await(sleep(1)) end
    end)
    says(text, "first", "second", "Event.wait")
  end)

  it("in code that does not return to its loop, and shows where", function()
    says(text_of(spins), "does not return to its loop:\n\t[^\n]*limit_spec%.lua:%d+")
  end)

  it("in such code that catches everything", function()
    says(text_of(function() while true do pcall(spins) end end), "does not return to its loop", "pcall")
  end)

  it("in such code in a callback", function()
    says(text_of(function()
      asyncio.get_running_loop():call_soon(spins)
      await(sleep(1))
    end), "does not return to its loop")
  end)

  it("in such code in a nested coroutine", function()
    says(text_of(function() coroutine.wrap(spins)() end), "does not return to its loop")
  end)

  it("in such code in an eager task", function()
    says(text_of(function() asyncio.Task(asyncio.async(spins)(), {eager_start = true}) end), "does not return to its loop")
  end)

  it("in a test that refuses to be cancelled", function()
    says(text_of(function() while true do pcall(await, sleep(1)) end end), "time limit")
  end)

  it("in what the end of a test waits for", function()
    says(text_of(function()
      asyncio.create_task(function() while true do pcall(await, sleep(1)) end end)
      await(sleep(0))
    end, {leaks = false}), "time limit")
  end)

  it("before a call that waits in the kernel is over", function()
    local text = process.run("lua5.4 -e " .. process.quote [[
      local asyncio = require "casync"
      local pipe
      local ok, err = pcall(asyncio.testing.async(function()
        pipe = io.popen("exec sleep 15 2>/dev/null")
        pipe:read("a")
        while true do end
      end, {timeout = 0.05, leaks = false}))
      print(ok, err)
      os.exit(0)
    ]])
    assert.matches("^false\tAssertionError: time limit of 0.05 s exceeded", text)
  end)
end)

describe("the time limit", function()
  it("is over when the test is", function()
    testing.async(function() end, {timeout = SOON})()
    assert.equal("default", fds.disposition(14)) -- SIGALRM's number everywhere
  end)

  it("is the default of testing.defaults", function()
    local before = testing.defaults.timeout
    testing.defaults.timeout = SOON
    local ok, err = pcall(testing.async(function() while true do await(sleep(1)) end end))
    testing.defaults.timeout = before
    assert.is_false(ok)
    assert.matches("time limit of 0.02 s", err.message)
  end)

  it("is 30 seconds, or what the environment says", function()
    local function default_with(variable)
      return (process.run(variable .. [[ lua5.4 -e 'print(require("casync").testing.defaults.timeout)']]))
    end
    assert.equal("30\n", default_with("env -u CASYNC_TEST_TIMEOUT"))
    assert.equal("0.5\n", default_with("CASYNC_TEST_TIMEOUT=0.5"))
  end)

  it("may be none", function()
    assert.equal("x", testing.async(function()
      assert.equal("default", fds.disposition(14))
      return "x"
    end, {timeout = math.huge})())
  end)

  it("leaves no hook behind", function()
    text_of(spins)
    text_of(function()
      asyncio.get_running_loop():call_soon(spins)
      await(sleep(1))
    end)
    assert.is_nil((debug.gethook()))
  end)

  it("leaves the loop of the next test alone", function()
    text_of(function() while true do await(sleep(1)) end end)
    assert.equal(5, testing.async(function() return await(sleep(1, 5)) end)())
  end)

  it("is a number above 0", function()
    for _, wrong in ipairs{0, -1, 0 / 0, "5", {}} do
      assert.is_false((pcall(testing.async, function() end, {timeout = wrong})), tostring(wrong))
    end
  end)
end)
