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

local current_task, running_loop, scope_entry = core.current_task, core.running_loop, core.scope_entry
local isinstance = class.isinstance
local RuntimeError, CancelledError = exceptions.RuntimeError, exceptions.CancelledError

-- What a scope holds at which place, false where it has none: an array is smaller and quicker to make than fields.
local STATE <const>, TASK <const>, CANCELLING <const>, WHEN <const>, HANDLE <const>, LINE <const> = 1, 2, 3, 4, 5, 6

-- State: created -> active -> finished, or active -> expiring (the timer fired) -> expired (the exit is over).
local Timeout = class.define("Timeout", nil, {
  __new = function(C) return setmetatable({"created", false, false, false, false, false}, C.__meta) end,
})
local scope_meta = Timeout.__meta

--- Timeout(when): a scope that ends at loop time `when`, nil for never (asyncio.Timeout).
function Timeout:init(when)
  options.optional(1, "Timeout", "number", when)
  self[WHEN] = when or false
end

--- The deadline in loop time, or nil (asyncio Timeout.when).
function Timeout:when()
  return self[WHEN] or nil
end

--- Whether time was up before the end of the scope (asyncio Timeout.expired).
function Timeout:expired()
  return self[STATE] == "expiring" or self[STATE] == "expired"
end

local function on_timeout(scope)
  core.trace_cancel(scope[TASK], scope)
  scope[TASK]:cancel()
  scope[STATE] = "expiring"
  scope[HANDLE] = false
end

local function arm(scope, when)
  local loop = ensure.running_loop()
  if when <= loop:time() then
    scope[HANDLE] = loop:call_soon(on_timeout, scope)
  else
    scope[HANDLE] = loop:call_at(when, on_timeout, scope)
  end
end

local function disarm(scope)
  local handle = scope[HANDLE]
  if handle then
    handle:cancel()
    scope[HANDLE] = false
  end
end

--- Moves the deadline to loop time `when`, nil for never, a past one for the next iteration (asyncio Timeout.reschedule).
--- RuntimeError unless the scope is active.
function Timeout:reschedule(when)
  options.optional(1, "reschedule", "number", when)
  if self[STATE] ~= "active" then
    local message = self[STATE] == "created" and "Timeout has not been entered"
      or ("Cannot change state of %s Timeout"):format(self[STATE])
    error(RuntimeError(message), 0)
  end
  self[WHEN] = when or false
  disarm(self)
  if when then arm(self, when) end
end

local function task_of_scope()
  local task = current_task()
  if task then return task end
  ensure.running_loop()
  error(RuntimeError("Timeout should be used inside a task"), 0)
end

--- Starts the clock; hold what it returns in a <close> variable. RuntimeError the second time and outside a task.
function Timeout:enter()
  if self[STATE] ~= "created" then error(RuntimeError("Timeout has already been entered"), 0) end
  local task = task_of_scope()
  self[STATE] = "active"
  self[TASK] = task
  self[CANCELLING], self[LINE] = scope_entry(task)
  if self[WHEN] then arm(self, self[WHEN]) end
  return self
end

-- The core has left in `_traceback` where the scope stood when its cancellation met the task.
local function timeout_error(scope, cause)
  local err = exceptions.TimeoutError()
  err.cause, err.context, err.traceback = cause, cause, scope._traceback
  return err
end

-- Puts a TimeoutError into the context chain of an error that the body made of our cancellation. Lua itself keeps no such chain:
-- where the cancellation is not in it, it belongs at its end.
local function insert_timeout_error(scope, err)
  if not isinstance(err, exceptions.BaseException) then return end
  while err.context ~= nil and not isinstance(err.context, CancelledError) do
    err = err.context
    if not isinstance(err, exceptions.BaseException) or isinstance(err, exceptions.TimeoutError) then return end
  end
  err.context = timeout_error(scope, err.context)
end

local function leave_expired(scope, err)
  if isinstance(err, CancelledError) then error(timeout_error(scope, err), 0) end
  insert_timeout_error(scope, err)
  if isinstance(err, exceptions.ExceptionGroup) then
    for _, member in ipairs(err.exceptions) do insert_timeout_error(scope, member) end
  end
end

-- The exit. `err` is the error in flight or nil; CancelledError becomes TimeoutError if this scope alone asked for it.
function scope_meta.__close(scope, err)
  local state = scope[STATE]
  disarm(scope)
  if state == "expiring" then
    scope[STATE] = "expired"
    if scope[TASK]:uncancel() <= scope[CANCELLING] and err ~= nil then leave_expired(scope, err) end
  elseif state == "active" then
    scope[STATE] = "finished"
  elseif state == "created" and err == nil then
    error(RuntimeError("Timeout has not been entered"), 0)
  end
end

function scope_meta.__tostring(scope)
  local when = ""
  if scope[STATE] == "active" then
    when = " when=" .. (scope[WHEN] and tostring(math.floor(scope[WHEN] * 1000 + 0.5) / 1000) or "nil")
  end
  return ("<Timeout [%s]%s>"):format(scope[STATE], when)
end

local M = {Timeout = Timeout}

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
  local scope = setmetatable({"active", task, task:cancelling(), false, false}, scope_meta)
  if delay then
    local loop = running_loop()
    local now = loop:time()
    local when = now + delay
    scope[WHEN] = when
    -- A delay too small to move the clock fires in the next iteration, before the timers due then.
    scope[HANDLE] = when <= now and loop:call_soon(on_timeout, scope) or loop:call_at(when, on_timeout, scope)
  end
  return scope
end

M._task_of_scope = task_of_scope

core.hooks.timeout = M
return M
