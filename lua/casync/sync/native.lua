-- SPDX-License-Identifier: MIT
-- Lock, Event, Semaphore, BoundedSemaphore (asyncio's locks.py): what of them is not native.
-- Not here: waiting, acquiring and releasing (the core's sync/), their texts (debug/repr.lua).
-- Invariant: one set of classes in a Lua state, however often this file is loaded; nobody makes one before it is.
local core = require "casync.core"
local class = require "casync.class"
local await = require("casync.await").await
local guard = require("casync.with").guard

core.open_sync()
local Lock, Semaphore = core.Lock, core.Semaphore

local function exit(object) object:release() end

if not rawget(Lock, "enter") then
  class.adopt(Lock)
  class.adopt(core.Event)
  class.adopt(Semaphore)
  class.adopt(core.BoundedSemaphore, Semaphore)

  --- Waits until the task has the lock; hold what this returns in a <close> variable: the exit releases it.
  function Lock:enter()
    await(self:acquire())
    return guard(self, exit)
  end

  --- The same for a unit of the semaphore.
  Semaphore.enter = Lock.enter
  core.BoundedSemaphore.enter = Lock.enter
end

return {Lock = Lock, Event = core.Event, Semaphore = Semaphore, BoundedSemaphore = core.BoundedSemaphore}
