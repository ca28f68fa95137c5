-- SPDX-License-Identifier: MIT
-- Who awaits a future, and what a future awaits: asyncio's "awaited by" relation, found when somebody asks.
-- Not here: the public call graph (call_graph.lua), the tasks of a loop (snapshot.lua).
-- Invariant: nothing is kept for this but what future_add_to_awaited_by() adds. A done callback of the library's, or a value in its
-- frames, tells by a metamethod: `__awaited_by(callback, future)` gives the task that awaits the future whose callback it is;
-- `__awaits(value, future)` gives a list of futures, and what awaits them is called, for the future whose callback the value is
-- (nil: it was found in a frame).
local core = require "casync.core"

-- A second load in one Lua state finds what the first has kept.
if core.hooks.graph then return core.hooks.graph end

local class = require "casync.class"

local isinstance = class.isinstance

local M = {}

-- future -> list of those that were added
local added = setmetatable({}, {__mode = "k"})

-- Calls a metamethod of a value, if it has that.
local function ask(name, value, future)
  local meta = debug.getmetatable(value)
  local method = type(meta) == "table" and rawget(meta, name)
  if method then return method(value, future) end
end

local function index_of(list, value)
  for i, item in ipairs(list) do
    if item == value then return i end
  end
end

-- What waits for a future by itself: tasks; a gather's children are awaited by the task that made it, as asyncio has it.
local function add_waiters(add, future)
  for _, waiter in ipairs(core.future_waiters(future)) do
    if isinstance(waiter, core.GatheringFuture) then
      add(core.gather_maker(waiter))
    else
      add(waiter)
    end
  end
end

--- The tasks (and futures that were added) that await a future, each once, as asyncio tracks them.
function M.awaiters(future)
  local list, seen = {}, {}
  local function add(waiter)
    if waiter == nil or seen[waiter] then return end
    seen[waiter] = true
    list[#list + 1] = waiter
  end
  add_waiters(add, future)
  for _, callback in ipairs(core.callbacks(future)) do add(ask("__awaited_by", callback, future)) end
  for _, waiter in ipairs(added[future] or {}) do add(waiter) end
  return list
end

--- The futures that a value of the library's stands for and what their waiting is called; nil if it is no such value.
function M.awaited_by_holder(value) return ask("__awaits", value, nil) end

--- The same of a future that is no task: gather's, shield's.
function M.awaited_by_future(future)
  if isinstance(future, core.GatheringFuture) then
    return core.gather_children(future), "gather"
  end
  for _, callback in ipairs(core.callbacks(future)) do
    local list, label = ask("__awaits", callback, future)
    if list then return list, label end
  end
end

--- Records that `fut` is awaited by `waiter` (asyncio.future_add_to_awaited_by), for the call graph. What are no futures is ignored.
function M.future_add_to_awaited_by(fut, waiter)
  if not (core.isfuture(fut) and core.isfuture(waiter)) then return end
  local list = added[fut] or {}
  added[fut] = list
  if not index_of(list, waiter) then list[#list + 1] = waiter end
end

--- Removes such a record (asyncio.future_discard_from_awaited_by). What awaits really stays in the graph.
function M.future_discard_from_awaited_by(fut, waiter)
  local list = core.isfuture(fut) and added[fut]
  local i = list and index_of(list, waiter)
  if i then table.remove(list, i) end
end

core.hooks.graph = M
return M
