-- SPDX-License-Identifier: MIT
-- Coroutine objects and ops driven by hand: send, throw, close (Python's methods of coroutine objects).
-- Not here: awaiting them (await.lua), running them as tasks (the core).
-- Invariant: an object is driven by one thread, from its first send to its end; `threads` holds it that long.
local core = require "casync.core"
local await = require("casync.await").await
local exceptions = require "casync.exceptions"

local M = {}
local threads = setmetatable({}, {__mode = "k"})

-- The task that was made for the op that an object awaits, by the object; and the object that is driven now.
local tasks = setmetatable({}, {__mode = "k"})
local driven

function core.hooks.task_of_op(op)
  tasks[driven] = core.create_task(op)
  return tasks[driven]
end

-- Who leaves an op takes its task along.
local function leave_op(object)
  if tasks[object] then tasks[object]:cancel() end
end

local function fail(C, text) error(C(text), 0) end

local function state_of(object)
  if not core.iscoroutine(object) then require("casync.options").typeerror(1, "send", "coroutine object", object) end
  return (select(4, core.coroutine_info(object)))
end

-- Drives the object's thread on; forgets it when it ends.
local function go_on(object, throwing, value)
  local thread, outer = threads[object], driven
  local function deliver(ok, done, ...)
    driven = outer
    if coroutine.status(thread) == "dead" then threads[object] = nil end
    if not ok then error(done, 0) end
    if not done then return false, ... end
    local finished, err = ...
    if not finished then error(err, 0) end
    return true, select(2, ...)
  end
  driven = object
  return deliver(pcall(core.drive, thread, throwing, value))
end

--- Runs the object to its next suspension. Returns false and what it awaits there (nil for sleep(0)), or, at its end, true and its
--- results; raises what it raises. The value must be nil: an await gives its own result. (Python's coroutine.send.)
function M.send(object, value)
  if not threads[object] then
    if state_of(object) ~= "unstarted" then fail(exceptions.RuntimeError, "cannot reuse already awaited coroutine") end
    if value ~= nil then fail(exceptions.TypeError, "can't send a value to a coroutine that has just started") end
    threads[object] = coroutine.create(function() return pcall(await, object) end)
  end
  return go_on(object, false)
end

--- Raises an error where the object is suspended, and runs it to its next suspension; results as send (Python's coroutine.throw).
function M.throw(object, err)
  if threads[object] then
    leave_op(object)
    return go_on(object, true, err)
  end
  if state_of(object) ~= "unstarted" then fail(exceptions.RuntimeError, "cannot reuse already awaited coroutine") end
  core.coroutine_close(object)
  error(err, 0)
end

local function is_exit(err)
  return exceptions.isinstance(err, {exceptions.GeneratorExit})
end

--- Ends the object: nothing to do if it has not started, else GeneratorExit is raised where it is suspended (Python's
--- coroutine.close). One that a task runs is not touched: cancel the task.
function M.close(object)
  if not threads[object] then return core.coroutine_close(object) end
  leave_op(object)
  local ok, done = pcall(go_on, object, true, exceptions.GeneratorExit())
  if not ok and is_exit(done) then return end
  if not ok then error(done, 0) end
  if not done then fail(exceptions.RuntimeError, "coroutine ignored GeneratorExit") end
end

return M
