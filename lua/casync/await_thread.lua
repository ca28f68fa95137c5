-- SPDX-License-Identifier: MIT
-- Awaiting a Lua thread made by coroutine.create.
-- Not here: the resume that lets awaits through (the core).
-- Invariant: the thread is run to its end by one awaiter.
local core = require "casync.core"
local exceptions = require "casync.exceptions"

local library = core.coroutine_library

local function go_on(thread, ok, ...)
  if not ok then error(core.keep_traceback((...), thread), 0) end
  if library.status(thread) == "dead" then return ... end
  if select("#", ...) > 0 then
    error(exceptions.RuntimeError("Task got bad yield: " .. tostring((...))), 0)
  end
  core.await(core.sleep(0))
  return go_on(thread, library.resume(thread))
end

--- Runs `thread` to its end and returns its results; each of its yields gives up one iteration.
return function(thread)
  if library.status(thread) ~= "suspended" then
    error(exceptions.RuntimeError("cannot await a " .. library.status(thread) .. " coroutine"), 0)
  end
  return go_on(thread, library.resume(thread))
end
