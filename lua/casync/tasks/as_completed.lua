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

local function new_queue()
  return {first = 1, last = 0}
end

local function push(queue, value)
  queue.last = queue.last + 1
  queue[queue.last] = value
end

local function pop(queue)
  local value = queue[queue.first]
  if value == nil then return nil end
  queue[queue.first] = nil
  queue.first = queue.first + 1
  return value
end

-- Finished items, and the futures of the consumers that wait for one, both first in, first out: what asyncio.Queue does here.
local function new_finished(loop)
  return {loop = loop, items = new_queue(), getters = new_queue()}
end

local function is_empty(finished)
  return finished.items.first > finished.items.last
end

-- Wakes the consumer that has waited longest; those that were cancelled are done and passed over.
local function wake_next(finished)
  local getter
  repeat
    getter = pop(finished.getters)
    if not getter then return end
  until not getter:done()
  getter:set_result()
end

local function put(finished, item)
  push(finished.items, item)
  wake_next(finished)
end

-- Held while a consumer waits; when its wait ends by an error, a wake-up that it got is passed on.
local Waiting = {}

function Waiting.__close(waiting, err)
  if err == nil then return end
  local finished, getter = waiting.finished, waiting.getter
  getter:cancel()
  if not is_empty(finished) and not getter:cancelled() then wake_next(finished) end
end

local function wait_for_item(finished)
  local getter = finished.loop:create_future()
  push(finished.getters, getter)
  local _ <close> = setmetatable({finished = finished, getter = getter}, Waiting)
  await(getter)
end

local function get(finished)
  while is_empty(finished) do wait_for_item(finished) end
  return pop(finished.items)
end

local Iterator = class.define("as_completed", nil, {})

-- The next item; with `resolve` its results or its error.
local function wait_for_one(iterator, resolve)
  local future = get(iterator._done)
  if future == TIMED_OUT then error(exceptions.TimeoutError(), 0) end
  if resolve then return future:result() end
  return future
end
core.name(wait_for_one, "as_completed")

local function on_completion(iterator, future)
  if not iterator._todo[future] then return end -- The time-out was here first.
  iterator._todo[future] = nil
  iterator._pending = iterator._pending - 1
  put(iterator._done, future)
  if iterator._pending == 0 and iterator._handle then iterator._handle:cancel() end
end

local function on_timeout(iterator)
  local todo = iterator._todo
  for _, future in ipairs(iterator._futures) do
    if todo[future] then
      future:remove_done_callback(iterator._on_completion)
      put(iterator._done, TIMED_OUT)
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
  self._done = new_finished(loop)
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

-- For the call graph (debug/graph.lua).
function Iterator.__meta.__awaits(iterator)
  local left = {}
  for _, future in ipairs(iterator._futures) do
    if iterator._todo[future] then left[#left + 1] = future end
  end
  return left, "as_completed"
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
