-- SPDX-License-Identifier: MIT
-- wait_for: a timeout around an await (asyncio's tasks.py).
-- Not here: the scope itself (timeout.lua).
-- Invariant: no task is made for a coroutine unless the time is zero or negative; nothing is armed where nothing can suspend.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"
local timeout = require "casync.tasks.timeout"

local isfuture, done, result, current_task = core.isfuture, core.Future.done, core.Future.result, core.current_task
local new_coroutine, scope_of, task_of_scope = core.coroutine, timeout._scope, timeout._task_of_scope
local isawaitable = ensure.isawaitable

local function release_waiter(waiter)
  if not waiter:done() then waiter:set_result() end
end

-- Held while _cancel_and_wait waits: its closing takes the callback back.
local Watch = {}

function Watch.__close(watch)
  watch.future:remove_done_callback(watch.callback)
end

-- Cancels a future and waits for its end. It is not awaited itself, so that a second cancellation gets through.
local function cancel_and_wait(future)
  local waiter = ensure.running_loop():create_future()
  local function callback() release_waiter(waiter) end
  future:add_done_callback(callback)
  local _ <close> = setmetatable({future = future, callback = callback}, Watch)
  future:cancel()
  await(waiter)
end

local function cancelled_is_timeout(ok, ...)
  if ok then return ... end
  local err = ...
  if class.isinstance(err, exceptions.CancelledError) then
    local late = exceptions.TimeoutError()
    late.cause, late.context = err, err
    err = late
  end
  error(err, 0)
end

local function wait_no_time(awaitable)
  local future = ensure.future_of(awaitable, nil, "wait_for", 1)
  if future:done() then return future:result() end
  cancel_and_wait(future)
  return cancelled_is_timeout(pcall(future.result, future))
end

local function wait_for(awaitable, delay, is_future)
  if delay and delay <= 0 then return wait_no_time(awaitable) end
  local task = current_task() or task_of_scope()
  if is_future and done(awaitable) then return result(awaitable) end
  local _ <close> = scope_of(task, delay)
  return await(awaitable)
end
core.name(wait_for, "wait_for")

--- Coroutine: awaits one awaitable for at most `delay` seconds, nil for ever, then cancels it, waits for its end and raises
--- TimeoutError (asyncio.wait_for).
return function(awaitable, delay)
  local is_future = isfuture(awaitable)
  if not is_future and not isawaitable(awaitable) then options.typeerror(1, "wait_for", "awaitable", awaitable) end
  if delay ~= nil and type(delay) ~= "number" then options.typeerror(2, "wait_for", "number", delay) end
  return new_coroutine(wait_for, awaitable, delay, is_future)
end
