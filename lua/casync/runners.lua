-- SPDX-License-Identifier: MIT
-- run and Runner (asyncio's runners.py): the life of a loop around a main task, and Ctrl-C.
-- Not here: running a loop to a result (loop/loop.lua); ending the tasks that are left (loop/shutdown.lua); the signal itself
-- (the core). In the start path: keep it short.
-- Invariant: whatever run raises, its loop is closed and the old SIGINT handler is back.
local core = require "casync.core"

-- A second load in one Lua state gives the same class.
if core.hooks.runners then return core.hooks.runners end

local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
require "casync.loop.loop"

-- Seconds that the default executor has to end (asyncio constants.THREAD_JOIN_TIMEOUT).
local THREAD_JOIN_TIMEOUT = 300

-- Options behind `main`: a table marked by kw after the arguments of a function, a plain one after anything else.
-- Returns them and how many arguments there are before them.
local function options_behind(name, allowed, main, ...)
  if type(main) == "function" then return options.marked(name, allowed, ...) end
  return options.get(2, name, allowed, (...)), 0
end

-- The coroutine object that runs `main`, called with the first n of the arguments if it is a function.
local function coroutine_of(main, n, ...)
  if type(main) == "function" then
    if n < select("#", ...) then return coroutine_of(main, n, table.unpack({...}, 1, n)) end
    if core.iscoroutinefunction(main) then return main(...) end
    return core.coroutine(main, ...)
  end
  if core.iscoroutine(main) then return main end
  return require("casync.tasks.ensure").coroutine_of(main, "run", 1)
end

local Runner = class.define("Runner", nil, {})

local RUNNER_OPTIONS = {debug = true, loop_factory = "function"}

--- Runner{debug =, loop_factory =} (asyncio.Runner): a loop, made on first use, and a context for several runs.
function Runner:init(opts)
  opts = options.get(1, "Runner", RUNNER_OPTIONS, opts)
  self._state = "created"
  self._debug = opts.debug
  self._loop_factory = opts.loop_factory
  self._is_set = false
end

local function make_loop(runner)
  if runner._loop_factory then return runner._loop_factory() end
  -- new_event_loop and set_event_loop of loop/policy.lua, which the start can do without.
  local loop = core.new_loop{}
  core.hooks.event_loop = loop
  runner._is_set = true
  return loop
end

local function lazy_init(runner)
  if runner._state == "closed" then error(exceptions.RuntimeError("Runner is closed"), 0) end
  if runner._state == "initialized" then return end
  runner._loop = make_loop(runner)
  if runner._debug ~= nil then runner._loop:set_debug(runner._debug) end
  runner._context = core.copy_context()
  runner._state = "initialized"
end

--- Makes the loop if there is none; closing the variable that holds the Runner is close().
function Runner:enter()
  lazy_init(self)
  return self
end

--- The loop, made on first use (asyncio Runner.get_loop).
function Runner:get_loop()
  lazy_init(self)
  return self._loop
end

-- Takes SIGINT over while the main task runs, if it is nobody's.
local function take_over_sigint(loop, task)
  return core.sigint_install(loop, function()
    if task:done() then error(exceptions.KeyboardInterrupt(), 0) end
    core.trace_cancel(task)
    task:cancel()
  end)
end

-- Gives SIGINT back; a cancellation that it alone asked for becomes KeyboardInterrupt. Not by a <close> variable: a message
-- handler, such as the interpreter's, must see the error that is raised in the end.
local function finish(loop, task, is_installed, ok, ...)
  local seen = is_installed and core.sigint_restore(loop) or 0
  if ok then return ... end
  local err = ...
  if seen > 0 and class.isinstance(err, exceptions.CancelledError) and task:uncancel() == 0 then
    local traceback = err.traceback
    err = exceptions.KeyboardInterrupt()
    err.traceback = traceback
  end
  error(require "casync.debug.uncaught"(err, task), 0)
end

local function run_task(loop, task)
  return finish(loop, task, take_over_sigint(loop, task), pcall(loop.run_until_complete, loop, task))
end

local function run_coroutine(runner, coro, context)
  local loop = runner._loop
  return run_task(loop, loop:create_task(coro, {context = context or runner._context}))
end

local RUN_OPTIONS = {context = true}

--- Runs an awaitable, or a function with what follows, in the runner's loop; returns its results or raises its error
--- (asyncio Runner.run). Option: context.
function Runner:run(main, ...)
  if core.loop_in_the_way() then error(exceptions.RuntimeError("Runner.run() cannot be called from a running event loop"), 0) end
  local opts, n = options_behind("run", RUN_OPTIONS, main, ...)
  lazy_init(self)
  return run_coroutine(self, coroutine_of(main, n, ...), opts.context)
end

-- Held while a runner shuts its loop down; its closing ends the loop, also after an error.
local Ending = {}

function Ending.__close(ending)
  local runner = ending.runner
  if runner._is_set then core.hooks.event_loop = nil end
  runner._loop:close()
  runner._loop = nil
  runner._state = "closed"
end

--- Cancels the tasks that are left and waits for them, shuts generators and executor down, closes the loop
--- (asyncio Runner.close). Closing again is fine.
function Runner:close()
  if self._state ~= "initialized" then return end
  local _ <close> = setmetatable({runner = self}, Ending)
  local loop = self._loop
  local left = core.all_tasks(loop)
  if #left > 0 then require("casync.loop.shutdown").cancel_tasks(loop, left) end
  loop:run_until_complete(loop:shutdown_asyncgens())
  loop:run_until_complete(loop:shutdown_default_executor(THREAD_JOIN_TIMEOUT))
end

Runner.__meta.__close = Runner.close

local M = {Runner = Runner, _run_task = run_task}

-- run on a loop of another kind, unless the caller names one: how casync.testing runs.
function M._run(loop_factory, main, ...)
  if core.loop_in_the_way() then error(exceptions.RuntimeError("asyncio.run() cannot be called from a running event loop"), 0) end
  local opts, n = options_behind("run", RUNNER_OPTIONS, main, ...)
  local runner <close> = Runner{debug = opts.debug, loop_factory = opts.loop_factory or loop_factory}
  lazy_init(runner)
  return run_coroutine(runner, coroutine_of(main, n, ...))
end

--- Makes a loop, runs an awaitable, or a function with what follows, to its end, cleans up, closes the loop; returns its results or
--- raises its error (asyncio.run). Options: debug, loop_factory.
function M.run(main, ...)
  return M._run(nil, main, ...)
end

core.hooks.runners = M
return M
