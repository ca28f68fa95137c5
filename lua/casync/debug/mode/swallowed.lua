-- SPDX-License-Identifier: MIT
-- Debug mode: a task that caught its CancelledError and awaits again, as if nobody had asked it to end.
-- Not here: when a cancellation reaches a task (the core).
-- Theory: a task may await while it cleans up, with the error in hand, and raise it again. So it has swallowed the cancellation if
-- it awaits and a CancelledError is nowhere on its stacks: in no local variable, and not on its way through a `<close>` variable;
-- or, at last, if it returns although it has awaited since. A request that was taken back by uncancel() is none.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local frames = require "casync.debug.frames"
local made = require "casync.debug.mode.made"

local M = {}
local watched = setmetatable({}, {__mode = "k"}) -- task -> {cancelled_at =, awaits_at =, is_told =}

-- Who cleans up does so not far below who caught the error.
local MOST_LEVELS = 200

local function place_in(thread)
  for level = 0, MOST_LEVELS do
    local info = debug.getinfo(thread, level, "Sl")
    if not info then return nil end
    if info.currentline > 0 and not frames.is_own(info) then return ("%s:%d"):format(info.short_src, info.currentline) end
  end
end

-- "file:line" of the user's innermost function in a task, or nil.
local function place_of(task)
  local threads = core.task_stack(task)
  for i = #threads, 1, -1 do
    local place = place_in(threads[i])
    if place then return place end
  end
end

--- A CancelledError is about to be raised in a task.
function M.cancelling(task) watched[task] = {cancelled_at = place_of(task)} end

local function is_cancellation(value)
  local kind = type(value)
  return (kind == "table" or kind == "userdata") and class.isinstance(value, exceptions.CancelledError)
end

-- Also what has no name: the error that unwinds a stack stands in the frame of the pcall that will catch it.
local function is_in_frame(thread, level)
  for i = 1, math.huge do
    local name, value = debug.getlocal(thread, level, i)
    if not name then break end
    if is_cancellation(value) then return true end
  end
  for i = -1, -math.huge, -1 do
    local name, value = debug.getlocal(thread, level, i)
    if not name then return false end
    if is_cancellation(value) then return true end
  end
end

local function is_in_thread(thread)
  for level = 0, MOST_LEVELS do
    if not debug.getinfo(thread, level, "l") then return false end
    if is_in_frame(thread, level) then return true end
  end
  return false
end

local function is_in_hand(task)
  for _, thread in ipairs(core.task_stack(task)) do
    if is_in_thread(thread) then return true end
  end
  return false
end

local function tell(task, record)
  record.is_told = true
  task:get_loop():call_exception_handler{
    message = "Task swallowed its cancellation and awaits again",
    task = task,
    cancelled_at = record.cancelled_at,
    awaits_at = record.awaits_at,
    source_traceback = made.source(task),
  }
end

local function end_watch(task, record)
  watched[task] = nil
  local has_returned = task:done() and not task:cancelled() and core.peek(task) == "finished"
  if has_returned and record.awaits_at and not record.is_told then tell(task, record) end
end

--- A step of the task is over.
function M.ran(task)
  local record = watched[task]
  if not record then return end
  if task:cancelling() == 0 then
    watched[task] = nil
  elseif task:done() then
    end_watch(task, record)
  elseif not record.is_told then
    record.awaits_at = record.awaits_at or place_of(task)
    if not is_in_hand(task) then tell(task, record) end
  end
end

return M
