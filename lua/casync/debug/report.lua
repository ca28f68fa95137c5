-- SPDX-License-Identifier: MIT
-- The texts of errors that nobody caught: what the default exception handler logs, exceptions with their tracebacks,
-- groups as a tree.
-- Not here: who calls the handler (loop/exceptions.lua), where the text goes (log.lua). Loaded on first use.
-- Invariant: makes texts of any value without failing; changes nothing.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local log = require "casync.log"
local repr = require "casync.debug.repr"

local M = {}

-- As in Python's traceback module.
local WIDEST_GROUP, DEEPEST_GROUP = 15, 10
local CAUSE = "\nThe above exception was the direct cause of the following exception:\n"
local CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n"

local function is_exception_object(err) return class.isinstance(err, exceptions.BaseException) end

-- An exception alone, in one line.
local function headline(err)
  if type(err) == "string" then return err end
  local meta = getmetatable(err)
  if type(err) == "table" and not (type(meta) == "table" and meta.__tostring) then
    return "(error object is a table value) " .. repr.value(err)
  end
  return repr.safe_tostring(err)
end

-- A Lua traceback without the message that may stand before it; nil if there is none.
local function traceback_of(err, traceback)
  if not traceback and is_exception_object(err) then traceback = err.traceback end
  if type(traceback) ~= "string" then return nil end
  local start = traceback:find("stack traceback:", 1, true)
  return ((start and traceback:sub(start) or traceback):gsub("%s+$", ""))
end

local function add(lines, indent, text)
  for line in (text .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = indent .. line end
end

local add_exception

-- What an exception was raised from, or while handling.
local function add_origin(lines, indent, err, seen, depth)
  if not is_exception_object(err) then return end
  local cause = rawget(err, "cause")
  local origin = cause == nil and rawget(err, "context") or cause
  if origin == nil or seen[origin] then return end
  add_exception(lines, indent, origin, nil, seen, depth)
  add(lines, indent, cause ~= nil and CAUSE or CONTEXT)
end

local function add_plain(lines, indent, err, traceback)
  add(lines, indent, headline(err))
  traceback = traceback_of(err, traceback)
  if traceback then add(lines, indent, traceback) end
end

local function add_members(lines, indent, group, seen, depth)
  local members = group.exceptions
  local shown = math.min(#members, WIDEST_GROUP)
  for i = 1, shown do
    local title = ("---------------- %d ----------------"):format(i)
    lines[#lines + 1] = indent .. (i == 1 and "+-+" or "  +") .. title
    add_exception(lines, indent .. "  | ", members[i], group.tracebacks and group.tracebacks[i], seen, depth + 1)
  end
  if #members > shown then
    lines[#lines + 1] = indent .. "  +---------------- ... ----------------"
    lines[#lines + 1] = ("%s  | and %d more exception%s"):format(indent, #members - shown,
      #members - shown == 1 and "" or "s")
  end
  -- One closing line is enough where the last member was a group.
  if not lines[#lines]:find("+%-+$") then lines[#lines + 1] = indent .. "  +" .. ("-"):rep(36) end
end

local function add_group(lines, indent, group, traceback, seen, depth)
  if depth > DEEPEST_GROUP then
    return add(lines, indent, ("... (max_group_depth is %d)"):format(DEEPEST_GROUP))
  end
  -- Inside a group the bar is already there.
  local bar = indent == "" and "  | " or indent
  local first = #lines + 1
  add_plain(lines, bar, group, traceback)
  if indent == "" then lines[first] = "  + " .. lines[first]:sub(#bar + 1) end
  add_members(lines, bar:sub(1, -3), group, seen, depth)
end

function add_exception(lines, indent, err, traceback, seen, depth)
  if err ~= nil then seen[err] = true end
  add_origin(lines, indent, err, seen, depth)
  if class.isinstance(err, exceptions.BaseExceptionGroup) and err.exceptions then
    return add_group(lines, indent, err, traceback, seen, depth)
  end
  add_plain(lines, indent, err, traceback)
end

--- An exception with its traceback (the argument, else what it carries), its causes and, for a group, its members.
function M.exception(err, traceback)
  local lines = {}
  add_exception(lines, "", err, traceback, {}, 1)
  return table.concat(lines, "\n")
end

-- Keys that are shown in a place of their own.
local SHOWN_APART = {message = true, exception = true, traceback = true}
local TITLES = {source_traceback = "Object created at", handle_traceback = "Handle created at", lock_traceback = "Lock acquired at"}

local function add_key(lines, key, value)
  if TITLES[key] and type(value) == "string" then
    value = TITLES[key] .. ":\n" .. value:gsub("%s+$", "")
  else
    value = repr.value(value)
  end
  add(lines, "", ("%s: %s"):format(key, value))
end

local function sorted_keys(context)
  local keys = {}
  for key in next, context do
    if not SHOWN_APART[key] then keys[#keys + 1] = key end
  end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- Where the exception was raised: what the context says, else what its future or task remembers, else what is known of the error
-- that was raised or read last.
local function known_traceback(context)
  local future = context.future or context.task
  return context.traceback or core.isfuture(future) and core.task_traceback(future) or core.traceback_of(context.exception)
end

--- The text for an exception handler's context: the message, the other keys sorted, the exception with its traceback.
function M.text(context)
  local message = context.message
  local lines = {}
  add(lines, "", message and message ~= "" and tostring(message) or "Unhandled exception in event loop")
  for _, key in ipairs(sorted_keys(context)) do add_key(lines, key, context[key]) end
  if context.exception ~= nil then
    lines[#lines + 1] = M.exception(context.exception, known_traceback(context))
  elseif context.traceback then
    add(lines, "", tostring(context.traceback))
  end
  return table.concat(lines, "\n")
end

--- What the default exception handler does: the text, at error level.
function M.log(context) log.logger:log(log.ERROR, M.text(context)) end

--- Logs that an exception handler failed.
function M.failed(message, err) log.logger:exception(message, err) end

return M
