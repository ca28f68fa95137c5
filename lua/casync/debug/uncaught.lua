-- SPDX-License-Identifier: MIT
-- What a run raises when its error is going to reach the interpreter `lua`, which prints the text of an error object and, of anything
-- else, only the stack of whoever ran the loop: an object whose text has the traceback through the tasks.
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

-- Whether nothing between here and the interpreter can catch an error.
local function reaches_interpreter()
  local _, is_main = coroutine.running()
  if not is_main then return false end
  local below
  for level = 2, DEEPEST do
    local info = debug.getinfo(level, "Sf")
    if not info then return false end
    if info.what == "C" and not TRANSPARENT[info.func] then
      return below and is_main_chunk(below) and not debug.getinfo(level + 1, "S")
    end
    below = info
  end
end

-- What `run` is asked for by the user is the first frame that is not the library's.
local LEVEL = 2

--- What to raise instead of `err`, an error that task `task` has ended with.
return function(err, task)
  if exceptions.isinstance(err, exceptions.SystemExit) or not reaches_interpreter() then return err end
  local traceback = core.run_traceback(core.task_traceback(task) or core.traceback_of(err), LEVEL)
  local text = require "casync.debug.report".exception(err, traceback)
  -- A tree begins in a line of its own.
  return setmetatable({text = text:find("^  %+ ") and "\n" .. text or text}, Uncaught)
end
