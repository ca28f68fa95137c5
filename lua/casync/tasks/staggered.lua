-- SPDX-License-Identifier: MIT
-- staggered_race: several coroutines, started one after the other; the first that succeeds wins (asyncio's staggered.py).
-- Not here: what races (loop/connect.lua).
-- Invariant: when the race is over no task of it runs any more.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"
local wait_for = require "casync.tasks.wait_for"

local isinstance = class.isinstance

-- Something that happens once; one task at most waits for it.
local function wait_until(loop, event)
  if event.has_happened then return end
  event.waiter = loop:create_future()
  await(event.waiter)
end

local function happens(event)
  event.has_happened = true
  local waiter = event.waiter
  if waiter and not waiter:done() then waiter:set_result() end
end

-- The task that ends leaves the race; the last one wakes whoever waits for the end.
local function leave(race, task)
  for i, running in ipairs(race.running) do
    if running == task then table.remove(race.running, i) break end
  end
  local over = race.over
  if over and not over:done() and #race.running == 0 then over:set_result() end
  if task:cancelled() then return end
  local err = task:exception()
  if err ~= nil then table.insert(race.unhandled, err) end
end

-- The done callback of the tasks of a race.
local Member = {__name = "staggered_race"}

function Member.__call(member, task) return leave(member.race, task) end

-- For the call graph (debug/graph.lua).
function Member.__awaited_by(member) return member.race.parent end

local run_one

-- Starts the task that will run the next coroutine, when `previous_failed` happens or the delay is over.
local function start_next(race, previous_failed)
  local may_start = {}
  local task = race.loop:create_task(run_one, race, may_start, previous_failed)
  table.insert(race.running, task)
  task:add_done_callback(race.leave)
  happens(may_start) -- an eager task waits until it is in the list
end

local function wait_for_turn(race, may_start, previous_failed)
  wait_until(race.loop, may_start)
  if not previous_failed then return end
  local ok, err = pcall(await, wait_for(core.coroutine(wait_until, race.loop, previous_failed), race.delay))
  if not ok and not isinstance(err, exceptions.TimeoutError) then error(err, 0) end
end

local function win(race, index, result)
  if race.winner then error(exceptions.AssertionError("two winners"), 0) end
  race.winner, race.result = index, result
  local current = core.current_task(race.loop)
  for _, task in ipairs({table.unpack(race.running)}) do
    if task ~= current then task:cancel() end
  end
end

function run_one(race, may_start, previous_failed)
  wait_for_turn(race, may_start, previous_failed)
  local index = race.started + 1
  local f = race.functions[index]
  if f == nil then return end
  race.started = index
  local failed = {}
  start_next(race, failed)
  local ok, result = pcall(await, f)
  if ok then return win(race, index, result) end
  if isinstance(result, {exceptions.SystemExit, exceptions.KeyboardInterrupt}) then error(result, 0) end
  race.errors[index] = result
  happens(failed)
end
core.name(run_one, "run_one_coro")

-- Waits until no task is left; a cancellation is passed on to all of them and returned.
local function wait_for_end(race)
  local cancellation
  while #race.running > 0 do
    race.over = race.loop:create_future()
    local ok, err = pcall(await, race.over)
    race.over = nil
    if not ok then
      if not isinstance(err, exceptions.CancelledError) then error(err, 0) end
      cancellation = err
      local message = err.message ~= "" and err.message or nil
      for _, task in ipairs({table.unpack(race.running)}) do task:cancel(message) end
    end
  end
  return cancellation
end

local function staggered_race(functions, delay, loop)
  local race = {functions = functions, delay = delay, loop = loop or ensure.running_loop(), started = 0, running = {},
    errors = {}, unhandled = {}}
  race.parent, race.leave = core.current_task(race.loop), setmetatable({race = race}, Member)
  start_next(race, nil)
  local cancellation = wait_for_end(race)
  if #race.unhandled > 0 then error(exceptions.BaseExceptionGroup("staggered race failed", race.unhandled), 0) end
  if cancellation then error(cancellation, 0) end
  race.errors.n = race.started
  return race.result, race.winner, race.errors
end
core.name(staggered_race, "staggered_race")

local OPTIONS = {loop = true}

local M = {}

--- Coroutine: runs functions or coroutine functions, each `delay` seconds after the one before or as soon as that has raised
--- (nil: only then), until one succeeds; the others are cancelled. Returns its result, its index, and what the ones before and
--- after it raised, by index, with field n, how many were started; without a winner the first two are nil
--- (asyncio.staggered.staggered_race). Option: loop.
function M.staggered_race(functions, delay, opts)
  options.check(1, "staggered_race", "list", functions)
  options.optional(2, "staggered_race", "number", delay)
  opts = options.get(3, "staggered_race", OPTIONS, opts)
  return core.coroutine(staggered_race, functions, delay, opts.loop)
end

return M
