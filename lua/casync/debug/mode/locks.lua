-- SPDX-License-Identifier: MIT
-- Debug mode: a lock that is held by a task which has ended. Nobody will release it.
-- Not here: when a task has a lock (the core's sync/lock.c).
-- Invariant: keeps neither locks nor tasks alive.
local core = require "casync.core"
local made = require "casync.debug.mode.made"

local M = {}

local WEAK = {__mode = "k"}
local holders = setmetatable({}, WEAK) -- lock -> {task =, traceback =}
local held = setmetatable({}, WEAK)    -- task -> array of the locks that it took

--- The current task has the lock from now on.
function M.taken(lock)
  local task = core.current_task()
  if not task then return end
  holders[lock] = {task = task, traceback = made.here()}
  local list = held[task] or setmetatable({}, {__mode = "v"})
  held[task] = list
  list[#list + 1] = lock
end

--- Nobody has it.
function M.released(lock)
  local holder = holders[lock]
  holders[lock] = nil
  local list = holder and held[holder.task]
  if not list then return end
  for i = #list, 1, -1 do
    if list[i] == lock then return table.remove(list, i) end
  end
end

--- The task is done: what it still has is reported, in the order in which it was taken.
function M.ended(task)
  local list = held[task]
  if not list then return end
  held[task] = nil
  for _, lock in ipairs(list) do
    local holder = holders[lock]
    if holder and holder.task == task then
      task:get_loop():call_exception_handler{
        message = "Task has ended and still holds a lock",
        task = task,
        lock = lock,
        lock_traceback = made.shown(holder.traceback),
        source_traceback = made.source(lock),
      }
    end
  end
end

return M
