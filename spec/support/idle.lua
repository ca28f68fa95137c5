-- Whether a program does nothing while nothing happens, seen from outside: by strace, and by what the kernel counts.
local process = require "spec.support.process"

local idle = {}

local STEADY_SECONDS = 0.15 -- without a change: the program has come to rest
local IDLE_SECONDS = 0.6 -- for which it is then looked at
local TRIES = 100 -- until it has come to rest

local function sleep(seconds) os.execute("sleep " .. seconds) end

local function read(path)
  local file <close> = io.open(path)
  return file and file:read("a")
end

-- Waits until probe() stays the same, but not for ever; returns what it then is.
local function settle(probe)
  local before
  for _ = 1, TRIES do
    local now = probe()
    if now and now == before then return now end
    before = now
    sleep(STEADY_SECONDS)
  end
  return before or error("it shows nothing", 0)
end

-- What a program at rest shows before and after a while.
local function look(probe)
  local before = settle(probe)
  sleep(IDLE_SECONDS)
  return before, probe()
end

-- Runs a command in the background while f(pid) is called; the process itself is named by $$ before `exec`.
local function with_running(prefix, command, f)
  local line = ("exec %s sh -c %s </dev/null 2>&1"):format(prefix, process.quote("echo $$; exec " .. command))
  local pipe = assert(io.popen("unset LD_PRELOAD; exec timeout -k 2 60 " .. line:gsub("^exec ", "")))
  local pid = pipe:read("n")
  local _ <close> = setmetatable({}, {__close = function()
    if pid then os.execute("kill -9 " .. pid) end
    pipe:close()
  end})
  assert(pid, "the program did not start")
  return f(pid)
end

--- How often the threads of a process were switched to and from, and the processor's time they took; nil if it is gone.
function idle.switches(pid)
  local found = process.run(("cat /proc/%d/task/*/status /proc/%d/task/*/stat"):format(pid, pid))
  local counts = {}
  for count in found:gmatch("ctxt_switches:%s*(%d+)") do counts[#counts + 1] = count end
  for user, system in found:gmatch("%) %a %d+ %d+ %d+ %-?%d+ %-?%d+ %d+ %d+ %d+ %d+ %d+ (%d+) (%d+)") do
    counts[#counts + 1] = user + system
  end
  return #counts > 0 and table.concat(counts, " ") or nil
end

--- Whether the kernel says how often a process was switched to.
function idle.can_count() return (read("/proc/self/task/self/status") or read("/proc/self/status") or ""):find("ctxt_switches") ~= nil end

--- What the kernel counts for a process, twice, some time apart, once it has come to rest.
function idle.counts_of(pid) return look(function() return idle.switches(pid) end) end

--- The same for a command that is started for it.
function idle.counts(command) return with_running("", command, idle.counts_of) end

--- Whether strace is there and may trace.
function idle.can_trace()
  local output, status = process.run("unset LD_PRELOAD; strace -o /dev/null true")
  return status == 0, output
end

--- What strace saw of a command, twice, some time apart, once it has come to rest.
function idle.trace(command)
  return process.with_folder(function(folder)
    local log = folder .. "/trace"
    return with_running("strace -f -o " .. process.quote(log), command, function()
      return look(function()
        local text = read(log)
        return text and text:find("exec") and text
      end)
    end)
  end)
end

return idle
