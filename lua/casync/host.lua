-- SPDX-License-Identifier: MIT
-- What a host, such as the command `casync`, needs besides asyncio: main tasks that may run loops of their own, `os.exit` and
-- SIGTERM that clean up, exit statuses, errors as texts.
-- Not here: the options of the command and its REPL (host/), what a main task may (the core's loop/host.c).
-- Invariant: however a session ends, its loop is closed, and its exit status is known.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local runners = require "casync.runners"

local M = {}

-- 128 + SIGINT, as a shell reports a process that Ctrl-C ended.
local STATUS_OF_INTERRUPT = 130

local Session = class.define("Session", nil, {})

-- os.exit inside a session: leaves all loops, so that what they run cleans up. Not a matter of the caller's pcall.
local function leave(session, status)
  if status == nil or status == true then status = 0 end
  if status == false then status = 1 end
  session._exit = exceptions.SystemExit(math.tointeger(status) or error("bad argument #1 to 'exit' (integer expected)", 3))
  local task = require("casync.tasks.ensure").current_task()
  -- Nobody is to be told that its exception was not read.
  if task then task:add_done_callback(function() return not task:cancelled() and task:exception() end) end
  core.leave(session._exit)
  error(session._exit, 0)
end

--- Session(loop): runs the main tasks of a process in a loop, one after the other, and closes it. While one runs, `os.exit` and
--- SIGTERM leave the loop.
function Session:init(loop)
  self._runner = runners.Runner{loop_factory = function() return loop end}
  core.set_host_loop(self._runner:get_loop())
  local exit = os.exit
  self._os_exit = exit
  rawset(os, "exit", function(status, ...)
    if not core.running_loop() then return exit(status, ...) end
    return leave(self, status)
  end)
end

--- From now on nobody but the loops themselves wakes what waits in them: one that nothing can wake any more is a deadlock, and is
--- left with a RuntimeError that shows its tasks. Not for sessions whose user may still start something: a prompt.
function Session:end_deadlocks()
  core.hooks.deadlock = core.hooks.deadlock or function(...) return require "casync.debug.deadlock"(...) end
  core.set_alone(true)
end

local function ended(session, task, ok, ...)
  core.set_host_task(nil)
  if session._exit then return false, session._exit end
  if ok then return true, ... end
  return false, (...), core.task_traceback(task)
end

--- Runs f(...) as the main task: it may await, and run loops as if none ran. Returns true and its results; or false, the error
--- and the traceback of where it was raised.
function Session:run(f, ...)
  local runner = self._runner
  local loop = runner:get_loop()
  local coro = core.iscoroutinefunction(f) and f(...) or core.coroutine(f, ...)
  local task = loop:create_task(coro, {context = runner._context})
  core.task_quiet(task)
  core.set_host_task(task)
  return ended(self, task, pcall(runners._run_task, loop, task))
end

--- Ends what is left, as `run` does, and closes the loop. Returns the exit status that comes of `err`, the error of the last
--- main task (nil: none), or of what asked for an end meanwhile.
function Session:close(err)
  self._exit = nil
  local ok, later = pcall(self._runner.close, self._runner)
  rawset(os, "exit", self._os_exit)
  core.set_alone(false)
  if not ok and not class.isinstance(later, exceptions.SystemExit) then M.report(later) end
  return M.status(not ok and later or err)
end

--- Whether an error asks for the end of the process and is nothing to report.
function M.is_exit(err)
  return class.isinstance(err, exceptions.SystemExit)
end

--- The exit status that an uncaught error means; 0 for nil.
function M.status(err)
  if err == nil then return 0 end
  if class.isinstance(err, exceptions.KeyboardInterrupt) then return STATUS_OF_INTERRUPT end
  if not M.is_exit(err) then return 1 end
  local code = err.code
  if code == nil or code == true then return 0 end
  return math.tointeger(code) or 1
end

--- The text of an error: what it says, and its traceback through the tasks that awaited it.
function M.text(err, traceback)
  return require "casync.debug.report".exception(err, traceback)
end

--- Writes an uncaught error to standard error; of a SystemExit only a message that it has instead of a status.
function M.report(err, traceback)
  if M.is_exit(err) then
    if type(err.code) == "string" then io.stderr:write(err.code, "\n") end
    return
  end
  local text = M.text(err, traceback)
  io.stderr:write(text:find("^  %+ ") and "casync:\n" or "casync: ", text, "\n")
end

--- A value as a REPL shows it.
function M.show(value)
  return require "casync.debug.repr".value(value)
end

M.Session = Session
return M
