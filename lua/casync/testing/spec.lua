-- SPDX-License-Identifier: MIT
-- One run of a test on a loop of its own: the time limit around it, the leak checks behind it.
-- Not here: how a leak is found (leaks.lua), how the limit strikes (limit.lua).
-- Invariant: whatever the test does, its loop is closed and its limit cleared. An error of the test itself comes before
-- everything that it left.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local runners = require "casync.runners"
local leaks = require "casync.testing.leaks"
local limit = require "casync.testing.limit"
local probe = require "casync.testing.probe"

local M = {}

-- A loop of the options, whose default exception handler keeps what it is told in `reports`.
local function open(opts, reports)
  local loop = opts.loop_factory()
  if opts.debug ~= nil then loop:set_debug(opts.debug) end
  loop.default_exception_handler = function(_, context) reports[#reports + 1] = context end
  return loop
end

-- Ends what the test left, as asyncio.run does.
local function finish(loop)
  local left = core.all_tasks(loop)
  if #left > 0 then require("casync.loop.shutdown").cancel_tasks(loop, left) end
  loop:run_until_complete(loop:shutdown_asyncgens())
  loop:run_until_complete(loop:shutdown_default_executor())
end

local function start_limit(loop, seconds)
  if seconds == math.huge then return nil end
  local function stop() loop:stop() end
  return limit.start(loop, seconds, stop, stop)
end

-- Interrupts of the process, which no failure of a test may hide.
local function ends_process(err)
  return class.isinstance(err, {exceptions.KeyboardInterrupt, exceptions.SystemExit})
end

local function add_reports(left, reports)
  local text = #reports > 0 and require("casync.debug.report").text
  for _, context in ipairs(reports) do left[#left + 1] = {kind = "reports", text = "reported: " .. text(context)} end
end

-- The body, what it left on its loop, and the end of that; the results of the body.
local function run_body(run, f, ...)
  local loop, opts = run.loop, run.opts
  local task = loop:create_task(f, ...)
  core.task_quiet(task)
  run.task = task
  local results = table.pack(pcall(runners._run_task, loop, task))
  if results[1] then
    run.left = leaks.of_loop(loop, opts.kinds, opts.settle)
  else
    run.failed, run.err = true, results[2]
  end
  local is_finished, err = pcall(finish, loop)
  if not is_finished and not run.failed then run.failed, run.err = true, err end
  return results
end

-- Raises what went wrong: what ends the process, the time limit, the test's own error, its leaks.
local function judge(run)
  if run.failed and ends_process(run.err) then error(run.err, 0) end
  if run.limit and run.limit.struck then error(exceptions.AssertionError(run.limit.struck), 0) end
  if run.failed then error(require "casync.debug.uncaught"(run.err, run.task), 0) end
  if run.opts.kinds.reports then add_reports(run.left, run.reports) end
  table.move(leaks.of_process(run.before, run.opts.kinds, run.opts.settle), 1, 1000, #run.left + 1, run.left)
  leaks.check(run.left)
end

local function close(run)
  if run.limit then run.limit:clear() end
  run.loop:close()
end

--- Runs f, called with what follows, as the main task of a new loop; returns its results or raises what went wrong.
--- opts: timeout and settle (seconds), kinds (leaks.kinds), loop_factory, debug.
function M.run(opts, f, ...)
  if core.loop_in_the_way() then
    error(exceptions.RuntimeError("a test that awaits cannot be run from a running event loop"), 0)
  end
  local run = {opts = opts, reports = {}, left = {}, before = probe.look()}
  run.loop = open(opts, run.reports)
  run.limit = start_limit(run.loop, opts.timeout)
  local results
  do
    local _ <close> = setmetatable(run, {__close = close})
    results = run_body(run, f, ...)
  end
  judge(run)
  return table.unpack(results, 2, results.n)
end

return M
