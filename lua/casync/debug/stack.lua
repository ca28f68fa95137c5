-- SPDX-License-Identifier: MIT
-- Task.get_stack and Task.print_stack: where a task stands, or where its error was raised.
-- Not here: the texts of reports (report.lua), of objects (repr.lua). Loaded on first use, by await.lua.
-- Invariant: reads state and never changes it: an error that is only shown still counts as not retrieved.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local repr = require "casync.debug.repr"

local M = {}

local OWN_FILES = debug.getinfo(1, "S").source:gsub("debug/stack%.lua$", "")
local OWN_PATH = OWN_FILES:gsub("^[@=]", "")

local function is_own(info) return info.source:sub(1, #OWN_FILES) == OWN_FILES end

-- A chunk from a file is called by its whole path, any other as Lua prints it.
local function source_of(info)
  return info.source:sub(1, 1) == "@" and info.source:sub(2) or info.short_src
end

local function reversed(list)
  local n = #list
  for i = 1, n // 2 do list[i], list[n + 1 - i] = list[n + 1 - i], list[i] end
  return list
end

-- Of a suspended task

-- The name of a coroutine object or function, if it has one that is not a place, and the function that it runs.
local function name_and_body(coro)
  if not (core.iscoroutine(coro) or type(coro) == "function") then return nil end
  local name, body = core.coroutine_info(coro)
  return not name:find(":", 1, true) and name or nil, body
end

-- The name of a function that C called: of the coroutine object whose await did it (the first value in that frame).
local function awaited_name(thread, level)
  local info = debug.getinfo(thread, level + 1, "f")
  if not info or info.func ~= core.await then return nil end
  local _, awaited = debug.getlocal(thread, level + 1, 1)
  return (name_and_body(awaited))
end

-- The name of the function that a task runs, if it is this one.
local function task_name(task, f)
  local name, body = name_and_body(task:get_coro())
  return body == f and name or nil
end

local function name_of(task, thread, level, info)
  if info.what == "main" then return "main chunk" end
  return info.name or awaited_name(thread, level) or task_name(task, info.func)
    or ("<%s:%d>"):format(info.short_src, info.linedefined)
end

-- Adds the frames of a thread, the newest first, while there are fewer than `limit`.
local function add_thread(frames, task, thread, limit)
  local level = 0
  while #frames < limit do
    local info = debug.getinfo(thread, level, "Slnf")
    if not info then break end
    if info.what ~= "C" and not is_own(info) then
      local name = name_of(task, thread, level, info)
      frames[#frames + 1] = {source = source_of(info), currentline = info.currentline, name = name}
    end
    level = level + 1
  end
end

-- A task that has not begun stands where its function does.
local function add_beginning(frames, task, limit)
  local name, body = name_and_body(task:get_coro())
  local info = body and limit > 0 and debug.getinfo(body, "S")
  if not info or info.what == "C" or is_own(info) then return end
  name = name or ("<%s:%d>"):format(info.short_src, info.linedefined)
  frames[1] = {source = source_of(info), currentline = info.linedefined, name = name}
end

-- The Lua threads of a task, outermost first. In its first step a task's thread is not its own yet.
local function threads_of(task)
  local threads = core.task_stack(task)
  if #threads == 0 and core.running_loop() and core.current_task(core.running_loop()) == task then
    threads[1] = coroutine.running()
  end
  return threads
end

local function suspended(task, limit)
  local frames, threads = {}, threads_of(task)
  for i = #threads, 1, -1 do add_thread(frames, task, threads[i], limit) end
  if #threads == 0 then add_beginning(frames, task, limit) end
  return reversed(frames)
end

-- Of a failed task

-- What Lua's traceback writes behind "in": "function <file:1>", "upvalue 'f'", "main chunk".
local function name_in(text)
  return text:match("'(.*)'$") or text:match("^function (<.*>)$") or text
end

-- Lua cuts long paths short in tracebacks, at their beginning.
local function is_own_path(path)
  return path:sub(1, #OWN_PATH) == OWN_PATH or path:find("lua/casync/[%w_/]+%.lua$") ~= nil
end

-- From the text of a traceback, which has the newest first; the oldest `limit` are kept.
local function failed(traceback, limit)
  local frames = {}
  for line in traceback:gmatch("[^\n]+") do
    local source, number, where = line:match("^\t(.-):(%d+): in (.*)$")
    if source and not is_own_path(source) then
      frames[#frames + 1] = {source = source, currentline = math.tointeger(number), name = name_in(where)}
    end
  end
  return table.move(reversed(frames), 1, math.min(#frames, math.max(limit, 0)), 1, {})
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

local function title_of(frames, state)
  if #frames == 0 then return "No stack for %s\n" end
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
  local frames = frames_of(task, "print_stack", limit)
  local state, err = core.peek(task)
  local texts = {title_of(frames, state):format(tostring(task))}
  for _, frame in ipairs(frames) do texts[#texts + 1] = frame_text(frame) end
  if state == "failed" then texts[#texts + 1] = error_text(err) end
  file:write(table.concat(texts))
end

return M
