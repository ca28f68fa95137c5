-- SPDX-License-Identifier: MIT
-- Tests of programs that await: loops whose clock is virtual, bodies that await with a time limit and leak checks, runs
-- that are cancelled everywhere. For busted or any other test tool: what fails raises an error.
-- Not here: the clock itself (the core's poller); the checks, which are in testing/ and loaded on first use.
-- Invariant: each run has a loop of its own, closed when it returns or raises.
local core = require "casync.core"

-- A second load in one Lua state gives the same table.
if core.hooks.testing then return core.hooks.testing end

local exceptions = require "casync.exceptions"
local options = require "casync.options"
local runners = require "casync.runners"

local M = {}

--- What tests have whose options do not say otherwise, to be set by the user: `timeout`, seconds of real time that a test may
--- take (math.huge: no limit), 30 or what the environment variable CASYNC_TEST_TIMEOUT says, and `settle`, seconds of real time
--- that what a test leaves has to go away, 1.
M.defaults = {timeout = tonumber(os.getenv "CASYNC_TEST_TIMEOUT") or 30, settle = 1}

--- A loop whose clock starts at 0 and jumps to the next timer whenever nothing is ready.
function M.new_event_loop()
  return core.new_loop{virtual = true}
end

--- asyncio.run on a new loop with a virtual clock.
function M.run(main, ...)
  return runners._run(M.new_event_loop, main, ...)
end

local OPTIONS = {timeout = "number", settle = "number", leaks = true, debug = true, loop_factory = "function"}

local function check_time(name, seconds, least)
  if seconds and (seconds < least or seconds ~= seconds) then
    error(exceptions.ValueError(("'%s' is %s, which is no number of seconds"):format(name, seconds)), 0)
  end
end

-- The options of a run (testing/spec.lua) from those of a test. The defaults are those that hold when it runs.
local function run_options(fname, given, usual)
  given = options.get(2, fname, OPTIONS, given)
  check_time("timeout", given.timeout, 1e-6)
  check_time("settle", given.settle, 0)
  return setmetatable({
    timeout = given.timeout,
    settle = given.settle,
    kinds = require("casync.testing.leaks").kinds(given.leaks, fname, usual),
    loop_factory = given.loop_factory or M.new_event_loop,
    debug = given.debug,
  }, {__index = M.defaults})
end

--- A function that runs f, which may await, on a new loop with a virtual clock: it("does", testing.async(function() … end)).
--- It returns what f returns, and raises what f raises; or an AssertionError if f takes longer than its time, with the tree of
--- the tasks, or if it leaves something behind, with what that is.
--- Options: timeout, settle (defaults); leaks: false, or what not to look for, {tasks = false}; loop_factory; debug.
function M.async(f, given)
  local opts = run_options("async", given)
  return function(...) return require("casync.testing.spec").run(opts, f, ...) end
end

local LEAK_OPTIONS = {settle = "number", leaks = true}

local function leak_check(fname, given)
  local leaks, probe = require "casync.testing.leaks", require "casync.testing.probe"
  given = options.get(3, fname, LEAK_OPTIONS, given)
  check_time("settle", given.settle, 0)
  local kinds, before = leaks.kinds(given.leaks, fname), nil
  local function begin() before = probe.look() end
  local function finish() leaks.check(leaks.of_process(before, kinds, given.settle or M.defaults.settle)) end
  return begin, finish
end

--- A function that calls f, which does not await, and raises an AssertionError if descriptors, threads, child processes or
--- loops are left behind. Options: settle, leaks, as those of async.
function M.no_leaks(f, given)
  local begin, finish = leak_check("no_leaks", given)
  return function(...)
    begin()
    local results = table.pack(f(...))
    finish()
    return table.unpack(results, 1, results.n)
  end
end

--- The same around each test of a describe or a file: check_leaks(before_each, after_each[, options]), busted's.
function M.check_leaks(before_each, after_each, given)
  local begin, finish = leak_check("check_leaks", given)
  before_each(begin)
  after_each(finish)
end

--- What cannot be checked here: a table from "descriptors", "threads", "processes" or "timeout" to the reason; empty in the main
--- thread on Linux.
function M.unchecked()
  return require("casync.testing.probe").unchecked()
end

--- Runs f again and again, each time on a new loop, and cancels it at its first, second, third … suspension. Raises an
--- AssertionError that names each suspension at which the clean-up failed, and how: the cancellation was swallowed, another
--- error was raised, something was left behind, f did not end.
--- Options: those of async, and setup, a function called before f whose results f gets; check, called with them after f;
--- when, a list of "waiting", "completed", "twice" and "cleaning" (the first three); swallows, true if f may end without a
--- CancelledError; errors, a list of classes that f may raise in its place; most, how many suspensions there may be (1000).
--- Returns {runs =, suspensions =, places = {…}, unchecked =}.
function M.cancel_everywhere(f, given)
  local usual = {timers = true, generators = true}
  return require("casync.testing.cancel").everywhere(f, given, function(rest)
    return run_options("cancel_everywhere", rest, usual)
  end)
end

-- The error of a virtual loop on which nothing is ready and no timer is left.
function core.hooks.deadlock(loop) return require "casync.debug.deadlock"(loop) end

core.hooks.testing = M
return M
