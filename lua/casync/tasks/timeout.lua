-- SPDX-License-Identifier: MIT
-- Timeout, timeout, timeout_at: a scope that cancels its own task when time is up (asyncio's timeouts.py).
-- Not here: wait_for, which is such a scope around an await (wait_for.lua).
-- Invariant: the timer is armed only while the state is "active", and the task's count of cancel requests is at the exit what it was
-- at the entry plus what others asked for.
local core = require "casync.core"

-- A second load in one Lua state gives the same class.
if core.hooks.timeout then return core.hooks.timeout end

local class = require "casync.class"
local exceptions = require "casync.exceptions"
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"

local current_task, running_loop = core.current_task, core.running_loop
local isinstance = class.isinstance
local RuntimeError, CancelledError = exceptions.RuntimeError, exceptions.CancelledError

-- State: created -> active -> finished, or active -> expiring (the timer fired) -> expired (the exit is over).
local Timeout = class.define("Timeout", nil, {})

--- Timeout(when): a scope that ends at loop time `when`, nil for never (asyncio.Timeout).
function Timeout:init(when)
  options.optional(1, "Timeout", "number", when)
  self._state = "created"
  self._when = when
end

--- The deadline in loop time, or nil (asyncio Timeout.when).
function Timeout:when()
  return self._when
end

--- Whether time was up before the end of the scope (asyncio Timeout.expired).
function Timeout:expired()
  return self._state == "expiring" or self._state == "expired"
end

local function on_timeout(scope)
  scope._task:cancel()
  scope._state = "expiring"
  scope._handle = nil
end

local function arm(scope, when)
  local loop = ensure.running_loop()
  if when <= loop:time() then
    scope._handle = loop:call_soon(on_timeout, scope)
  else
    scope._handle = loop:call_at(when, on_timeout, scope)
  end
end

local function disarm(scope)
  local handle = scope._handle
  if handle then
    handle:cancel()
    scope._handle = nil
  end
end

--- Moves the deadline to loop time `when`, nil for never, a past one for the next iteration (asyncio Timeout.reschedule).
--- RuntimeError unless the scope is active.
function Timeout:reschedule(when)
  options.optional(1, "reschedule", "number", when)
  if self._state ~= "active" then
    local message = self._state == "created" and "Timeout has not been entered"
      or ("Cannot change state of %s Timeout"):format(self._state)
    error(RuntimeError(message), 0)
  end
  self._when = when
  disarm(self)
  if when ~= nil then arm(self, when) end
end

local function task_of_scope()
  local task = current_task()
  if task then return task end
  ensure.running_loop()
  error(RuntimeError("Timeout should be used inside a task"), 0)
end

--- Starts the clock; hold what it returns in a <close> variable. RuntimeError the second time and outside a task.
function Timeout:enter()
  if self._state ~= "created" then error(RuntimeError("Timeout has already been entered"), 0) end
  local task = task_of_scope()
  self._state = "active"
  self._task = task
  self._cancelling = task:cancelling()
  if self._when ~= nil then arm(self, self._when) end
  return self
end

local function timeout_error(cause)
  local err = exceptions.TimeoutError()
  err.cause, err.context = cause, cause
  return err
end

-- Puts a TimeoutError into the context chain of an error that the body made of our cancellation. Lua itself keeps no such chain:
-- where the cancellation is not in it, it belongs at its end.
local function insert_timeout_error(err)
  if not isinstance(err, exceptions.BaseException) then return end
  while err.context ~= nil and not isinstance(err.context, CancelledError) do
    err = err.context
    if not isinstance(err, exceptions.BaseException) or isinstance(err, exceptions.TimeoutError) then return end
  end
  err.context = timeout_error(err.context)
end

local function leave_expired(err)
  if isinstance(err, CancelledError) then error(timeout_error(err), 0) end
  insert_timeout_error(err)
  if isinstance(err, exceptions.ExceptionGroup) then
    for _, member in ipairs(err.exceptions) do insert_timeout_error(member) end
  end
end

-- The exit. `err` is the error in flight or nil; CancelledError becomes TimeoutError if this scope alone asked for it.
function Timeout.__meta.__close(scope, err)
  local state = scope._state
  disarm(scope)
  if state == "expiring" then
    scope._state = "expired"
    if scope._task:uncancel() <= scope._cancelling and err ~= nil then leave_expired(err) end
  elseif state == "active" then
    scope._state = "finished"
  elseif state == "created" and err == nil then
    error(RuntimeError("Timeout has not been entered"), 0)
  end
end

function Timeout.__meta.__tostring(scope)
  local when = ""
  if scope._state == "active" then
    when = " when=" .. (scope._when and tostring(math.floor(scope._when * 1000 + 0.5) / 1000) or "nil")
  end
  return ("<Timeout [%s]%s>"):format(scope._state, when)
end

local M = {Timeout = Timeout}
core.hooks.timeout = M

--- A scope of `delay` seconds from now, nil for no deadline (asyncio.timeout). RuntimeError if no loop runs.
function M.timeout(delay)
  options.optional(1, "timeout", "number", delay)
  local loop = ensure.running_loop()
  return Timeout(delay and loop:time() + delay)
end

--- A scope that ends at loop time `when`, nil for never (asyncio.timeout_at).
function M.timeout_at(when)
  options.optional(1, "timeout_at", "number", when)
  return Timeout(when)
end

-- timeout(delay):enter() at once and in one table: the scope of wait_for. `task` is the current one.
function M._scope(task, delay)
  local scope = setmetatable({_state = "active", _task = task, _cancelling = task:cancelling(), _when = delay, _handle = nil},
    Timeout.__meta)
  if delay then
    local loop = running_loop()
    local now = loop:time()
    local when = now + delay
    scope._when = when
    -- A delay too small to move the clock fires in the next iteration, before the timers due then.
    scope._handle = when <= now and loop:call_soon(on_timeout, scope) or loop:call_at(when, on_timeout, scope)
  end
  return scope
end

M._task_of_scope = task_of_scope

return M
