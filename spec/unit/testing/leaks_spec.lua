-- The leak checks of casync.testing: each of them finds what it is for and says what it is; nothing else fails a test.
local asyncio = require "casync"
local fds = require "fds"
local process = require "spec.support.process"
local testing = require "casync.testing"
local await, sleep, create_task, kw = asyncio.await, asyncio.sleep, asyncio.create_task, asyncio.kw

local NOW = 0.01 -- seconds that leaks get to go away, in tests that leak

local function message_of(f)
  local ok, err = pcall(f)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, asyncio.AssertionError), tostring(err))
  assert.matches("^left behind:\n", err.message)
  return err.message
end

-- What a body that awaits is told that it left.
local function left_by(f, leaks) return message_of(testing.async(f, {settle = NOW, leaks = leaks})) end

local function new_future() return asyncio.get_running_loop():create_future() end
local function nothing() end

describe("a task that is left", function()
  it("is named, with its line and what it waits for", function()
    local text = left_by(function()
      create_task(function() await(sleep(5)) end, kw{name = "straggler"})
      await(sleep(0))
    end)
    assert.matches("\n  task 'straggler' at leaks_spec%.lua:%d+, awaits sleep%(5 s left%)$", text)
  end)

  it("is found before it has begun to wait", function()
    assert.matches("task 'Task%-%d+'", left_by(function() create_task(function() await(sleep(5)) end) end))
  end)

  it("is ended all the same", function()
    local task
    left_by(function()
      task = create_task(sleep(5))
      await(sleep(0))
    end)
    assert.is_true(task:cancelled())
  end)

  it("is none if it only needs some iterations to end", function()
    testing.async(function()
      local task = create_task(sleep(5))
      await(sleep(0))
      task:cancel()
    end, {settle = NOW})()
  end)

  it("is allowed where the options say so", function()
    testing.async(function() create_task(sleep(5)) end, {leaks = {tasks = false}})()
  end)
end)

describe("a connection that is left", function()
  local options = {settle = NOW, loop_factory = asyncio.new_event_loop}

  it("is named with its addresses", function()
    local kept
    local text = message_of(testing.async(function()
      local near, far = fds.socketpair()
      fds.close(far)
      local loop = asyncio.get_running_loop()
      require "casync.net"
      kept = require("casync.core").open_transport(loop, near, asyncio.Protocol(), nil, new_future())
      kept:pause_reading()
    end, options))
    assert.matches("\n  transport <SocketTransport fd=%d+", text)
    assert.is_true(kept:is_closing())
  end)

  it("may be a server's", function()
    local text = message_of(testing.async(function()
      await(asyncio.start_server(function() end, "127.0.0.1", 0))
    end, options))
    assert.matches("\n  listening socket <Socket fd=%d+.*laddr=%('127%.0%.0%.1', %d+%)", text)
  end)
end)

describe("what a loop watches", function()
  it("may be a descriptor", function()
    local near, far = fds.socketpair()
    local text = left_by(function() asyncio.get_running_loop():add_reader(near, nothing) end)
    assert.matches(("\n  reader of descriptor %d: <Handle"):format(near), text)
    text = left_by(function() asyncio.get_running_loop():add_writer(near, nothing) end)
    assert.matches(("\n  writer of descriptor %d: <Handle"):format(near), text)
    fds.close(near)
    fds.close(far)
  end)

  it("may be a signal", function()
    local text = left_by(function() asyncio.get_running_loop():add_signal_handler(fds.SIGUSR1, print) end)
    assert.matches(("\n  handler of signal %d: <Handle"):format(fds.SIGUSR1), text)
  end)
end)

describe("where the options ask for them,", function()
  it("timers count", function()
    local function f() asyncio.get_running_loop():call_later(5, print) end
    testing.async(f)()
    assert.matches("\n  timer <TimerHandle when=5", left_by(f, {timers = true}))
  end)

  it("open generators count", function()
    local function f() await(asyncio.generator(function(yield) yield(1) end)():asend()) end
    testing.async(f)()
    assert.matches("\n  open generator ", left_by(f, {generators = true}))
  end)
end)

describe("what nobody got", function()
  it("may be a task's error", function()
    local text = left_by(function()
      create_task(function() error("unread") end)
      await(sleep(1))
    end)
    assert.matches("\n  reported: Task exception was never retrieved\n.*leaks_spec%.lua:%d+: unread", text)
  end)

  it("may be a callback's error", function()
    local text = left_by(function()
      asyncio.get_running_loop():call_soon(error, "loud")
      await(sleep(1))
    end)
    assert.matches("\n  reported: Exception in callback.*loud", text)
  end)

  it("may be a coroutine", function()
    local text = left_by(function() asyncio.async("lost", function() end)() end)
    assert.matches("\n  reported: coroutine 'lost' was never awaited", text)
  end)

  it("is no leak where the test has an exception handler", function()
    local reports = 0
    testing.async(function()
      asyncio.get_running_loop():set_exception_handler(function() reports = reports + 1 end)
      create_task(function() error("unread") end)
      await(sleep(1))
    end)()
    assert.equal(1, reports)
  end)
end)

describe("what the process has left", function()
  -- What a body that does not await is told that it left.
  local function left_in_process(f, leaks) return message_of(testing.no_leaks(f, {settle = NOW, leaks = leaks})) end

  it("may be descriptors of all kinds, each named", function()
    local fd
    local function check(pattern, f)
      local text = left_in_process(function() fd = f() end)
      fds.close(fd)
      assert.matches(("\n  descriptor %d: %s"):format(fd, pattern), text)
    end
    check("file .*leaks_spec%.lua$", function() return fds.open("spec/unit/testing/leaks_spec.lua") end)
    check("device /dev/null$", function() return fds.open("/dev/null") end)
    check("folder .*/spec$", function() return fds.open("spec") end)
    check("pipe$", function()
      local from, to = fds.pipe()
      fds.close(to)
      return from
    end)
    check("socket$", function()
      local near, far = fds.socketpair()
      fds.close(far)
      return near
    end)
  end)

  it("may be sockets, named with their addresses", function()
    local core = require "casync.core"
    require "casync.sockets"
    local socket
    local text = left_in_process(function()
      socket = core.socket(2, 1, 0)
      socket:bind{"127.0.0.1", 0}
    end)
    assert.matches(("descriptor %d: socket 127%%.0%%.0%%.1:%d"):format(socket:fileno(), socket:getsockname().port), text)
    socket:close()
  end)

  it("may be a descriptor that took another one's number", function()
    local first = fds.open("/dev/null")
    local text = left_in_process(function()
      fds.close(first)
      assert(first == fds.open("/dev/zero"))
    end)
    fds.close(first)
    assert.matches("device /dev/zero", text)
  end)

  it("may be a process", function()
    local pipe
    local text = left_in_process(function() pipe = io.popen("exec sleep 15") end)
    local pid = text:match("\n  child process (%d+): [^\n]*sleep 15")
    assert(pid, text)
    os.execute("kill " .. pid)
    pipe:close()
  end)

  it("may be a loop", function()
    local loop
    local text = left_in_process(function() loop = asyncio.new_event_loop() end)
    loop:close()
    assert.matches("\n  loop that is not closed: <Loop running=false", text)
  end)

  it("may be a thread", function()
    local loop = asyncio.new_event_loop()
    local text = left_in_process(function() -- the threads of a loop wait for more work, until it is closed
      loop:run_until_complete(loop:getaddrinfo("localhost", 80))
    end)
    loop:close()
    assert.matches("\n  a thread$", text)
  end)

  it("is not what the collector closes", function()
    testing.no_leaks(function() io.open("/dev/null") end)()
  end)

  it("is not what was there before, and not looked for unless asked", function()
    local fd
    testing.no_leaks(function() end)()
    testing.no_leaks(function() fd = fds.open("/dev/null") end, {leaks = {descriptors = false}})()
    testing.no_leaks(function() fds.close(fd) end, {settle = NOW})()
  end)

  it("is looked for after a test that awaits, too", function()
    local fd
    assert.matches("descriptor %d+: device /dev/null", left_by(function() fd = fds.open("/dev/null") end))
    fds.close(fd)
    testing.async(function() fd = fds.open("/dev/null") end, {leaks = false})()
    fds.close(fd)
  end)

  it("is looked for around each test of a describe", function()
    local before, after, fd
    testing.check_leaks(function(f) before = f end, function(f) after = f end, {settle = NOW})
    before()
    after()
    before()
    fd = fds.open("/dev/null")
    assert.matches("descriptor %d+: device /dev/null", message_of(after))
    fds.close(fd)
  end)
end)

describe("leak checks", function()
  it("come after the error of the test itself", function()
    local ok, err = pcall(testing.async(function()
      create_task(sleep(5))
      error("mine", 0)
    end, {settle = NOW}))
    assert.is_false(ok)
    assert.equal("mine", err)
  end)

  it("pass arguments and results on", function()
    assert.same({n = 3, 1, nil, 3}, table.pack(testing.no_leaks(function(...) return ... end)(1, nil, 3)))
    assert.same({n = 3, 1, nil, 3}, table.pack(testing.async(function(...) return ... end)(1, nil, 3)))
  end)

  it("refuse what they do not know", function()
    local ok, err = pcall(testing.no_leaks, print, {leaks = {elephants = true}})
    assert.is_false(ok)
    assert.matches("elephants", tostring(err))
    assert.is_false((pcall(testing.no_leaks, print, {leaks = {tasks = 1}})))
    assert.is_false((pcall(testing.no_leaks, print, {leak = true})))
    assert.is_false((pcall(testing.async, print, {leaks = {elephants = true}})))
    assert.is_false((pcall(testing.async, print, {leaks = 5})))
  end)

  it("see everything on Linux", function() assert.same({}, testing.unchecked()) end)

  it("name what they cannot see elsewhere", function()
    local output, status = process.run("lua5.4 -e " .. process.quote [[
      local asyncio, fds = require "casync", require "fds"
      local testing, open = asyncio.testing, io.open
      io.open = function(path, mode) if not path:find("^/proc/") then return open(path, mode) end end
      local reasons = testing.unchecked()
      assert(reasons.threads:find("no /proc") and reasons.processes and reasons.descriptors ~= "")
      local ok, err = pcall(testing.no_leaks(function() fds.open("/dev/null") end, {settle = 0.01}))
      assert(not ok and err.message:find("descriptor %d+: device"))
    ]])
    assert(status == 0, output)
  end)
end)
