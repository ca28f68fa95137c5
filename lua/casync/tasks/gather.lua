-- SPDX-License-Identifier: MIT
-- gather: several awaitables at once, one future for the list of their results (asyncio's tasks.py).
-- Not here: counting the children down, cancelling them, making the list (the core).
-- Invariant: the core gets one future for each place; the same coroutine object at two places is one task.
local core = require "casync.core"
local class = require "casync.class"
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"

local isfuture, get_loop = core.isfuture, core.Future.get_loop

local OPTIONS = {return_exceptions = true}

-- The task of something that is no future; the same coroutine object gets the same task again.
local function task_of(awaitable, made, loop, place)
  local future = made[awaitable]
  if future == nil then
    future = ensure.future_of(awaitable, loop, "gather", place)
    -- The caller cannot know it, so it is not reported if it is left pending.
    if class.isinstance(future, core.Task) then core.task_quiet(future) end
    if not ensure.is_new_each_time(awaitable) then made[awaitable] = future end
  end
  return future
end

-- The future for the awaitable at a place, on `loop` if there is one.
local function future_at(list, i, made, loop)
  local awaitable = list[i]
  if not isfuture(awaitable) then
    if awaitable == nil then options.typeerror(i, "gather", "awaitable", nil) end
    return task_of(awaitable, made, loop, i)
  end
  if loop and get_loop(awaitable) ~= loop then ensure.future_of(awaitable, loop, "gather", i) end
  return awaitable
end

-- Puts the future of each awaitable into its place; returns their loop.
local function make_futures(list, n, loop)
  local made = {}
  for i = 1, n do
    list[i] = future_at(list, i, made, loop)
    loop = loop or get_loop(list[i])
  end
  return loop
end

-- Held while a gather is made child by child.
local Making = {}

function Making.__close(making, err)
  if err ~= nil then core.gather_drop(making.gather) end
end

-- The same where a new task may run at once: the gather waits for each child before the next one is made.
local function gather_one_by_one(list, n, return_exceptions, loop)
  local made, seen = {}, {}
  local gather = core.gather_open(list, n, return_exceptions, loop)
  local _ <close> = setmetatable({gather = gather}, Making)
  for i = 1, n do
    local future = future_at(list, i, made, loop)
    list[i] = future
    core.gather_add(gather, future, seen[future])
    seen[future] = true
  end
  core.gather_start(gather)
  return gather
end

-- A copy of a list that holds nothing but items, and their number: what most calls give. nil for anything else.
local function plain_items(list)
  local n = #list
  if next(list, n > 0 and n or nil) ~= nil then return nil end -- there is more than the items from 1 to n
  return table.move(list, 1, n, 1, {}), n
end

-- The list of awaitables, a new table, its length, the options.
local function arguments(...)
  local first, second = ...
  if second == nil and options.plain(first) and select("#", ...) == 1 then
    local items, n = plain_items(first)
    if items then return items, n, options.none end
  end
  return options.pack("gather", OPTIONS, ...)
end

local function empty(return_exceptions)
  local future = ensure.event_loop():create_future()
  future:set_result{n = 0, failed = return_exceptions and {} or nil}
  return future
end

--- A future for the list of the first results of several awaitables, in their order, with field n; or for the first error
--- (asyncio.gather). Takes them one by one or as one list. Option: return_exceptions puts errors into the list, marked in `failed`.
return function(...)
  local first, second = ...
  local loop = core.running_loop()
  if loop and second == nil and options.plain(first) and select("#", ...) == 1 then
    local future = core.gather_list(first, loop)
    if future then return future end
  end
  local list, n, opts = arguments(...)
  local return_exceptions = opts.return_exceptions and true or false
  if n == 0 then return empty(return_exceptions) end
  local future = loop and core.gather(list, n, return_exceptions, loop)
  if future then return future end
  if loop and loop:get_task_factory() then return gather_one_by_one(list, n, return_exceptions, loop) end
  loop = make_futures(list, n, loop)
  return core.gather(list, n, return_exceptions, loop)
end
