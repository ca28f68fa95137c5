-- SPDX-License-Identifier: MIT
-- What a run raises when nobody can catch its error: the interpreter `lua` and busted print no more of it than its text (and, of a
-- string, the stack of whoever ran the loop), so they get an object whose text has the traceback through the tasks.
-- Not here: the texts (report.lua). Loaded by runners.lua when a run fails.
-- Invariant: where anybody else can catch the error, it is raised as it is.
local core = require "casync.core"
local exceptions = require "casync.exceptions"

local Uncaught = {__name = "uncaught error"}

function Uncaught:__tostring() return self.text end

-- These two call what they are given without catching anything.
local TRANSPARENT = {[require] = true, [dofile] = true}

local DEEPEST = 200

-- The script that `lua` runs, what it reads from the command line, or from standard input.
local function is_main_chunk(info)
  local script = type(arg) == "table" and arg[0]
  return info.what == "main"
    and (script and info.source == "@" .. script or info.source == "=(command line)" or info.source == "=stdin")
end

-- Who catches errors by a C function that was called by `caller`, nil if by none, and has called `below`.
local function catcher(caller, below)
  if caller then return caller.source:find("busted/core%.lua$") and "busted" or nil end
  return below and is_main_chunk(below) and "lua" or nil
end

-- "lua" or "busted" if nothing between here and there can catch an error, else nil.
local function receiver()
  local _, is_main = coroutine.running()
  if not is_main then return nil end
  local below
  for level = 2, DEEPEST do
    local info = debug.getinfo(level, "Sf")
    if not info then return nil end
    if info.what == "C" and not TRANSPARENT[info.func] then return catcher(debug.getinfo(level + 1, "S"), below) end
    below = info
  end
end

-- An exit is no failure; how a test has ended is busted's own matter.
local function is_outcome(err)
  if exceptions.isinstance(err, exceptions.SystemExit) then return true end
  local meta = getmetatable(err)
  local kind = type(meta) == "table" and meta.__type
  return kind == "failure" or kind == "pending"
end

-- Without busted's own frames.
local function above_busted(traceback)
  local own = traceback and traceback:gsub("\n\t%[C%]: in function 'xpcall'\n\t[^\n]*busted/core%.lua:.*$", "")
  return own and own:gsub("\nrun by:$", "") or nil
end

-- busted puts the place of the library before a text that does not begin with one.
local function with_place(text, traceback)
  local place = traceback and traceback:match("\n\t([^\n]-:%d+:) in ")
  if not place or text:find("^[^\n]-:%d+: ") then return text end
  return place .. " " .. text
end

-- The frames of whoever has called the function that calls this file's are of interest.
local LEVEL = 2

--- What to raise instead of `err`, an error that task `task` has ended with.
return function(err, task)
  local who = not is_outcome(err) and receiver()
  if not who then return err end
  local traceback = core.run_traceback(core.task_traceback(task) or core.traceback_of(err), LEVEL)
  if who == "busted" then traceback = above_busted(traceback) end
  local text = require "casync.debug.report".exception(err, traceback)
  -- A tree begins in a line of its own.
  if text:find("^  %+ ") then text = "\n" .. text end
  if who == "busted" then text = with_place(text, traceback) end
  return setmetatable({text = text}, Uncaught)
end
