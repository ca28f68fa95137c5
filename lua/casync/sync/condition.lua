-- SPDX-License-Identifier: MIT
-- Condition (asyncio's locks.py): a lock, and a line of tasks that wait for a notification.
-- Not here: the line (the core's sync/line.c), Lock.
-- Invariant: wait() ends holding the lock, however it ends. A notification that reached a waiter which raises instead goes to the
-- next one.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local async, await = core.async, core.await
local guard = require("casync.with").guard
local options = require "casync.options"
local native = require "casync.sync.native"

if core.hooks.Condition then return core.hooks.Condition end

local RuntimeError = exceptions.RuntimeError

local Condition = class.define("Condition", nil, {
  __tostring = function(self)
    local waiters = self._line:size()
    return ("<%s [%s%s]>"):format(class.of(self).__name, self:locked() and "locked" or "unlocked",
      waiters > 0 and ", waiters:" .. waiters or "")
  end,
})

--- Condition([lock]): on a new Lock unless one is given, which several conditions may share.
function Condition:init(lock)
  if lock == nil then lock = native.Lock() end
  if type(lock) ~= "table" and type(lock) ~= "userdata" then options.typeerror(1, "Condition", "lock", lock) end
  self._lock = lock
  self._line = core.line()
end

--- The lock's own: a coroutine that ends with true, once the task has the lock.
function Condition:acquire() return self._lock:acquire() end

--- The lock's own.
function Condition:release() return self._lock:release() end

--- Whether the lock is held, by whomever.
function Condition:locked() return self._lock:locked() end

local function exit(self) self:release() end

--- Waits until the task has the lock; hold what this returns in a <close> variable: the exit releases it.
function Condition:enter()
  await(self:acquire())
  return guard(self, exit)
end

-- Takes the lock again however often that is cancelled; the last cancellation, if there was one.
local function reacquire(self)
  local last
  repeat
    local ok, err = pcall(await, self:acquire())
    if not ok and not class.isinstance(err, exceptions.CancelledError) then error(err, 0) end
    if not ok then last = err end
  until ok
  return last
end

local function wait_unlocked(self)
  local ok, err = pcall(await, self._line:wait())
  local last = reacquire(self)
  if last ~= nil then error(last, 0) end
  if not ok then error(err, 0) end
  return true
end

local function pass_on(self, ok, ...)
  if ok then return ... end
  -- It may have been notified, and believes so no more: another one is, who may find nothing to do.
  self._line:wake(1)
  error((...), 0)
end

local function wait(self)
  if not self:locked() then error(RuntimeError("cannot wait on un-acquired lock"), 0) end
  self._line:bind(self)
  self:release()
  return pass_on(self, pcall(wait_unlocked, self))
end

--- wait(): releases the lock, waits for a notification, takes the lock again; a coroutine that ends with true. It may end without
--- a notification: look at what is waited for again.
Condition.wait = async("Condition.wait", wait)

--- wait_for(predicate): waits until the predicate, a plain function, returns something true; ends with that.
Condition.wait_for = async("Condition.wait_for", function(self, predicate)
  options.check(1, "wait_for", "function", predicate)
  local result = predicate()
  while not result do
    await(self:wait())
    result = predicate()
  end
  return result
end)

--- notify([n]): wakes the first n (1) that wait; they go on when they have got the lock.
function Condition:notify(n)
  options.optional(1, "notify", "integer", n)
  if not self:locked() then error(RuntimeError("cannot notify on un-acquired lock"), 0) end
  self._line:wake(n or 1)
end

--- The same for all that wait.
function Condition:notify_all() self:notify(self._line:size()) end

core.hooks.Condition = Condition
return Condition
