-- SPDX-License-Identifier: MIT
-- Barrier (asyncio's locks.py): tasks wait for each other until a number of them has come.
-- Not here: waiting (condition.lua).
-- Invariant: filling -> draining -> filling; reset() goes by way of "resetting" while tasks are inside, abort() to "broken" until
-- reset(). `_count` tasks are inside.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local async, await = core.async, core.await
local guard = require("casync.with").guard
local options = require "casync.options"
local Condition = require "casync.sync.condition"

if core.hooks.Barrier then return core.hooks.Barrier end

local BrokenBarrierError = exceptions.BrokenBarrierError

local properties = {
  parties = function(self) return self._parties end,
  n_waiting = function(self) return self._state == "filling" and self._count or 0 end,
  broken = function(self) return self._state == "broken" end,
}

local Barrier = class.define("Barrier", nil, {
  -- Fields `parties`, `n_waiting` (tasks that wait in this round) and `broken`.
  __index = function(self, name)
    local property = properties[name]
    return property and property(self)
  end,
  __tostring = function(self)
    local waiting = self.broken and "" or (", waiters:%d/%d"):format(self.n_waiting, self.parties)
    return ("<%s [%s%s]>"):format(class.of(self).__name, self._state, waiting)
  end,
})

--- Barrier(parties): for so many tasks.
function Barrier:init(parties)
  options.check(1, "Barrier", "integer", parties)
  if parties < 1 then error(exceptions.ValueError("parties must be >= 1"), 0) end
  self._cond = Condition()
  self._parties, self._state, self._count = parties, "filling", 0
end

local function accepts(self) return self._state ~= "draining" and self._state ~= "resetting" end

-- Waits for the next round, if the last one is not over.
local function block(self)
  await(self._cond:wait_for(function() return accepts(self) end))
  if self._state == "broken" then error(BrokenBarrierError("Barrier aborted"), 0) end
end

local function wait_for_others(self)
  await(self._cond:wait_for(function() return self._state ~= "filling" end))
  if self._state == "broken" or self._state == "resetting" then
    error(BrokenBarrierError("Abort or reset of barrier"), 0)
  end
end

-- The last one out lets in those who wait for the next round.
local leave = {}

function leave.__close(held)
  local self = held.barrier
  self._count = self._count - 1
  if self._count > 0 then return end
  if not accepts(self) then self._state = "filling" end
  self._cond:notify_all()
end

local function come_in(self)
  local index = self._count
  self._count = index + 1
  local _ <close> = setmetatable({barrier = self}, leave)
  if index + 1 < self._parties then
    wait_for_others(self)
  else
    self._state = "draining"
    self._cond:notify_all()
  end
  return index
end

--- wait(): waits until as many as `parties` do, then all go on; a coroutine that ends with an index from 0 to parties - 1, another
--- one for each. Raises BrokenBarrierError if the barrier is or becomes broken, or is reset.
Barrier.wait = async("Barrier.wait", function(self)
  local _ <close> = self._cond:enter()
  block(self)
  return come_in(self)
end)

--- reset(): an empty barrier; those who wait raise BrokenBarrierError. A coroutine.
Barrier.reset = async("Barrier.reset", function(self)
  local _ <close> = self._cond:enter()
  self._state = self._count > 0 and "resetting" or "filling"
  self._cond:notify_all()
end)

--- abort(): those who wait, and who come, raise BrokenBarrierError until reset(). A coroutine.
Barrier.abort = async("Barrier.abort", function(self)
  local _ <close> = self._cond:enter()
  self._state = "broken"
  self._cond:notify_all()
end)

local function exit() end

--- wait(), as a scope: what it returns has the index in its field `index`.
function Barrier:enter() return guard(self, exit, await(self:wait()), "index") end

core.hooks.Barrier = Barrier
return Barrier
