-- SPDX-License-Identifier: MIT
-- What cancel_everywhere makes of its runs: which of them failed, why, and the text that says so.
-- Not here: the runs (cancel.lua).
-- Invariant: a failure names its suspension and what went wrong there.
local class = require "casync.class"
local exceptions = require "casync.exceptions"

local M = {}

local WAYS = {
  waiting = "cancelled while it waited",
  completed = "cancelled in the turn in which its wait was over",
  twice = "cancelled twice while it waited",
  cleaning = "cancelled while it waited, and again in its clean-up,",
}

local function text_of(err) return require("casync.debug.report").exception(err) end

local function ordinal(n)
  local last, is_teen = n % 10, n % 100 // 10 == 1
  return n .. (is_teen and "th" or last == 1 and "st" or last == 2 and "nd" or last == 3 and "rd" or "th")
end

local function title_of(case)
  if not case.place then return ("with at most %d suspensions, not cancelled"):format(case.number) end
  return ("%s at its %s suspension (%s)"):format(WAYS[case.way], ordinal(case.number), case.place)
end

-- What is wrong with how the task of a case ended; nil: nothing.
local function wrong_end(case, opts)
  if not case.is_done or case.is_cancelled and case.was_cancelled then return nil end
  if case.was_cancelled then return "raised CancelledError without being cancelled" end
  if not case.is_cancelled then return case.err ~= nil and "raised " .. text_of(case.err) or nil end
  if case.err == nil then return not opts.swallows and "the cancellation was swallowed: it returned" or nil end
  if #opts.errors > 0 and class.isinstance(case.err, opts.errors) then return nil end
  return "raised another error than CancelledError: " .. text_of(case.err)
end

--- Adds a case to the list of failures if it is one.
function M.add(failures, case, opts)
  local problems = {wrong_end(case, opts)}
  if case.failed then problems[#problems + 1] = text_of(case.failure) end
  if #problems == 0 then return end
  local text = table.concat(problems, "\n"):gsub("\n", "\n    ")
  failures[#failures + 1] = title_of(case) .. ":\n    " .. text
end

--- Raises unless the run in which nothing was cancelled went well.
function M.check_whole(case)
  local problem = wrong_end(case, {}) or case.failed and text_of(case.failure)
  if problem then
    error(exceptions.AssertionError("cancel_everywhere: fails without being cancelled: " .. problem), 0)
  end
  if case.suspensions == 0 then
    error(exceptions.AssertionError("cancel_everywhere: it never suspended, so there was nothing to cancel"), 0)
  end
end

--- The error for a function that suspends without end.
function M.too_many(most)
  return exceptions.AssertionError(("cancel_everywhere: more than %d suspensions (option most)"):format(most))
end

--- Raises if there are failures.
function M.check(result)
  local n = #result.failures
  if n == 0 then return end
  local lines = {("cancel_everywhere: %d of %d runs failed"):format(n, result.runs)}
  for _, failure in ipairs(result.failures) do lines[#lines + 1] = "  " .. failure end
  error(exceptions.AssertionError(table.concat(lines, "\n")), 0)
end

return M
