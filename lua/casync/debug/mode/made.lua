-- SPDX-License-Identifier: MIT
-- Debug mode: where tasks, futures, handles, coroutines and whatever else were made (asyncio's _source_traceback).
-- Not here: who tells (the core), what is printed of it (repr.lua, report.lua).
-- Invariant: keeps no object alive. What is kept is the innermost lines of a traceback; they are read when somebody asks.
local core = require "casync.core"
local frames = require "casync.debug.frames"

local M = {}
local tracebacks = setmetatable({}, {__mode = "k"})

--- Where whoever called the caller stands.
function M.here() return core.stack_here(3) end

--- Keeps that of an object.
function M.note(object) tracebacks[object] = core.stack_here(2) end

-- The lines of a traceback that are the user's.
local function lines_of(traceback)
  local lines = {}
  for line, path in traceback:gmatch("(\t([^\n]-):%d+: in [^\n]*)") do
    if not frames.is_own_path(path) then lines[#lines + 1] = line end
  end
  return lines
end

--- A traceback without the frames of C and of the library; nil if that is all there is.
function M.shown(traceback)
  local lines = lines_of(traceback)
  return #lines > 0 and table.concat(lines, "\n") or nil
end

--- The traceback of where an object was made, the innermost function first; nil if it is not known.
function M.source(object)
  local traceback = tracebacks[object]
  return traceback and M.shown(traceback)
end

--- "file:line" of where an object was made, or nil.
function M.created_at(object)
  local source = M.source(object)
  return source and source:match("^\t(.-:%d+): in ")
end

return M
