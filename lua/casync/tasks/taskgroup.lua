-- SPDX-License-Identifier: MIT
-- TaskGroup: a scope that waits for its tasks and cancels the rest when one fails (asyncio's taskgroups.py).
-- Not here: the group of errors it raises (exceptions.lua).
-- Invariant: when the exit is over, every task of the group is done, and the parent's count of cancel requests is free of ours.
local core = require "casync.core"

-- A second load in one Lua state gives the same class.
if core.hooks.taskgroup then return core.hooks.taskgroup end

local class = require "casync.class"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local ensure = require "casync.tasks.ensure"

local isinstance = class.isinstance
local RuntimeError, CancelledError = exceptions.RuntimeError, exceptions.CancelledError
local BASE_ERRORS = {exceptions.SystemExit, exceptions.KeyboardInterrupt}

-- Where the core looks for the line at which a scope was entered.
local SCOPE_LINE <const> = 6

local TaskGroup = class.define("TaskGroup", nil, {})

--- TaskGroup() (asyncio.TaskGroup).
function TaskGroup:init()
  self._entered = false
  self._exiting = false
  self._aborting = false
  self._parent_cancel_requested = false
  self._tasks = {} -- unfinished task -> its number, in the order of making
  self._unfinished = 0
  self._made = 0
  self._errors = {}
  self._tracebacks = {} -- of these errors
end

local function refuse(group, coro, what)
  if core.iscoroutine(coro) then coro:close() end
  error(RuntimeError(("TaskGroup %s %s"):format(tostring(group), what)), 0)
end

-- The children that are left, oldest first.
local function tasks_of(group)
  local tasks, number = {}, group._tasks
  for task in next, number do tasks[#tasks + 1] = task end
  table.sort(tasks, function(a, b) return number[a] < number[b] end)
  return tasks
end

local function abort(group)
  group._aborting = true
  for _, task in ipairs(tasks_of(group)) do
    if not task:done() then task:cancel() end
  end
end

local function report_orphan(group, task, err)
  group._loop:call_exception_handler{
    message = ("Task %s has errored out but its parent task %s is already completed"):format(
      tostring(task), tostring(group._parent)),
    exception = err,
    task = task,
    traceback = core.task_traceback(task),
  }
end

-- The first error cancels the parent too, which may be anywhere in the body; the exit takes that request back.
local function keep_error(group, task, err)
  local errors = group._errors
  errors[#errors + 1] = err
  group._tracebacks[#errors] = core.task_traceback(task)
  if group._base_error == nil and isinstance(err, BASE_ERRORS) then group._base_error = err end
  if group._parent:done() then return report_orphan(group, task, err) end
  if not group._aborting and not group._parent_cancel_requested then
    abort(group)
    group._parent_cancel_requested = true
    core.trace_cancel(group._parent, group)
    group._parent:cancel()
  end
end

local function on_task_done(group, task)
  group._tasks[task] = nil
  group._unfinished = group._unfinished - 1
  local completed = group._on_completed
  if completed and group._unfinished == 0 and not completed:done() then completed:set_result(true) end
  if task:cancelled() then return end
  local err = task:exception()
  if err ~= nil then keep_error(group, task, err) end
end

-- The done callback of a group's tasks.
local Member = {__name = "TaskGroup"}

function Member.__call(member, task) return on_task_done(member.group, task) end

-- For the call graph (debug/graph.lua).
function Member.__awaited_by(member) return member.group._parent end

--- Enters the scope; hold what it returns in a <close> variable. RuntimeError the second time and outside a task.
function TaskGroup:enter()
  if self._entered then error(RuntimeError(("TaskGroup %s has already been entered"):format(tostring(self))), 0) end
  self._loop = self._loop or ensure.running_loop()
  self._parent = core.current_task(self._loop)
  if not self._parent then
    error(RuntimeError(("TaskGroup %s cannot determine the parent task"):format(tostring(self))), 0)
  end
  self._entered = true
  self[SCOPE_LINE] = select(2, core.scope_entry(self._parent))
  self._on_task_done = setmetatable({group = self}, Member)
  return self
end

--- A new task of the group (asyncio TaskGroup.create_task): a coroutine object with options, or a function with arguments.
--- RuntimeError, the coroutine being closed, before entry, after the end and while the group shuts down.
function TaskGroup:create_task(coro, ...)
  if not self._entered then refuse(self, coro, "has not been entered") end
  if self._exiting and self._unfinished == 0 then refuse(self, coro, "is finished") end
  if self._aborting then refuse(self, coro, "is shutting down") end
  local task = self._loop:create_task(coro, ...)
  self._made = self._made + 1
  self._tasks[task] = self._made
  self._unfinished = self._unfinished + 1
  -- By callback also for a task that is done: an eager child that failed must not cancel the parent inside this call.
  task:add_done_callback(self._on_task_done)
  return task
end

-- Waits for the last child. Returns the CancelledError that came from outside meanwhile, or what it was given.
local function wait_for_children(group, cancellation)
  while group._unfinished > 0 do
    group._on_completed = group._on_completed or group._loop:create_future()
    local ok, err = pcall(await, group._on_completed)
    if not ok then
      if not isinstance(err, CancelledError) then error(err, 0) end
      if not group._aborting then
        cancellation = err
        abort(group)
      end
    end
    group._on_completed = nil
  end
  return cancellation
end

local function group_error(group)
  -- A parent that others cancel keeps its count, and gets CancelledError at its next suspension.
  local parent = group._parent
  if parent:cancelling() > 0 then
    parent:uncancel()
    parent:cancel()
  end
  local err = exceptions.BaseExceptionGroup("unhandled errors in a TaskGroup", group._errors)
  err.tracebacks, err.traceback = group._tracebacks, group._traceback
  return err
end

-- The exit with `err` in flight or nil; returns the error that leaves the scope, or nil.
local function exit(group, err)
  group._exiting = true
  local traceback = err ~= nil and core.traceback_of(err) or nil
  if group._base_error == nil and isinstance(err, BASE_ERRORS) then group._base_error = err end
  local is_cancelled = isinstance(err, CancelledError)
  if err ~= nil and not group._aborting then abort(group) end
  local cancellation = wait_for_children(group, is_cancelled and err or nil)
  if group._base_error ~= nil then return group._base_error end
  if group._parent_cancel_requested and group._parent:uncancel() == 0 then cancellation = nil end
  local errors = group._errors
  if cancellation and #errors == 0 then return cancellation end
  if err ~= nil and not is_cancelled then
    errors[#errors + 1] = err
    group._tracebacks[#errors] = traceback
    group._traceback = group._traceback or traceback
  end
  if #errors > 0 then return group_error(group) end
end

function TaskGroup.__meta.__close(group, err)
  if not group._entered then
    if err ~= nil then return end
    error(RuntimeError(("TaskGroup %s has not been entered"):format(tostring(group))), 0)
  end
  if group._parent == nil then return end
  local leaving = exit(group, err)
  group._parent, group._errors, group._tracebacks, group._base_error = nil, {}, {}, nil
  if leaving ~= nil and leaving ~= err then error(leaving, 0) end
end

-- For the call graph (debug/graph.lua).
function TaskGroup.__meta.__awaits(group) return tasks_of(group), "TaskGroup" end

function TaskGroup.__meta.__tostring(group)
  local info = {"<TaskGroup"}
  if group._unfinished > 0 then info[#info + 1] = "tasks=" .. group._unfinished end
  if #group._errors > 0 then info[#info + 1] = "errors=" .. #group._errors end
  if group._aborting then
    info[#info + 1] = "cancelling"
  elseif group._entered then
    info[#info + 1] = "entered"
  end
  return table.concat(info, " ") .. ">"
end

core.hooks.taskgroup = {TaskGroup = TaskGroup}
return core.hooks.taskgroup
