-- Programs in which nothing happens make no system call and are not woken: applications with each kind of loop, with tasks that
-- wait and without; the command casync.
local idle = require "spec.support.idle"
local installed = require "spec.support.package"
local process = require "spec.support.process"
local terminal = require "spec.support.terminal"

-- For SIGHUP, or the command would call it a deadlock.
local WAITS_FOR_EVER = "local l = asyncio.get_running_loop() l:add_signal_handler(1, l.stop, l) await(l:create_future())"

-- Why it cannot be seen here that a program is idle; nil if it can.
local function reason()
  if os.getenv("CASYNC_SPEC_WITH") then return "the program that runs the programs makes system calls of its own" end
  if installed.option("CASYNC_SANITIZE"):find("thread") then return "the thread sanitizer has a thread that wakes up" end
end

describe("a program in which nothing happens", function()
  local commands = {}

  lazy_setup(function()
    local program = installed.compile({"spec/api/idle.c", "spec/api/check.c"}, {flags = "-lev"})
    for _, kind in ipairs{"own", "guest", "stepped"} do
      for _, state in ipairs{"empty", "waiting"} do
        commands[("%s, %s"):format(kind, state)] = ("%s %s %s"):format(process.quote(program), kind, state)
      end
    end
    if installed.option("CASYNC_HOST") == "ON" then
      commands["the command"] = ("%s/bin/casync -e %s"):format(process.quote(installed.install()), process.quote(WAITS_FOR_EVER))
    end
  end)

  it("makes no system call", function()
    local why = reason()
    if why then return pending(why) end
    local may, answer = idle.can_trace()
    if not may then return pending("strace is not there or may not trace: " .. answer) end
    for name, command in pairs(commands) do
      local before, after = idle.trace(command)
      assert.equal(before, after, name)
    end
  end)

  it("is not switched to", function()
    local why = reason()
    if why then return pending(why) end
    if not idle.can_count() then return pending("the kernel does not count switches") end
    for name, command in pairs(commands) do
      local before, after = idle.counts(command)
      assert.equal(before, after, name)
    end
  end)

  it("may also be a prompt", function()
    local why = reason() or not idle.can_count() and "the kernel does not count switches"
    if why or installed.option("CASYNC_HOST") ~= "ON" then return pending(why or "built without the command") end
    process.with_folder(function(folder)
      local term <close> = terminal({installed.install() .. "/bin/casync"}, {TERM = "xterm", HOME = folder, CASYNC_HISTORY = ""})
      term:expect("\n> ")
      term:enter("f = asyncio.get_running_loop():create_future(); t = asyncio.create_task(function() await(f) end)")
      local before, after = idle.counts_of(term.pid)
      assert.equal(before, after)
    end)
  end)

  it("is told from one that wakes up now and then", function()
    if reason() or not idle.can_count() then return pending("nothing is counted") end
    local before, after = idle.counts "sh -c 'while :; do sleep 0.4; done'"
    assert.not_equal(before, after)
  end)
end)
