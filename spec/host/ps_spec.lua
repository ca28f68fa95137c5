-- `casync ps` and `casync pstree`: what they show of running processes, what they say where they cannot, and that a process does not
-- mind who asks.
local process = require "spec.support.process"
local unix = require "unix"
local lfs = require "lfs"

local quote = process.quote

local PRELUDE = 'local asyncio = require "casync" local await, sleep = asyncio.await, asyncio.sleep\n'

-- Says that its loop has run for long enough, and waits to be killed.
local READY = [[
  await(sleep(0.15))
  print("ready") io.stdout:flush()
]]

-- Calls f(pid, folder, pipe) with a process that runs a script and has printed "ready"; its runtime folder is `folder`.
-- Options: command ("casync"), environment.
local function running(script, f, options)
  options = options or {}
  return process.with_folder(function(folder)
    process.write(folder .. "/script.lua", script)
    local command = ("echo $$; export XDG_RUNTIME_DIR=%s %s; exec timeout -s KILL 20 %s %s/script.lua 2>&1"):format(folder,
      options.environment or "", options.command or "casync", folder)
    local pipe <close> = assert(io.popen(("{ sh -c %s; } 2>/dev/null"):format(quote(command))))
    local timeout_pid = assert(pipe:read("l"))
    assert.equal("ready", pipe:read("l"))
    local children <close> = assert(io.open(("/proc/%s/task/%s/children"):format(timeout_pid, timeout_pid)))
    local pid = assert(children:read("n"))
    local _ <close> = setmetatable({}, {__close = function() os.execute(("kill -KILL %d 2>/dev/null"):format(pid)) end})
    return f(pid, folder, pipe)
  end)
end

local function ask(command, pid, folder)
  return process.run(("XDG_RUNTIME_DIR=%s casync %s %d"):format(folder, command, pid))
end

local function count(folder)
  local n = 0
  for entry in lfs.dir(folder) do
    if not entry:find("^%.") then n = n + 1 end
  end
  return n
end

local function descriptors(pid) return count(("/proc/%d/fd"):format(pid)) end

local TWO_TASKS = PRELUDE .. [[
asyncio.run(function()
  local inner = asyncio.create_task(function() await(sleep(1000)) end, asyncio.kw{name = "inner"})
  asyncio.create_task(function() await(inner) end, asyncio.kw{name = "outer"})
]] .. READY .. [[
  await(inner)
end)]]

local BUSY = PRELUDE .. [[
asyncio.run(function()
  asyncio.create_task(function() await(sleep(1000)) end, asyncio.kw{name = "patient"})
]] .. READY .. [[
  local x = 0
  while true do
    x = x + 1 -- line 8
  end
end)]]

describe("casync ps", function()
  for _, command in ipairs{"casync", "lua5.4"} do
    it("shows the tasks of a process of " .. command, function()
      running(TWO_TASKS, function(pid, folder)
        local output, status = ask("ps", pid, folder)
        assert.equal(0, status, output)
        assert.matches("^3 tasks\n", output)
        assert.matches("inner[^\n]*sleep", output)
        assert.matches("outer[^\n]*waiting[^\n]*inner", output)
        assert.matches("script%.lua:4", output)
      end, {command = command})
    end)
  end

  it("shows them again and again, and as often as asked at the same time", function()
    running(TWO_TASKS, function(pid, folder)
      local before = descriptors(pid)
      local one = ("casync ps %d"):format(pid)
      local five = ("XDG_RUNTIME_DIR=%s; export XDG_RUNTIME_DIR; for i in 1 2 3 4 5; do %s & done; wait"):format(folder, one)
      local output = process.run(five .. "; " .. five)
      assert.equal(10, select(2, output:gsub("3 tasks\n", "")), output)
      assert.equal(before, descriptors(pid))
    end)
  end)

  it("pstree shows who awaits whom", function()
    running(TWO_TASKS, function(pid, folder)
      local output, status = ask("pstree", pid, folder)
      assert.equal(0, status, output)
      assert.matches("^3 tasks\n", output)
      assert.matches("outer.*\n[^\n]+inner", output)
    end)
  end)

  it("--json gives all there is, for both commands", function()
    running(TWO_TASKS, function(pid, folder)
      local read_json = dofile("host/json.lua")
      for _, command in ipairs{"ps --json", "pstree --json"} do
        local output, status = ask(command, pid, folder)
        assert.equal(0, status, output)
        local answer = read_json(output)
        assert.equal(pid, answer.pid)
        assert.equal(1, #answer.states)
        local state = answer.states[1]
        assert.same({require("casync").version, "idle", true}, {state.version, state.state, state.loops[1].running})
        local tasks = state.loops[1].tasks
        assert.equal(3, #tasks)
        assert.same({"inner", "waiting"}, {tasks[2].name, tasks[2].state})
        assert.same({tasks[2].id}, tasks[3].awaits_ids)
      end
    end)
  end)

  it("shows the main task of casync beside the loop that it runs", function()
    running(TWO_TASKS, function(pid, folder)
      assert.matches("\n1 task, in a loop that stands still\n[^\n]*\n?[^\n]*Task%-1", (ask("ps", pid, folder)))
    end)
  end)

  it("shows where busy code is, and its tasks", function()
    for _, command in ipairs{"casync", "lua5.4"} do
      running(BUSY, function(pid, folder)
        local output, status = ask("ps", pid, folder)
        assert.equal(0, status, output)
        assert.matches("^2 tasks, busy at [^\n]*script%.lua:[789]\n", output)
        assert.matches("patient", output)
        assert.matches("busy at", (ask("ps", pid, folder))) -- the hook is gone, and comes again
      end, {command = command})
    end
  end)

  it("leaves a hook of the busy code's in its place", function()
    local script = BUSY:gsub("local x = 0", [[%0
  local go = os.getenv("XDG_RUNTIME_DIR") .. "/go"
  debug.sethook(function()
    local file = io.open(go)
    if file then file:close() print("hooked") io.stdout:flush() os.exit(0, false) end
  end, "", 100000)]])
    running(script, function(pid, folder, pipe)
      assert.matches("busy at", (ask("ps", pid, folder)))
      process.write(folder .. "/go", "")
      assert.equal("hooked", pipe:read("l"))
    end)
  end)

  it("shows the busy line of a nested coroutine", function()
    local script = BUSY:gsub("while true do", "coroutine.wrap(function() while true do"):gsub("  end\nend%)$", "  end end)()\nend)")
    running(script, function(pid, folder)
      assert.matches("busy at [^\n]*script%.lua:[789]\n", (ask("ps", pid, folder)))
    end)
  end)

  it("says that a process is busy which runs no Lua code", function()
    local script = BUSY:gsub("while true do.*$", "os.execute('exec sleep 3')\nend)")
    running(script, function(pid, folder)
      local output, status = ask("ps", pid, folder)
      assert.matches("^casync: process %d+ is busy: its loop did not answer within a second", output)
      assert.equal(1, status)
    end)
  end)

  it("says that a process is stopped", function()
    running(TWO_TASKS, function(pid, folder)
      os.execute(("kill -STOP %d"):format(pid))
      assert.equal(("casync: process %d is stopped: kill -CONT %d lets it go on\n"):format(pid, pid), (ask("ps", pid, folder)))
      os.execute(("kill -CONT %d"):format(pid))
      assert.matches("^3 tasks\n", (ask("ps", pid, folder)))
    end)
  end)

  it("shows no control characters of another process", function()
    running(TWO_TASKS:gsub('"inner"', [["in\27[31m\nner\200"]]), function(pid, folder)
      assert.matches("in%.%[31m%.ner\u{FFFD}", (ask("ps", pid, folder)))
      assert.matches([["in\u001b%[31m\nner]], (ask("ps --json", pid, folder)))
    end)
  end)

  it("shows a thousand tasks", function()
    local script = TWO_TASKS:gsub("  await%(inner%)\nend%)$", "%0"):gsub("local inner", [[
  for _ = 1, 998 do asyncio.create_task(function() await(sleep(1000)) end) end
  %0]])
    running(script, function(pid, folder)
      local output = ask("ps", pid, folder)
      assert.matches("^1001 tasks\n", output)
      assert.is_true(select(2, output:gsub("\n", "")) >= 1002)
    end)
  end)
end)

describe("casync ps cannot", function()
  local function says(arguments, expected)
    local output, status = process.run("casync " .. arguments)
    assert.matches(expected, output)
    assert.equal(1, status)
  end

  it("without a process", function()
    says("ps", "^casync: which process%?\nusage: casync ps %[%-%-json%] PID\n")
    says("pstree --json", "^casync: which process%?\n")
    says("ps x", "^casync: 'x' is no process number\n")
    says("ps 0", "^casync: '0' is no process number\n")
    says("ps 99999999999999999999", "^casync: '99999999999999999999' is no process number\n")
    says("ps 1 2", "^casync: one process at a time\n")
    says("ps --fast 1", "^casync: unrecognized option '%-%-fast'\n")
  end)

  it("ask a process that does not exist, and forgets what it has left", function()
    running(TWO_TASKS, function(pid, folder, pipe)
      os.execute(("kill -KILL %d"):format(pid))
      pipe:read("a")
      assert.equal(1, count(folder .. "/casync"))
      local output, status = ask("ps", pid, folder)
      assert.equal(("casync: no such process: %d\n"):format(pid), output)
      assert.equal(1, status)
      assert.equal(0, count(folder .. "/casync"))
    end)
  end)

  it("ask a process that is none of casync's", function()
    says("ps " .. unix.pid(), "^casync: process %d+ has no socket where it could be asked%. Is it a process of casync%?\n")
  end)

  it("ask a process with CASYNC_PS=0, which has no socket", function()
    running(TWO_TASKS, function(pid, folder)
      local output, status = ask("ps", pid, folder)
      assert.equal(("casync: process %d was started with CASYNC_PS=0, which switches this off\n"):format(pid), output)
      assert.equal(1, status)
      assert.is_nil(lfs.attributes(folder .. "/casync"))
    end, {environment = "CASYNC_PS=0"})
  end)

  it("ask through a folder where others may write", function()
    running(TWO_TASKS, function(pid, folder)
      os.execute(("chmod 770 %s/casync"):format(folder))
      local output = ask("ps", pid, folder)
      assert.matches("others may write into " .. folder:gsub("%p", "%%%0") .. "/casync%. ", output)
    end, {environment = "TMPDIR=/nowhere"})
  end)

  it("be told what another process pretends", function()
    running(TWO_TASKS, function(pid, folder)
      os.remove(("%s/casync/%d"):format(folder, pid))
      local listener = assert(unix.listen(("%s/casync/%d"):format(folder, pid)))
      assert.matches("^casync: cannot ask process %d+ at ", (ask("ps", pid, folder)))
      unix.close(listener)
    end)
  end)
end)

-- Calls f(connection) in the place of a process that is asked, which is this one; returns what the command says.
local function pretend(f)
  return process.with_folder(function(folder)
    os.execute(("mkdir -m 700 %s/casync"):format(folder))
    local listener = assert(unix.listen(("%s/casync/%d"):format(folder, unix.pid())))
    local pipe <close> = assert(io.popen(("XDG_RUNTIME_DIR=%s timeout 20 casync ps %d 2>&1"):format(folder, unix.pid())))
    local connection = unix.accept(listener)
    f(connection)
    local output = pipe:read("a")
    unix.close(connection)
    unix.close(listener)
    return output
  end)
end

describe("casync ps survives a process that", function()
  it("says nothing", function()
    assert.matches("^casync: process %d+ is busy", pretend(function() end))
  end)

  it("says something else", function()
    assert.matches("^casync: process %d+ is busy", pretend(function(connection)
      unix.send(connection, "HTTP/1.1 400 Bad Request\r\n\0\255\n\n")
    end))
  end)

  it("never ends its line", function()
    assert.matches("^casync: process %d+ is busy", pretend(function(connection)
      unix.send(connection, "casync 9 9")
      unix.send(connection, ("x"):rep(100000))
    end))
  end)

  it("hands nothing over", function()
    assert.matches("its answer cannot be read", pretend(function(connection)
      unix.send(connection, "casync 0.1.0 1\nbegin\npart\n")
    end))
  end)

  it("says why it cannot", function()
    assert.matches("failed to answer: no space%.%[31m left\n", pretend(function(connection)
      unix.send(connection, "casync 0.1.0 1\nbegin\nfailed no space\27[31m left\n")
    end))
  end)
end)

describe("a process that can be asked", function()
  -- Says how many iterations its loop makes while nobody asks, then waits.
  local SILENT = PRELUDE .. [[
asyncio.run(function()
]] .. READY .. [[
  local loop = asyncio.get_running_loop()
  local before = loop:_iterations()
  await(sleep(0.25))
  print(loop:_iterations() - before) io.stdout:flush()
  await(sleep(1000))
end)]]

  it("is not woken while nobody asks", function()
    running(SILENT, function(_, _, pipe)
      local iterations = pipe:read("n")
      assert.is_true(iterations <= 3, iterations)
    end)
  end)

  local WHAT_IS_THERE = [[
    local function sockets()
      local pipe <close> = io.popen("ls -l /proc/$PPID/fd | grep -c 'socket:'")
      return pipe:read("n")
    end
    local function loaded()
      return package.loaded["casync.debug.ps"] ~= nil or package.loaded["casync.debug.snapshot"] ~= nil
    end
]]

  it("has opened and loaded nothing before 100 ms, and loads nothing before somebody asks", function()
    running(PRELUDE .. WHAT_IS_THERE .. [[
      asyncio.run(function()
        local loop = asyncio.get_running_loop()
        local began = loop:time()
        await(sleep(0.001))
        local is_early = loop:time() - began < 0.09 -- not on a machine that is very slow
        local early, early_loaded = sockets(), loaded()
]] .. READY .. [[
        print(early_loaded, loaded(), sockets(), is_early and early or 0) io.stdout:flush()
        await(sleep(1000))
      end)]], function(_, _, pipe)
      assert.equal("false\tfalse\t1\t0", pipe:read("l"))
    end, {command = "lua5.4"})
  end)

  for _, case in ipairs{
    {"returns", "", 0}, {"raises an error", "error('x')", 1}, {"calls os.exit", "os.exit(0)", 0},
    {"calls os.exit and closes its state", "os.exit(3, true)", 3},
    {"gets SIGTERM", "os.execute('kill -TERM $PPID') await(sleep(5))", 143, "casync"},
  } do
    local what, code, status, only = table.unpack(case)
    for _, command in ipairs{only or "casync", not only and "lua5.4" or nil} do
      it(("removes its socket when it %s, in %s"):format(what, command), function()
        process.with_folder(function(folder)
          process.write(folder .. "/script.lua", PRELUDE .. "asyncio.run(function()\n" .. READY .. [[
            local pipe <close> = io.popen("ls $XDG_RUNTIME_DIR/casync | wc -l")
            print(pipe:read("n"))
            pipe:close() ]] .. code .. "\nend)")
          local output, got = process.run(("XDG_RUNTIME_DIR=%s %s %s/script.lua"):format(folder, command, folder))
          assert.matches("^ready\n1\n", output)
          assert.equal(status, got)
          assert.equal(0, count(folder .. "/casync"))
        end)
      end)
    end
  end

  it("has one socket for the loops that it runs one after the other", function()
    running(PRELUDE .. [[
      for _ = 1, 3 do asyncio.run(sleep(0.12)) end
      asyncio.run(function() ]] .. READY .. " await(sleep(1000)) end)", function(pid, folder)
      assert.equal(1, count(folder .. "/casync"))
      assert.matches("^1 task\n", (ask("ps", pid, folder)))
    end, {command = "lua5.4"})
  end)

  -- Counts as fast as it can, and goes on whatever clients do.
  local TICKING = PRELUDE .. [[
asyncio.run(function()
]] .. READY .. [[
  for i = 1, math.huge do
    await(sleep(0.01))
    if i % 10 == 0 then print("tick") io.stdout:flush() end
  end
end)]]

  local function is_alive(pid, folder, pipe)
    assert.equal("tick", pipe:read("l"))
    assert.matches("^1 task\n", (ask("ps", pid, folder)))
  end

  for what, bytes in pairs{
    ["say nothing"] = "", ["send half a request"] = "p", ["send garbage"] = ("\0\255\n"):rep(30000),
  } do
    it(("minds no clients that %s and never read"):format(what), function()
      running(TICKING, function(pid, folder, pipe)
        local before, clients = descriptors(pid), {}
        for i = 1, 60 do
          clients[i] = unix.connect(("%s/casync/%d"):format(folder, pid))
          if clients[i] then unix.send(clients[i], bytes) end
          if i % 15 == 0 then assert.equal("tick", pipe:read("l")) end
        end
        is_alive(pid, folder, pipe)
        assert.equal(before, descriptors(pid))
        for _, client in pairs(clients) do unix.close(client) end
        is_alive(pid, folder, pipe)
        assert.equal(before, descriptors(pid))
      end)
    end)
  end

  it("minds no clients that go away at once", function()
    running(TICKING, function(pid, folder, pipe)
      for _ = 1, 200 do
        local client = unix.connect(("%s/casync/%d"):format(folder, pid))
        if client then unix.close(client) end
      end
      is_alive(pid, folder, pipe)
    end)
  end)

  it("goes on when it has no descriptors left, and answers when it has some", function()
    running(PRELUDE .. [[
asyncio.run(function()
]] .. READY .. [[
  local files = {}
  for i = 1, 2000 do files[i] = io.open("/dev/null") end
  print("full") io.stdout:flush()
  await(sleep(0.5))
  files = nil
  collectgarbage()
  print("free") io.stdout:flush()
  await(sleep(1000))
end)]], function(pid, folder, pipe)
      assert.equal("full", pipe:read("l"))
      local client = unix.connect(("%s/casync/%d"):format(folder, pid))
      assert.equal("free", pipe:read("l"))
      if client then unix.close(client) end
      local deadline = os.time() + 10
      local output
      repeat output = ask("ps", pid, folder) until output:find("^1 task\n") or os.time() > deadline
      assert.matches("^1 task\n", output)
    end, {command = "prlimit --nofile=64 casync"})
  end)
end)
