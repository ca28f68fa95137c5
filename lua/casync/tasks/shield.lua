-- SPDX-License-Identifier: MIT
-- shield: an await whose cancellation stops at the waiter (asyncio's tasks.py).
-- Not here: anything that cancels.
-- Invariant: the inner future is never cancelled from here; an error of it that comes after the outer one was cancelled is reported,
-- also if somebody else reads it (as in CPython 3.14).
local core = require "casync.core"
local class = require "casync.class"
local ensure = require "casync.tasks.ensure"

local function name_of(err)
  local C = class.of(err)
  return C and C.__name or type(err)
end

local function report_late_error(inner)
  if inner:cancelled() then return end
  local err = inner:exception()
  if err == nil then return end
  inner:get_loop():call_exception_handler{
    message = name_of(err) .. " exception in shielded future",
    exception = err,
    future = inner,
    traceback = core.task_traceback(inner),
  }
end

local function copy_outcome(inner, outer)
  if outer:cancelled() then return end
  if inner:cancelled() then
    outer:cancel()
    return
  end
  local err = inner:exception()
  if err ~= nil then
    outer:set_exception(err)
  else
    outer:set_result(inner:result())
  end
end

-- The done callback of both futures.
local Shield = {__name = "shield"}

local function on_outer_done(shield)
  local inner = shield.inner
  if inner:done() then return end
  inner:remove_done_callback(shield)
  -- However many shields were cancelled, one report.
  inner:remove_done_callback(report_late_error)
  inner:add_done_callback(report_late_error)
end

function Shield.__call(shield, future)
  if future == shield.outer then return on_outer_done(shield) end
  copy_outcome(shield.inner, shield.outer)
end

-- For the call graph (debug/graph.lua): asyncio says that the task which asked for the shield awaits the inner future.
function Shield.__awaited_by(shield, future) return future == shield.inner and shield.task or nil end
function Shield.__awaits(shield, future) return future == shield.outer and {shield.inner} or nil, "shield" end

--- A future with the outcome of an awaitable that cancelling it does not reach (asyncio.shield). What is done is returned as it is.
return function(awaitable)
  local inner = ensure.future_of(awaitable, nil, "shield", 1)
  if inner:done() then return inner end
  local loop = inner:get_loop()
  local outer = loop:create_future()
  local shield = setmetatable({inner = inner, outer = outer, task = core.current_task(loop)}, Shield)
  inner:add_done_callback(shield)
  outer:add_done_callback(shield)
  return outer
end
