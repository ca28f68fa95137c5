-- SPDX-License-Identifier: MIT
-- All tasks of a loop as plain data: what each awaits, where it stands, who awaits it.
-- Not here: who awaits whom (graph.lua), the data as text (snapshot/text.lua).
-- Invariant: reads state and never changes it. The result holds numbers, strings and tables of them alone: it can be sent away.
local core = require "casync.core"
local class = require "casync.class"
local frames = require "casync.debug.frames"
local graph = require "casync.debug.graph"

local M = {}

-- Items of a list that are named, frames of a stack that are kept.
local MOST_NAMES, MOST_FRAMES = 3, 20

local name_of = core.Task.get_name

local function is_task(value) return class.isinstance(value, core.Task) end

-- What a task awaits

-- "gather(Task-2, Task-3, Task-4, +7)"
local function list_text(label, list)
  local names = {}
  for i = 1, math.min(#list, MOST_NAMES) do names[i] = is_task(list[i]) and name_of(list[i]) or "future" end
  if #list > MOST_NAMES then names[#names + 1] = "+" .. #list - MOST_NAMES end
  return ("%s(%s)"):format(label, table.concat(names, ", "))
end

local function future_text(future)
  if is_task(future) then return "task " .. name_of(future) end
  local list, label = graph.awaited_by_future(future)
  if list then return list_text(label, list) end
  local C = class.of(future)
  return C == core.Future and "future" or C.__name
end

local function op_text(name, left)
  if not left then return name end
  left = math.max(left, 0)
  return ("%s(%s s left)"):format(name, left < 100 and ("%.3g"):format(left) or ("%.0f"):format(left))
end

-- What the library's functions, which the user's innermost one has called, tell: the names of their coroutines, from inside out, and
-- the first value that says what it awaits.
local function own_calls(thread)
  local names, list, label = {}, nil, nil
  local function look_at_values(level)
    for i = 1, 250 do
      local name, value = debug.getlocal(thread, level, i)
      if not name or list then return end
      list, label = graph.awaited_by_holder(value)
    end
  end
  frames.each_own_call(thread, function(_, level, info)
    if info.func ~= core.await then return look_at_values(level) end
    local _, awaited = debug.getlocal(thread, level, 1)
    local name = class.isinstance(awaited, core.Coroutine) and frames.name_and_body(awaited)
    if name and not name:find("^_") then names[#names + 1] = name end
  end)
  return names, list, label
end

-- "wait_for(Queue.get)": the outermost of the names says what the user asked for; of wait_for, what it waits for counts too.
local function composed(names, inner)
  local last = #names
  if last == 0 then return inner end
  local name = names[last]
  if inner:sub(1, #name + 1) == name .. "(" then return inner end
  if name ~= "wait_for" then return name end
  return ("wait_for(%s)"):format(composed(table.move(names, 1, last - 1, 1, {}), inner))
end

-- The text of what a waiting task awaits, and the futures that it waits for.
local function awaited(task, thread, op, left)
  local names, list, label = {}, nil, nil
  if thread then names, list, label = own_calls(thread) end
  local future = core.task_waits_for(task)
  if op or not core.isfuture(future) then return composed(names, op and op_text(op, left) or "?"), {} end
  if list then return composed(names, list_text(label, list)), list end
  return composed(names, future_text(future)), {future}
end

-- Who awaits whom

-- The tasks among futures and in what the others stand for, in order.
local function tasks_among(futures)
  local tasks, seen = {}, {}
  local function visit(list)
    for _, future in ipairs(list) do
      if not seen[future] then
        seen[future] = true
        if is_task(future) then tasks[#tasks + 1] = future else visit(graph.awaited_by_future(future) or {}) end
      end
    end
  end
  visit(futures)
  return tasks
end

-- The tasks that await a task, through futures that are none.
local function tasks_above(task)
  local tasks, seen = {}, {[task] = true}
  local function visit(future)
    for _, waiter in ipairs(graph.awaiters(future)) do
      if not seen[waiter] then
        seen[waiter] = true
        if is_task(waiter) then tasks[#tasks + 1] = waiter else visit(waiter) end
      end
    end
  end
  visit(task)
  return tasks
end

-- Notes that one entry awaits another, once; nil: its task is not among those that were asked for.
local function link(above, below, known)
  if not above or not below then return end
  local ids = known[below] or {}
  known[below] = ids
  if ids[above.id] then return end
  ids[above.id] = true
  table.insert(below.awaited_by, above.id)
  table.insert(above.awaits_ids, below.id)
end

-- The tasks

-- What a task runs: the name of its coroutine, else file and line of its function.
local function coro_text(task)
  local coro = task:get_coro()
  if core.iscoroutine(coro) or type(coro) == "function" then return (core.coroutine_info(coro)) end
  return type(coro)
end

local function stack_of(task)
  local stack = {}
  for i, frame in ipairs(frames.of(task)) do
    if i > MOST_FRAMES then break end
    stack[i] = ("%s:%d in %s"):format(frame.source, frame.currentline, frame.name)
  end
  return stack, stack[1] and stack[1]:match("^(.-:%d+) in ")
end

-- The entry of a task, and the futures that it awaits.
local function entry_of(task)
  local id, state, op, left = core.task_info(task)
  local entry = {id = id, name = name_of(task), coro = coro_text(task), state = state, awaits_ids = {}, awaited_by = {}}
  entry.stack, entry.line = stack_of(task)
  if state ~= "waiting" then return entry, {} end
  local threads = core.task_stack(task)
  local futures
  entry.awaits, futures = awaited(task, threads[#threads], op, left)
  return entry, futures
end

--- The unfinished tasks of a loop, in the order of their making: a list of
---   {id, name, coro, state, awaits, awaits_ids, awaited_by, line, stack}
--- id: a number that no other task of the Lua state has; state: "running", "ready" or "waiting"; awaits: a text, nil if it does not
--- wait; awaits_ids, awaited_by: lists of ids; line: "file:line" of the user's innermost function, nil if there is none; stack: a
--- list of "file:line in name", the innermost first.
function M.tasks(loop)
  local list, entries, futures = {}, {}, {}
  local tasks = core.all_tasks(loop)
  for i, task in ipairs(tasks) do
    list[i], futures[i] = entry_of(task)
    entries[task] = list[i]
  end
  local known = {}
  for i, task in ipairs(tasks) do
    for _, below in ipairs(tasks_among(futures[i])) do link(list[i], entries[below], known) end
    for _, above in ipairs(tasks_above(task)) do link(entries[above], list[i], known) end
  end
  return list
end

--- Texts of such a list (snapshot/text.lua).
for _, name in ipairs{"table_text", "tree"} do
  M[name] = function(tasks) return require "casync.debug.snapshot.text"[name](tasks) end
end

return M
