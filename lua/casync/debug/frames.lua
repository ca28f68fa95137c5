-- SPDX-License-Identifier: MIT
-- The frames of a task that is not done: its functions, through nested awaits and coroutines.
-- Not here: what is made of them (stack.lua, graph.lua, snapshot.lua).
-- Invariant: reads state and never changes it.
local core = require "casync.core"

local M = {}

local OWN_FILES = debug.getinfo(1, "S").source:gsub("debug/frames%.lua$", "")
local OWN_PATH = OWN_FILES:gsub("^[@=]", "")

--- Whether a function, of which debug.getinfo gave this, is the library's own.
function M.is_own(info) return info.source:sub(1, #OWN_FILES) == OWN_FILES end

--- The same of a path in a traceback, where Lua cuts long ones short, at their beginning.
function M.is_own_path(path)
  return path:sub(1, #OWN_PATH) == OWN_PATH or path:find("lua/casync/[%w_/]+%.lua$") ~= nil
end

-- A chunk from a file is called by its whole path, any other as Lua prints it.
local function source_of(info)
  return info.source:sub(1, 1) == "@" and info.source:sub(2) or info.short_src
end

--- The name of a coroutine object or function, if it has one that is not a place, and the function that it runs.
function M.name_and_body(coro)
  if not (core.iscoroutine(coro) or type(coro) == "function") then return nil end
  local name, body = core.coroutine_info(coro)
  return not name:find(":", 1, true) and name or nil, body
end

-- The functions that a thread is in, the innermost first, each as debug.getinfo tells it; `awaited` is what one that is await
-- awaits. All in one function: levels of the thread that runs are counted from whoever asks.
local function calls_of(thread)
  local calls, getinfo, await = {}, debug.getinfo, core.await
  repeat
    local level = #calls
    local info = getinfo(thread, level, "Slnf")
    if info and info.func == await then
      local _, awaited = debug.getlocal(thread, level, 1)
      info.awaited = awaited
    end
    calls[level + 1] = info
  until not info
  return calls
end

-- Whether a generator runs call `i`: protected, in a coroutine of its own.
local function is_generator(calls, i)
  local runner = calls[i + 2]
  return runner and runner.source == OWN_FILES .. "generator.lua" and not calls[i + 3]
end

local function place_of(info) return ("<%s:%d>"):format(info.short_src, info.linedefined) end

local function kind_of(calls, i, is_body)
  if is_body or calls[i + 1] and calls[i + 1].awaited ~= nil then return "async" end
  return is_generator(calls, i) and "async generator" or nil
end

-- A call of the user's as others see it: {source, currentline, name, kind}, kind being "async" of what is awaited or a task's
-- body, "async generator", or nil.
local function frame_of(task, calls, i)
  local info, caller = calls[i], calls[i + 1]
  local name, body = M.name_and_body(task:get_coro())
  local is_body = body == info.func
  local known = info.what == "main" and "main chunk" or info.name or caller and M.name_and_body(caller.awaited)
    or is_body and name
  return {source = source_of(info), currentline = info.currentline, name = known or place_of(info),
    kind = kind_of(calls, i, is_body)}
end

-- A task that has not begun stands where its function does.
local function beginning(task)
  local name, body = M.name_and_body(task:get_coro())
  local info = body and debug.getinfo(body, "S")
  if not info or info.what == "C" or M.is_own(info) then return nil end
  return {source = source_of(info), currentline = info.linedefined, name = name or place_of(info), kind = "async"}
end

local function add_frames(list, task, calls)
  for i, info in ipairs(calls) do
    if info.what ~= "C" and not M.is_own(info) then list[#list + 1] = frame_of(task, calls, i) end
  end
end

--- The user's frames that a task is in, the innermost first.
function M.of(task)
  local list, threads = {}, core.task_stack(task)
  for i = #threads, 1, -1 do add_frames(list, task, calls_of(threads[i])) end
  if #threads == 0 then list[1] = beginning(task) end
  return list
end

--- For each call of the library's, inside of what the user's innermost function has called, in the Lua thread `thread` of a task that
--- is suspended: visit(thread, level, info), the innermost first.
function M.each_own_call(thread, visit)
  for level = 0, math.huge do
    local info = debug.getinfo(thread, level, "Slf")
    if not info or info.what ~= "C" and not M.is_own(info) then return end
    visit(thread, level, info)
  end
end

return M
