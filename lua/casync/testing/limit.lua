-- SPDX-License-Identifier: MIT
-- The time limit of a test: real time, also where the clock is virtual, where the loop idles for ever, and, as far as
-- that is possible, where Lua code does not return to its loop.
-- Not here: what is done when it strikes (spec.lua). It is SIGALRM's: a test that has a handler for that has no limit.
-- Invariant: one limit at a time; when it is cleared no signal comes any more.
local core = require "casync.core"

-- A second load in one Lua state gives the same class.
if core.hooks.testing_limit then return core.hooks.testing_limit end

local exceptions = require "casync.exceptions"
local snapshot = require "casync.debug.snapshot"

local testing = core.testing_functions()

local M = {}

-- Seconds after which it strikes again, if what was told to end has not.
local AGAIN = 0.5

-- Of the stack of code that spins so many lines are shown.
local MOST_LINES = 20

-- Raised in code that does not return to its loop; nobody is expected to catch it.
local Interrupted = exceptions.BaseException:subclass("TimeLimitExceeded")

-- The stack of the code that spins, without the frames of the hook, and those of who runs the test.
local function spinning_stack()
  local stack = debug.traceback():gsub("^.-hook '%?'\n", "")
  local lines = {}
  for line in stack:gmatch("[^\n]+") do
    if line:find("^\t%[C%]: in function 'casync%.") or #lines == MOST_LINES then break end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

local Limit = {}
Limit.__index = Limit

local function strike(limit, spins)
  if limit.struck then return limit.on_strike_again() end
  limit.struck = ("time limit of %g s exceeded; the tasks:\n%s"):format(limit.seconds,
    snapshot.tree(snapshot.tasks(limit.loop)):gsub("\n$", ""))
  if spins then limit.struck = limit.struck .. "\nthis code does not return to its loop:\n" .. spins end
  limit.on_strike()
end

--- Calls on_strike() in the loop, or in a hook while Lua code spins, when the seconds are over, and on_strike_again() from
--- then on every half second. The limit's `struck` is the text for the failure. nil: signals are another thread's.
function M.start(loop, seconds, on_strike, on_strike_again)
  local may, number = testing.may_limit()
  if not may then return nil end
  local limit = setmetatable({loop = loop, seconds = seconds, number = number, on_strike = on_strike,
    on_strike_again = on_strike_again}, Limit)
  loop:add_signal_handler(number, function()
    testing.limit_heard(loop)
    strike(limit)
  end)
  core.hooks.limit = function()
    if not limit.struck then strike(limit, spinning_stack()) end
    return Interrupted("the time limit of the test")
  end
  testing.set_limit(loop, seconds, AGAIN)
  return limit
end

--- No signal comes any more.
function Limit:clear()
  if self.cleared then return end
  self.cleared = true
  testing.clear_limit(self.loop)
  self.loop:remove_signal_handler(self.number)
  core.hooks.limit = nil
end

core.hooks.testing_limit = M
return M
