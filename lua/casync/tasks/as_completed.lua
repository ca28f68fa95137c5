-- SPDX-License-Identifier: MIT
-- as_completed: awaitables in the order in which they finish (asyncio's tasks.py).
-- Not here: waiting for all of them (gather.lua, wait.lua).
-- Invariant: each distinct awaitable comes once, or the time-out's mark in its place; nothing is cancelled.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"

-- What a consumer gets for an item that was not done in time.
local TIMED_OUT = {}

-- Finished items, first in, first out, and the futures of the consumers that wait for one, oldest first: what asyncio.Queue does here.
local Finished = class.define("Finished", nil, {})

function Finished:init(loop)
  self.loop = loop
  self.first, self.last = 1, 0
  self.getters = {}
end

local function wake_next(finished)
  local getters = finished.getters
  while getters[1] do
    local getter = table.remove(getters, 1)
    if not getter:done() then
      getter:set_result()
      return
    end
  end
end

function Finished:put(item)
  self.last = self.last + 1
  self[self.last] = item
  wake_next(self)
end

function Finished:is_empty()
  return self.first > self.last
end

local function forget(getters, getter)
  for i, other in ipairs(getters) do
    if other == getter then
      table.remove(getters, i)
      return
    end
  end
end

-- Held while a consumer waits; when its wait ends by an error, a wake-up that it got is passed on.
local Waiting = {}

function Waiting.__close(waiting, err)
  if err == nil then return end
  local finished, getter = waiting.finished, waiting.getter
  getter:cancel()
  forget(finished.getters, getter)
  if not finished:is_empty() and not getter:cancelled() then wake_next(finished) end
end

local function wait_for_item(finished)
  local getter = finished.loop:create_future()
  finished.getters[#finished.getters + 1] = getter
  local _ <close> = setmetatable({finished = finished, getter = getter}, Waiting)
  await(getter)
end

function Finished:get()
  while self:is_empty() do wait_for_item(self) end
  local item = self[self.first]
  self[self.first] = nil
  self.first = self.first + 1
  return item
end

local Iterator = class.define("as_completed", nil, {})

-- The next item; with `resolve` its results or its error.
local function wait_for_one(iterator, resolve)
  local future = iterator._done:get()
  if future == TIMED_OUT then error(exceptions.TimeoutError(), 0) end
  if resolve then return future:result() end
  return future
end
core.name(wait_for_one, "as_completed")

local function on_completion(iterator, future)
  if not iterator._todo[future] then return end -- The time-out was here first.
  iterator._todo[future] = nil
  iterator._pending = iterator._pending - 1
  iterator._done:put(future)
  if iterator._pending == 0 and iterator._handle then iterator._handle:cancel() end
end

local function on_timeout(iterator)
  local todo = iterator._todo
  for _, future in ipairs(iterator._futures) do
    if todo[future] then
      future:remove_done_callback(iterator._on_completion)
      iterator._done:put(TIMED_OUT)
    end
  end
  iterator._todo, iterator._pending = {}, 0
end

-- One future for each distinct awaitable, in order. A function, and the shared sleep, is a new coroutine at each mention.
local function futures_of(list, loop)
  local futures, seen = {}, {}
  for i = 1, list.n or #list do
    local awaitable = list[i]
    if awaitable == nil or not seen[awaitable] or ensure.is_new_each_time(awaitable) then
      local future = ensure.future_of(awaitable, loop, "as_completed", 1)
      seen[awaitable] = true
      futures[#futures + 1] = future
    end
  end
  return futures
end

function Iterator:init(list, timeout)
  local loop = ensure.event_loop()
  self._done = Finished(loop)
  self._futures = futures_of(list, loop)
  self._todo = {}
  self._pending = #self._futures
  self._left = #self._futures
  self._on_completion = function(future) on_completion(self, future) end
  for _, future in ipairs(self._futures) do
    self._todo[future] = true
    future:add_done_callback(self._on_completion)
  end
  if self._left > 0 and timeout then self._handle = loop:call_later(timeout, on_timeout, self) end
end

-- The head of a `for`: waits for the next item, which is the caller's own task or future; nil at the end.
function Iterator.__meta.__call(iterator)
  if iterator._left == 0 then return nil end
  iterator._left = iterator._left - 1
  return (wait_for_one(iterator, false))
end

local function next_plain(iterator)
  if iterator._left == 0 then return nil end
  iterator._left = iterator._left - 1
  return core.coroutine(wait_for_one, iterator, true)
end

--- Iterates as Python's plain `for`: hands out a coroutine object for each result to come, without waiting.
function Iterator:plain()
  return next_plain, self
end

local OPTIONS = {timeout = "number"}

--- Iterates over awaitables in the order in which they finish: `for future in as_completed{…} do` (asyncio.as_completed).
--- Option: timeout in seconds from now, after which the head of the loop raises TimeoutError.
return function(list, opts)
  ensure.check_list("as_completed", "awaitables", list)
  return Iterator(list, options.get(2, "as_completed", OPTIONS, opts).timeout)
end
