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

--- A future with the outcome of an awaitable that cancelling it does not reach (asyncio.shield). What is done is returned as it is.
return function(awaitable)
  local inner = ensure.future_of(awaitable, nil, "shield", 1)
  if inner:done() then return inner end
  local outer = inner:get_loop():create_future()
  local function on_inner_done() copy_outcome(inner, outer) end
  inner:add_done_callback(on_inner_done)
  outer:add_done_callback(function()
    if inner:done() then return end
    inner:remove_done_callback(on_inner_done)
    -- However many shields were cancelled, one report.
    inner:remove_done_callback(report_late_error)
    inner:add_done_callback(report_late_error)
  end)
  return outer
end
