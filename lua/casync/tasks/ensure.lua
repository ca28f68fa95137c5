-- SPDX-License-Identifier: MIT
-- Which awaitable becomes which future, for ensure_future and all that take awaitables; which task runs; eager task factories.
-- Not here: tasks (the core) and awaiting (await.lua).
-- Invariant: a Future is handed on as it is; anything else becomes exactly one new task.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

local isfuture, iscoroutine = core.isfuture, core.iscoroutine
local RuntimeError, ValueError = exceptions.RuntimeError, exceptions.ValueError

local M = {
  --- A task on the running loop (asyncio.create_task): of a coroutine object with options, or of a function with its arguments.
  create_task = core.create_task,
}

--- Raises unless `list` is a plain table without names in it; `what` is what it lists.
function M.check_list(name, what, list)
  if not options.plain(list) then options.typeerror(1, name, "list of " .. what, list) end
  for key in next, list do
    if type(key) == "string" and key ~= "n" then
      error(exceptions.TypeError(("unexpected field '%s' in argument #1 to '%s' (options go into a second table)"):format(key, name)), 0)
    end
  end
end

--- Whether each mention of an awaitable counts as a new coroutine: functions, and sleep(0), which is one shared object.
function M.is_new_each_time(awaitable)
  return type(awaitable) == "function" or awaitable == core.sleep(0)
end

--- Whether await takes a value.
function M.isawaitable(value)
  local kind = type(value)
  if kind == "function" or kind == "thread" or isfuture(value) or iscoroutine(value) then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__await ~= nil
end

local function awaiting(awaitable)
  return require("casync.await").await(awaitable)
end
core.name(awaiting, "_wrap_awaitable")

--- A coroutine object, or a function, that does what awaiting `awaitable` does: what a task can be made of.
--- `position` and `name` tell the error whose argument it was.
function M.coroutine_of(awaitable, name, position)
  if iscoroutine(awaitable) or type(awaitable) == "function" then return awaitable end
  if not M.isawaitable(awaitable) then options.typeerror(position, name, "awaitable", awaitable) end
  return core.coroutine(awaiting, awaitable)
end

--- The loop that runs, else the one set_event_loop was given. RuntimeError if there is neither.
function M.event_loop()
  local loop = core.running_loop() or core.hooks.event_loop
  if not loop then error(RuntimeError("There is no current event loop in thread 'MainThread'."), 0) end
  return loop
end

--- The loop that runs. RuntimeError if none does.
function M.running_loop()
  local loop = core.running_loop()
  if not loop then error(RuntimeError("no running event loop"), 0) end
  return loop
end

local function made(coro, ok, task)
  if ok then return task end
  if class.isinstance(task, RuntimeError) then coro:close() end
  error(task, 0)
end

--- The future of an awaitable: itself, or a new task on `loop` (nil: as event_loop).
function M.future_of(awaitable, loop, name, position)
  if isfuture(awaitable) then
    if loop and awaitable:get_loop() ~= loop then
      error(ValueError("The future belongs to a different loop than the one specified as the loop argument"), 0)
    end
    return awaitable
  end
  local coro = M.coroutine_of(awaitable, name, position)
  loop = loop or M.event_loop()
  -- The loop may refuse: then nobody could close the caller's coroutine object any more.
  if coro == awaitable and iscoroutine(coro) then return made(coro, pcall(loop.create_task, loop, coro)) end
  return loop:create_task(coro)
end

local function check_loop(loop, name)
  if loop ~= nil and not class.isinstance(loop, core.Loop) then options.typeerror(1, name, "Loop", loop) end
  return loop
end

local ENSURE_OPTIONS = {loop = true}

--- A Future for any awaitable: futures as they are, anything else in a new task (asyncio.ensure_future). Option: loop.
function M.ensure_future(awaitable, opts)
  local loop = options.get(2, "ensure_future", ENSURE_OPTIONS, opts).loop
  return M.future_of(awaitable, loop, "ensure_future", 1)
end

--- The task whose step runs now, nil in a plain callback (asyncio.current_task). Without `loop`: RuntimeError if no loop runs.
function M.current_task(loop)
  return core.current_task(check_loop(loop, "current_task") or M.running_loop())
end

--- The unfinished tasks of a loop in the order of their making (asyncio.all_tasks). Without `loop`: RuntimeError if no loop runs.
function M.all_tasks(loop)
  return core.all_tasks(check_loop(loop, "all_tasks") or M.running_loop())
end

--- A task factory whose tasks, made by constructor(coro, options), run their first step at once
--- (asyncio.create_eager_task_factory).
function M.create_eager_task_factory(constructor)
  options.check(1, "create_eager_task_factory", "function", constructor)
  return function(loop, coro, opts)
    local given = {loop = loop, eager_start = true}
    for option, value in next, opts or {} do given[option] = value end
    return constructor(coro, given)
  end
end

--- The task factory of eager Tasks (asyncio.eager_task_factory).
M.eager_task_factory = M.create_eager_task_factory(core.Task)

return M
