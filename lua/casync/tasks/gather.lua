-- SPDX-License-Identifier: MIT
-- gather: several awaitables at once, one future for the list of their results (asyncio's tasks.py).
-- Not here: counting the children down, cancelling them, making the list (the core).
-- Invariant: the core gets one future for each place; the same coroutine object at two places is one task.
local core = require "casync.core"
local ensure = require "casync.tasks.ensure"

local isfuture, get_loop = core.isfuture, core.Future.get_loop

local OPTIONS = {return_exceptions = true}

-- Whether a value is a plain table with string keys only: options.
local function is_options(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil then return false end
  for key in next, value do
    if type(key) ~= "string" then return false end
  end
  return true
end

local function is_list(value)
  return type(value) == "table" and getmetatable(value) == nil
end

-- The options among the string keys of a list.
local function options_in(list)
  for key in next, list do
    if type(key) == "string" and key ~= "n" then ensure.check_options("gather", {[key] = true}, OPTIONS) end
  end
  return list
end

-- The list of awaitables, its length, and the options.
local function arguments(...)
  local n, first = select("#", ...), ...
  if n == 1 and is_list(first) then return first, first.n or #first, options_in(first) end
  local list = {...}
  if n > 0 and is_options(list[n]) then
    local options = ensure.check_options("gather", list[n], OPTIONS)
    if n == 2 and is_list(first) then return first, first.n or #first, options end
    return list, n - 1, options
  end
  return list, n, {}
end

-- The task of something that is no future; the same coroutine object gets the same task again.
local function task_of(awaitable, made, loop, place)
  local future = made[awaitable]
  if future == nil then
    future = ensure.future_of(awaitable, loop, "gather", place)
    if not ensure.is_new_each_time(awaitable) then made[awaitable] = future end
  end
  return future
end

local function futures_of(list, n, loop)
  local futures, made = {}, {}
  for i = 1, n do
    local awaitable = list[i]
    local future = awaitable
    if not isfuture(awaitable) then
      if awaitable == nil then ensure.bad_argument(i, "gather", "awaitable", nil) end
      future = task_of(awaitable, made, loop, i)
    elseif loop and get_loop(awaitable) ~= loop then
      ensure.future_of(awaitable, loop, "gather", i)
    end
    loop = loop or get_loop(future)
    futures[i] = future
  end
  return futures, loop
end

local function empty(return_exceptions)
  local future = ensure.event_loop():create_future()
  future:set_result{n = 0, failed = return_exceptions and {} or nil}
  return future
end

--- A future for the list of the first results of several awaitables, in their order, with field n; or for the first error
--- (asyncio.gather). Takes them one by one or as one list. Option: return_exceptions puts errors into the list, marked in `failed`.
return function(...)
  local list, n, options = arguments(...)
  local return_exceptions = options.return_exceptions and true or false
  if n == 0 then return empty(return_exceptions) end
  local futures, loop = futures_of(list, n, core.running_loop())
  return core.gather(futures, n, return_exceptions, loop)
end
