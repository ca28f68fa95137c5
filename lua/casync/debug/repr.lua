-- SPDX-License-Identifier: MIT
-- tostring of the library's objects in asyncio's spirit, and of any value inside a report.
-- Not here: reports of errors (report.lua). Loaded on first use, from the __tostring of the classes that C made.
-- Invariant: reads state and never changes it: an exception that is only shown still counts as not retrieved.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"

local M = {}
local formatters = {}

local LONGEST_STRING, MOST_ITEMS, DEEPEST = 60, 12, 2
local OWN_FILES = debug.getinfo(1, "S").source:gsub("debug/repr%.lua$", "")

-- Any value

local function raw_tostring(value) return ("%s: %p"):format(type(value), value) end

local function safe_tostring(value)
  local ok, text = pcall(tostring, value)
  return ok and text or raw_tostring(value)
end
M.safe_tostring = safe_tostring

local function quoted(text)
  if #text > LONGEST_STRING then text = text:sub(1, LONGEST_STRING - 13) .. "..." .. text:sub(-10) end
  text = text:gsub("[\\']", "\\%0"):gsub("\n", "\\n"):gsub("%c", function(c) return ("\\x%02x"):format(c:byte()) end)
  return "'" .. text .. "'"
end

local function place(f)
  local info = debug.getinfo(f, "S")
  if info.what == "C" then return nil end
  return ("%s:%d"):format(info.short_src, info.linedefined)
end

local function function_repr(f)
  if core.iscoroutinefunction(f) then return ("coroutine function <%s>"):format((core.coroutine_info(f))) end
  local at = place(f)
  return at and ("function <%s>"):format(at) or raw_tostring(f)
end

local function by_type_and_text(a, b)
  if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
  return type(a) .. safe_tostring(a) < type(b) .. safe_tostring(b)
end

local function sorted_keys(list, skip)
  local keys = {}
  for key in next, list do
    if not (math.type(key) == "integer" and key >= 1 and key <= skip) then keys[#keys + 1] = key end
  end
  table.sort(keys, by_type_and_text)
  return keys
end

local function table_repr(list, depth)
  if depth >= DEEPEST and next(list) ~= nil then return "{...}" end
  local items = {}
  for i = 1, #list do items[i] = M.value(list[i], depth + 1) end
  for _, key in ipairs(sorted_keys(list, #list)) do
    local name = type(key) == "string" and key or "[" .. M.value(key, depth + 1) .. "]"
    items[#items + 1] = name .. " = " .. M.value(list[key], depth + 1)
  end
  if #items > MOST_ITEMS then items = {table.concat(items, ", ", 1, MOST_ITEMS), "..."} end
  return "{" .. table.concat(items, ", ") .. "}"
end

local function exception_repr(err)
  local text = err:_text()
  return err.name .. "(" .. (text == "" and text or quoted(text)) .. ")"
end

--- Any value in one short line: strings quoted, tables with their first items, functions with their place.
function M.value(value, depth)
  local kind = type(value)
  if kind == "string" then
    return quoted(value)
  elseif kind == "function" then
    return function_repr(value)
  elseif kind == "table" and getmetatable(value) == nil then
    return table_repr(value, depth or 0)
  elseif class.isinstance(value, exceptions.BaseException) then
    local ok, text = pcall(exception_repr, value)
    return ok and text or raw_tostring(value)
  end
  return safe_tostring(value)
end

--- Several values, as results: one bare, more in parentheses.
local function values(n, first, ...)
  if n == 0 then return "nil" end
  if n == 1 then return M.value(first) end
  local items = table.pack(first, ...)
  for i = 1, n do items[i] = M.value(items[i]) end
  return "(" .. table.concat(items, ", ") .. ")"
end

-- Coroutines

-- Where the outermost function of the user stands in a thread: what asyncio calls "running at".
local function running_at(thread)
  local at
  for level = 0, 200 do
    local info = debug.getinfo(thread, level, "Sl")
    if not info then break end
    if info.currentline > 0 and info.source:sub(1, #OWN_FILES) ~= OWN_FILES then
      at = ("%s:%d"):format(info.short_src, info.currentline)
    end
  end
  return at
end

-- The name of what a coroutine runs, the function (not of ops and threads), and whether it is closed.
local function name_and_body(coro)
  if type(coro) == "thread" then return "thread", nil, coroutine.status(coro) == "dead" end
  local name, f, _, state = core.coroutine_info(coro)
  return name, f, state == "closed"
end

-- A function without a name of its own is called by its place.
local function called(name) return name:find(":", 1, true) and name or name .. "()" end

--- What stands behind "coro=": "say_after() running at script.lua:3"; `thread` is where it runs, if it does.
function M.coroutine(coro, thread, is_done)
  local name, f, is_closed = name_and_body(coro)
  local at = thread and running_at(thread)
  if at then return ("%s running at %s"):format(called(name), at) end
  local defined = f and place(f)
  defined = defined and defined ~= name and "defined at " .. defined
  if not (is_done or is_closed) then return called(name) .. (defined and " " .. defined or "") end
  return called(name) .. " done" .. (defined and ", " .. defined or "")
end

function formatters.Coroutine(coro)
  return ("<coroutine object %s at %p>"):format((name_and_body(coro)), coro)
end
formatters.Op = formatters.Coroutine

-- Futures and tasks

-- State as asyncio prints it, and what it ended with.
local function outcome(state, ...)
  if state == "failed" then return "finished", "exception=" .. M.value((...)) end
  if state == "finished" then return state, "result=" .. values(select("#", ...), ...) end
  return state
end

local function callbacks_info(future)
  local list = core.callbacks(future)
  local n = #list
  if n == 0 then return nil end
  local text = M.value(list[1])
  if n == 2 then text = text .. ", " .. M.value(list[2]) end
  if n > 2 then text = ("%s, <%d more>, %s"):format(text, n - 2, M.value(list[n])) end
  return "cb=[" .. text .. "]"
end

local function created_info(object)
  local at = core.created_at and core.created_at(object)
  return at and "created at " .. at
end

local function bracketed(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if part then parts[#parts + 1] = part end
  end
  return "<" .. table.concat(parts, " ") .. ">"
end

function formatters.Future(future)
  local state, result = outcome(core.peek(future))
  return bracketed(class.of(future).__name, state, result, callbacks_info(future), created_info(future))
end

-- A future, an op, or the name of an op that is not kept.
local function waited_repr(waited)
  return type(waited) == "string" and "<" .. waited .. ">" or safe_tostring(waited)
end

function formatters.Task(task)
  local state, result = outcome(core.peek(task))
  if state == "pending" and task:cancelling() > 0 then state = "cancelling" end
  local name, coro, waited = quoted(safe_tostring(task:get_name())), task:get_coro(), core.task_waits_for(task)
  local thread = not task:done() and core.task_stack(task)[1] or nil
  return bracketed(class.of(task).__name, state, "name=" .. name,
    coro ~= nil and "coro=<" .. M.coroutine(coro, thread, task:done()) .. ">",
    waited ~= nil and "wait_for=" .. waited_repr(waited), result, callbacks_info(task), created_info(task))
end

-- Handles and the loop

local function callback_of(handle)
  local callback = core.handle_info(handle)
  return callback ~= nil and M.value(callback)
end

function formatters.Handle(handle)
  return bracketed(class.of(handle).__name, handle:cancelled() and "cancelled", callback_of(handle),
    created_info(handle))
end

function formatters.TimerHandle(handle)
  return bracketed(class.of(handle).__name, handle:cancelled() and "cancelled", "when=" .. tostring(handle:when()),
    callback_of(handle), created_info(handle))
end

function formatters.Loop(loop)
  return ("<%s running=%s closed=%s debug=%s>"):format(class.of(loop).__name, loop:is_running(), loop:is_closed(),
    loop:get_debug())
end

-- Streams

local DEFAULT_LIMIT = 65536

function formatters.StreamReader(reader)
  local size, eof, limit, waiter, exception, transport, paused = core.reader_info(reader)
  return bracketed(class.of(reader).__name, size > 0 and size .. " bytes", eof and "eof",
    limit ~= DEFAULT_LIMIT and "limit=" .. limit, waiter and "waiter=" .. safe_tostring(waiter),
    exception ~= nil and "exception=" .. M.value(exception),
    transport ~= nil and "transport=" .. M.value(transport), paused and "paused")
end

-- Synchronization

local function line_repr(object, state, waiters)
  return ("<%s [%s%s]>"):format(class.of(object).__name, state, waiters > 0 and ", waiters:" .. waiters or "")
end

function formatters.Lock(lock) return line_repr(lock, lock:locked() and "locked" or "unlocked", core.lock_waiters(lock)) end

function formatters.Event(event) return line_repr(event, event:is_set() and "set" or "unset", core.event_waiters(event)) end

function formatters.Semaphore(semaphore)
  local value, waiters = core.semaphore_info(semaphore)
  return line_repr(semaphore, semaphore:locked() and "locked" or "unlocked, value:" .. value, waiters)
end

-- Dispatch

local function formatter_of(C)
  while C do
    local format = formatters[rawget(C, "__name")]
    if format then return format end
    C = getmetatable(C).__super
  end
end

local active = {}

--- The text of an object of the library; what contains itself is cut short by "...".
function M.tostring(object)
  local C = class.of(object)
  if active[object] then return "..." end
  active[object] = true
  local ok, text = pcall(formatter_of(C) or raw_tostring, object)
  active[object] = nil
  return ok and text or ("<%s at %p>"):format(C and C.__name or type(object), object)
end

return M
