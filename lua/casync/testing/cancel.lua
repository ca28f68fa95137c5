-- SPDX-License-Identifier: MIT
-- cancel_everywhere: runs a function again and again, each time on a loop of its own, and cancels it at another one of its
-- suspensions.
-- Not here: the run itself, its time limit and leak checks (spec.lua), the text of the failure (verdict.lua).
-- Invariant: the function is never cancelled but at the one suspension of its case, and it always runs once to its end first.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local leftovers = require "casync.testing.leftovers"
local probe = require "casync.testing.probe"
local spec = require "casync.testing.spec"
local verdict = require "casync.testing.verdict"
local wait = require "casync.tasks.wait"
local await = require("casync.await").await

local testing = core.testing_functions()

local M = {}

-- What `when` may say, and what is said unless told otherwise.
local WAYS = {waiting = true, completed = true, twice = true, cleaning = true}
local USUAL = {"waiting", "completed", "twice"}

-- More failures than so many tell nobody anything new.
local MOST_FAILURES = 10

-- Its task is suspended for the case's time: remembers where; cancels, but not yet if what it waits for is to be over first. What
-- is queued now comes before whatever wakes the task.
local function reach(case, task)
  task:get_loop():call_soon(function()
    case.place = leftovers.doing(task)
    if case.way == "completed" then return end
    case.is_cancelled = true
    task:cancel()
    if case.way == "twice" then task:cancel() end
  end)
end

local function on_suspends(case, task)
  case.suspensions = case.suspensions + 1
  if case.suspensions == case.number then
    reach(case, task)
  elseif case.is_cancelled and case.way == "cleaning" and not case.is_cancelled_again then
    case.is_cancelled_again = true
    task:get_loop():call_soon(task.cancel, task)
  end
end

local function on_resumes(case, task)
  if case.way ~= "completed" or case.suspensions ~= case.number then return end
  case.is_cancelled = true
  task:cancel()
end

-- Runs f as a task that is cancelled as the case says.
local function run_cancelled(case, f, values)
  local loop = core.running_loop()
  local task = loop:create_task(f, table.unpack(values, 1, values.n))
  core.hooks.watched = function(_, what)
    if what == "suspends" then on_suspends(case, task) else on_resumes(case, task) end
  end
  testing.watch(task)
  case.task = task
  await(wait.wait({task}))
end

-- Also where the run ended before it could look: an error that was read is not reported.
local function keep_end(case)
  local task = case.task
  if not (task and task:done()) then return end
  case.is_done, case.was_cancelled = true, task:cancelled()
  if not case.was_cancelled then case.err = task:exception() end
end

local function nothing() end

-- A whole run: a case {way, number, suspensions, place, err, failure …}.
local function run(f, opts, way, number)
  local case = {way = way, number = number, suspensions = 0}
  local ok, err = pcall(spec.run, opts.run, function()
    local values = table.pack((opts.setup or nothing)())
    run_cancelled(case, f, values)
    keep_end(case)
    if opts.check then opts.check(table.unpack(values, 1, values.n)) end
  end)
  core.hooks.watched = nil
  keep_end(case)
  if not ok then
    if class.isinstance(err, {exceptions.KeyboardInterrupt, exceptions.SystemExit}) then error(err, 0) end
    case.failed, case.failure = true, err
  end
  return case
end

-- All runs of one way; returns how many they were.
local function cancel_each(f, opts, way, known, result)
  local number = 0
  repeat
    number = number + 1
    if number > opts.most then error(verdict.too_many(opts.most), 0) end
    local case = run(f, opts, way, number)
    result.runs = result.runs + 1
    result.places[number] = result.places[number] or case.place
    verdict.add(result.failures, case, opts)
  until #result.failures >= MOST_FAILURES or not case.is_cancelled and number > known
end

local function check_when(given)
  if given == nil then return USUAL end
  for _, way in ipairs(given) do
    if not WAYS[way] then error(exceptions.ValueError("unknown word in 'when': " .. tostring(way)), 0) end
  end
  return given
end

local OPTIONS = {setup = "function", check = "function", when = "table", swallows = "boolean", errors = "table", most = "integer"}

-- The options of cancel_everywhere itself, and those that are left for the run.
local function split(given)
  local own, rest = {}, {}
  for name, value in next, given or {} do
    if OPTIONS[name] then own[name] = value else rest[name] = value end
  end
  return options.get(2, "cancel_everywhere", OPTIONS, own), rest
end

--- testing.cancel_everywhere; run_options(given) checks what is left of the options and completes it for spec.run.
function M.everywhere(f, given, run_options)
  if not options.callable(f) then options.typeerror(1, "cancel_everywhere", "function", f) end
  local own, rest = split(given)
  local opts = {setup = own.setup, check = own.check, swallows = own.swallows, errors = own.errors or {},
    most = own.most or 1000, when = check_when(own.when), run = run_options(rest)}
  local whole = run(f, opts, "whole", 0)
  verdict.check_whole(whole)
  local result = {runs = 1, suspensions = whole.suspensions, places = {}, failures = {}, unchecked = probe.unchecked()}
  for _, way in ipairs(opts.when) do
    if #result.failures < MOST_FAILURES then cancel_each(f, opts, way, whole.suspensions, result) end
  end
  verdict.check(result)
  result.failures = nil
  return result
end

return M
