-- SPDX-License-Identifier: MIT
-- The methods of loops that asyncio writes in Python (base_events.py): running to a result, the task factory, shutting down.
-- Not here: iterations, timers, callbacks (the core); what happens to errors nobody catches (exceptions.lua); what is
-- done about generators left open (shutdown.lua). In the start path: keep it short.
-- Invariant: run_until_complete leaves no callback of its own on the future, whatever left the loop.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
require "casync.loop.exceptions"

local Loop = core.Loop

local function check_may_run(loop)
  local message
  if loop:is_closed() then
    message = "Event loop is closed"
  elseif loop:is_running() then
    message = "This event loop is already running"
  elseif core.loop_in_the_way() then
    message = "Cannot run the event loop while another loop is running"
  end
  if message then error(exceptions.RuntimeError(message), 0) end
end

--- Runs until stop() is called (asyncio loop.run_forever). KeyboardInterrupt and SystemExit of a callback or task are raised.
function Loop:run_forever()
  self:_run()
end

-- The done callback of the future that run_until_complete waits for.
local function stop_loop_of(future)
  local err
  if not future:cancelled() then err = future:exception() end
  -- These two have left the loop already: a stop would spoil its next run.
  if err ~= nil and class.isinstance(err, {exceptions.SystemExit, exceptions.KeyboardInterrupt}) then return end
  future:get_loop():stop()
end

-- Closing it takes the callback back, and reads the error of a task nobody else can reach.
local Watch = {}

function Watch.__close(watch, err)
  local future = watch.future
  if err ~= nil and watch.is_ours and future:done() and not future:cancelled() then future:exception() end
  future:remove_done_callback(stop_loop_of)
end

-- The future of what run_until_complete was given, and whether it was made here.
local function future_of(loop, main, ...)
  if core.isfuture(main) then
    if main:get_loop() ~= loop then
      error(exceptions.ValueError("The future belongs to a different loop than the one specified as the loop argument"), 0)
    end
    return main, false
  end
  local task
  if type(main) == "function" or core.iscoroutine(main) then
    task = loop:create_task(main, ...)
  else
    task = require("casync.tasks.ensure").future_of(main, loop, "run_until_complete", 1)
  end
  -- Left pending it is known to the caller by an error.
  if class.isinstance(task, core.Task) then core.task_quiet(task) end
  return task, true
end

--- Runs until an awaitable, or a function called with what follows, is done; returns its results or raises its error
--- (asyncio loop.run_until_complete). RuntimeError if the loop was stopped before.
function Loop:run_until_complete(main, ...)
  check_may_run(self)
  local future, is_ours = future_of(self, main, ...)
  future:add_done_callback(stop_loop_of)
  core.trace_cancel(future)
  do
    local _ <close> = setmetatable({future = future, is_ours = is_ours}, Watch)
    self:run_forever()
  end
  if not future:done() then error(exceptions.RuntimeError("Event loop stopped before Future completed."), 0) end
  return future:result()
end

--- Sets what makes tasks, called as factory(loop, coro, options), options being nil if none were given; nil for Task
--- (asyncio loop.set_task_factory).
function Loop:set_task_factory(factory)
  self._task_factory = options.optional(1, "set_task_factory", "function", factory)
  core.set_has_factory(self, factory ~= nil)
end

--- The factory that was set, or nil (asyncio loop.get_task_factory).
function Loop:get_task_factory()
  return self._task_factory
end

-- `_asyncgens` holds the generators that began and have not ended, each with its number.
local function shutdown_asyncgens(loop)
  loop._asyncgens_shutdown_called = true
  local open = loop._asyncgens
  if open and next(open) then require("casync.loop.shutdown").close_generators(loop) end
end
core.name(shutdown_asyncgens, "shutdown_asyncgens")

--- Coroutine: closes all generators that are open (asyncio loop.shutdown_asyncgens); failures go to the exception handler.
function Loop:shutdown_asyncgens()
  return core.coroutine(shutdown_asyncgens, self)
end

local function shutdown_default_executor(loop, timeout)
  loop._executor_shutdown_called = true
  local executor = loop._default_executor
  if executor then executor:_join(loop, timeout) end
end
core.name(shutdown_default_executor, "shutdown_default_executor")

--- Coroutine: waits until the default executor has ended, at most `timeout` seconds (asyncio loop.shutdown_default_executor).
function Loop:shutdown_default_executor(timeout)
  return core.coroutine(shutdown_default_executor, self, timeout)
end

-- The methods of networking, in files of their own that are loaded on first use. What stands there when this file is loaded
-- again over the same class is kept: the other file may not be loaded again.
for name, file in next, {getaddrinfo = "resolver", getnameinfo = "resolver", create_connection = "connect",
  create_server = "serve"} do
  Loop[name] = rawget(Loop, name) or function(...)
    require("casync.loop." .. file)
    return Loop[name](...)
  end
end

-- This file may be loaded again over the same class: the core's own close is kept in the class.
Loop._close = rawget(Loop, "_close") or Loop.close

--- Closes a loop that does not run: drops what is queued, reports the tasks left pending (asyncio loop.close). Closing again is fine.
function Loop:close()
  if self:is_closed() then return end
  self:_close()
  self._executor_shutdown_called = true
  local executor = self._default_executor
  if executor then
    self._default_executor = nil
    executor:shutdown(false)
  end
end

return Loop
