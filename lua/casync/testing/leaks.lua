-- SPDX-License-Identifier: MIT
-- Leak checks: which kinds are looked for, how long what is on its way out may take, the text of the failure.
-- Not here: finding (leftovers.lua for a loop, probe.lua for the process), running a test (spec.lua).
-- Invariant: a test without leaks never waits; one that leaks waits `settle` seconds at most.
local core = require "casync.core"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local leftovers = require "casync.testing.leftovers"
local probe = require "casync.testing.probe"

local M = {}

-- Looked for unless the options say otherwise.
local KINDS = {tasks = true, transports = true, watchers = true, timers = false, generators = false, reports = true,
  descriptors = true, threads = true, processes = true, loops = true}

local BOOLEAN = {}
for kind in next, KINDS do BOOLEAN[kind] = "boolean" end

--- The kinds to look for: `given` is nil or true for the usual ones, false for none, or a table from kind to boolean.
--- `usual`: kinds besides the usual ones.
function M.kinds(given, fname, usual)
  if given ~= nil and type(given) ~= "boolean" and not options.plain(given) then
    error(exceptions.TypeError(("bad option 'leaks' to '%s' (boolean or table expected)"):format(fname)), 0)
  end
  local kinds = {}
  for kind, is_usual in next, KINDS do kinds[kind] = given ~= false and (is_usual or usual ~= nil and usual[kind]) end
  if type(given) == "table" then
    for kind, wanted in next, options.get(1, fname .. "'s leaks", BOOLEAN, given) do kinds[kind] = wanted end
  end
  return kinds
end

-- Asks again until nothing is left or the time is over (rests of a millisecond and what is worked in between); what has ended
-- needs some time to be gone.
local function patiently(look, settle, go_on)
  local left = look()
  local rests, began = 0, os.clock()
  while #left > 0 and rests / 1000 + os.clock() - began < settle do
    go_on()
    left = look()
    if #left > 0 then probe.rest(1) end
    rests = rests + 1
  end
  return left
end

-- The texts, made while everything is still there.
local function described(left)
  for _, leak in ipairs(left) do leak.text = leak.text() end
  return left
end

-- Some iterations of a loop that does not run: no timer of a virtual clock comes due by it.
local function turn(loop)
  local task = loop:create_task(function()
    for _ = 1, 3 do require("casync.await").await(core.sleep(0)) end
  end)
  core.task_quiet(task)
  loop:run_until_complete(task)
end

--- What a loop that does not run any more holds: a list of {kind, text}.
function M.of_loop(loop, kinds, settle)
  return described(patiently(function() return leftovers.of(loop, kinds) end, settle, function() turn(loop) end))
end

local function collect()
  collectgarbage()
  collectgarbage() -- what a finalizer let go
end

--- What the process has that it had not when probe.look() gave `before`: a list of {kind, text}.
function M.of_process(before, kinds, settle)
  local is_first = true
  return described(patiently(function() return probe.since(before, kinds) end, settle, function()
    if is_first then collect() end
    is_first = false
  end))
end

--- The error for a list of leaks.
function M.error(left)
  local lines = {"left behind:"}
  for _, leak in ipairs(left) do lines[#lines + 1] = "  " .. leak.text:gsub("\n", "\n    ") end
  return exceptions.AssertionError(table.concat(lines, "\n"))
end

--- Raises if there are leaks.
function M.check(left)
  if #left > 0 then error(M.error(left), 0) end
end

return M
