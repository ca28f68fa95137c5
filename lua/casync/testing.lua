-- SPDX-License-Identifier: MIT
-- Tests of programs that await: loops whose clock is virtual, run on one, bodies of busted's `it` that await.
-- Not here: the clock itself (the core's poller).
-- Invariant: each run has a loop of its own, closed when it returns or raises.
local core = require "casync.core"

-- A second load in one Lua state gives the same table.
if core.hooks.testing then return core.hooks.testing end

local exceptions = require "casync.exceptions"
local runners = require "casync.runners"

local M = {}

--- A loop whose clock starts at 0 and jumps to the next timer whenever nothing is ready.
function M.new_event_loop()
  return core.new_loop{virtual = true}
end

--- asyncio.run on a new loop with a virtual clock.
function M.run(main, ...)
  return runners._run(M.new_event_loop, main, ...)
end

--- A function that runs f, which may await, on a new loop with a virtual clock: it("does", testing.async(function() … end)).
function M.async(f)
  return function(...) return M.run(f, ...) end
end

local function what_waits(task)
  local awaited = core.task_waits_for(task)
  return ("  %s waits for %s"):format(task:get_name(), awaited == nil and "nothing" or tostring(awaited))
end

-- The error of a virtual loop on which nothing is ready and no timer is left.
function core.hooks.deadlock(loop)
  local lines = {"nothing is ready and no timer is left, so nothing can ever happen"}
  for _, task in ipairs(core.all_tasks(loop)) do lines[#lines + 1] = what_waits(task) end
  return exceptions.RuntimeError(table.concat(lines, "\n"))
end

core.hooks.testing = M
return M
