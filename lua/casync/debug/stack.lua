-- SPDX-License-Identifier: MIT
-- Task.get_stack and Task.print_stack: where a task stands, or where its error was raised.
-- Not here: the texts of reports (report.lua), of objects (repr.lua). Loaded on first use, by await.lua.
-- Invariant: reads state and never changes it: an error that is only shown still counts as not retrieved.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local frames = require "casync.debug.frames"
local repr = require "casync.debug.repr"

local M = {}

-- The first `limit` of a list, in the opposite order.
local function reversed(list, limit)
  local result = {}
  for i = math.min(#list, limit), 1, -1 do result[#result + 1] = list[i] end
  return result
end

-- The newest `limit` frames of a task that is not done, the outermost first.
local function suspended(task, limit)
  local list = reversed(frames.of(task), limit)
  for _, frame in ipairs(list) do frame.kind = nil end
  return list
end

-- Of a failed task

-- What Lua's traceback writes behind "in": "function <file:1>", "upvalue 'f'", "main chunk".
local function name_in(text)
  return text:match("'(.*)'$") or text:match("^function (<.*>)$") or text
end

-- From the text of a traceback, which has the newest first; the oldest `limit` are kept.
local function failed(traceback, limit)
  local list = {}
  for line in traceback:gmatch("[^\n]+") do
    local source, number, where = line:match("^\t(.-):(%d+): in (.*)$")
    if source and not frames.is_own_path(source) then
      list[#list + 1] = {source = source, currentline = math.tointeger(number), name = name_in(where)}
    end
  end
  return table.move(reversed(list, #list), 1, math.min(#list, math.max(limit, 0)), 1, {})
end

local function traceback_of(task, err)
  local kept = class.isinstance(err, exceptions.BaseException) and err.traceback or nil
  return kept or core.task_traceback(task) or ""
end

local function frames_of(task, fname, limit)
  if not class.isinstance(task, core.Task) then options.typeerror(0, fname, "Task", task) end
  limit = options.optional(1, fname, "integer", limit) or math.huge
  local state, err = core.peek(task)
  if state == "pending" then return suspended(task, limit) end
  return state == "failed" and failed(traceback_of(task, err), limit) or {}
end

-- The methods

--- Where a task stands: a list of frames {source, currentline, name}, the outermost first. A suspended task's are those
--- of its functions, of which a limit keeps the newest; a failed one's come from its error's traceback, of which a limit
--- keeps the oldest, as in asyncio; any other task has none. Frames of C and of the library are left out.
--- limit: an integer, or the options {limit}.
function M.get_stack(task, limit)
  if options.plain(limit) then limit = options.get(1, "get_stack", {limit = "integer"}, limit).limit end
  return frames_of(task, "get_stack", limit)
end

-- A line of a file without its indentation; nil if it cannot be had.
local function line_of(path, number)
  local file <close> = io.open(path)
  if not file then return nil end
  for line in file:lines() do
    number = number - 1
    if number == 0 then return line:match("^%s*(.-)%s*$") end
  end
end

local function frame_text(frame)
  local text = ('  File "%s", line %d, in %s\n'):format(frame.source, frame.currentline, frame.name)
  local ok, line = pcall(line_of, frame.source, frame.currentline)
  return ok and line and line ~= "" and text .. "    " .. line .. "\n" or text
end

local function error_text(err)
  if type(err) == "string" then return err .. "\n" end
  return (class.isinstance(err, exceptions.BaseException) and repr.safe_tostring or repr.value)(err) .. "\n"
end

local function title_of(list, state)
  if #list == 0 then return "No stack for %s\n" end
  return (state == "failed" and "Traceback" or "Stack") .. " for %s (most recent call last):\n"
end

local function has_write(file)
  local ok, write = pcall(function() return file.write end)
  return ok and options.callable(write)
end

--- Writes what get_stack gives as asyncio does, to `file` (anything with a method write) or to standard error.
--- limit, file: as arguments or as options {limit, file}.
function M.print_stack(task, limit, file)
  if options.plain(limit) and file == nil then
    local given = options.get(1, "print_stack", {limit = "integer", file = "any"}, limit)
    limit, file = given.limit, given.file
  end
  if file == nil then
    file = io.stderr
  elseif not has_write(file) then
    options.typeerror(2, "print_stack", "file", file)
  end
  local list = frames_of(task, "print_stack", limit)
  local state, err = core.peek(task)
  local texts = {title_of(list, state):format(tostring(task))}
  for _, frame in ipairs(list) do texts[#texts + 1] = frame_text(frame) end
  if state == "failed" then texts[#texts + 1] = error_text(err) end
  file:write(table.concat(texts))
end

return M
