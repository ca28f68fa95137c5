-- SPDX-License-Identifier: MIT
-- Checks of arguments, and what is done where options are given: the part of options.lua that the start can do without.
-- Not here: what counts as an awaitable (await.lua).
-- Invariant: a table with a metatable is a value, never options or a list, but for tables marked with kw. Every error
-- raised here is a TypeError object.
local core = require "casync.core"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

local error, getmetatable, next, select, type = error, getmetatable, next, select, type
local plain, NONE = options.plain, options.none

local M = {}

-- Argument errors

--- The name of a value's type for messages: its metatable's __name, else Lua's.
function M.typename(value)
  local meta = getmetatable(value)
  local name = type(meta) == "table" and rawget(meta, "__name")
  return type(name) == "string" and name or type(value)
end

--- Raises TypeError "bad argument #2 to 'gather' (text)"; position 0 is the object of a method.
function M.argerror(position, fname, text)
  local message = position == 0 and "calling '%s' on bad self (%s)" or "bad argument #" .. position .. " to '%s' (%s)"
  error(exceptions.TypeError(message:format(fname, text)), 0)
end
local argerror = M.argerror

--- Raises TypeError "bad argument #1 to 'wait_for' (awaitable expected, got number)".
function M.typeerror(position, fname, expected, got)
  argerror(position, fname, ("%s expected, got %s"):format(expected, M.typename(got)))
end
local typeerror = M.typeerror

-- What a kind of argument is called in messages, and its test where it is not Lua's type of that name.
local tests = {
  ["function"] = options.callable,
  integer = function(value) return math.type(value) == "integer" end,
  any = function(value) return value ~= nil end,
  list = plain,
}

local function is_kind(kind, value)
  local test = tests[kind]
  if test then return test(value) end
  return type(value) == kind
end

--- Checks an argument and returns it. kind: one of Lua's types, "function" (anything callable), "integer", "list" (a
--- table without a metatable), "any" (all but nil).
function M.check(position, fname, kind, value)
  if not is_kind(kind, value) then typeerror(position, fname, kind, value) end
  return value
end

--- M.check that lets nil pass.
function M.optional(position, fname, kind, value)
  if value ~= nil and not is_kind(kind, value) then typeerror(position, fname, kind, value) end
  return value
end

-- Options

local function has_string_keys_only(value)
  for key in next, value do
    if type(key) ~= "string" then return false end
  end
  return true
end

--- Whether a value is a table of options: no metatable (or made by kw), string keys only.
function M.is_options(value)
  return (plain(value) or core.iskw(value)) and has_string_keys_only(value)
end
local is_options = M.is_options

local function check_option(fname, allowed, name, value)
  local kind = allowed[name]
  if not kind then
    error(exceptions.TypeError(("unknown option '%s' to '%s'"):format(tostring(name), fname)), 0)
  elseif type(kind) == "string" and not is_kind(kind, value) then
    error(exceptions.TypeError(("bad option '%s' to '%s' (%s expected, got %s)")
      :format(name, fname, kind, M.typename(value))), 0)
  end
end

local function check_names(fname, allowed, given)
  for name, value in next, given do check_option(fname, allowed, name, value) end
  return given
end

--- options.get with options.
function M.get_given(position, fname, allowed, given)
  if not (plain(given) or core.iskw(given)) then typeerror(position, fname, "table of options", given) end
  return check_names(fname, allowed, given)
end

--- options.marked with options at the end.
function M.marked_given(fname, allowed, n, ...)
  return check_names(fname, allowed, (select(n, ...))), n - 1
end

local function length_of(list, allowed)
  local n = rawget(list, "n")
  if allowed.n or math.type(n) ~= "integer" then return #list end
  return n
end

-- f{a, b, option = x}: the list's items and its options, apart.
local function split_list(fname, allowed, list)
  local items, given, n = {}, {}, length_of(list, allowed)
  for key, value in next, list do
    if type(key) == "string" and (key ~= "n" or allowed.n) then
      check_option(fname, allowed, key, value)
      given[key] = value
    end
  end
  for i = 1, n do items[i] = list[i] end
  return items, n, given
end

--- For functions with *args: f(a, b, {option = x}), f{a, b, option = x} or f({a, b}, {option = x}).
--- Returns a new list of the items, their number, the options.
function M.pack(fname, allowed, ...)
  local n = select("#", ...)
  local first, last = ...
  if n == 1 and plain(first) then return split_list(fname, allowed, first) end
  if n == 2 and plain(first) and is_options(last) then
    local items, count = split_list(fname, NONE, first)
    return items, count, check_names(fname, allowed, last)
  end
  local items = {...}
  last = items[n]
  if n == 0 or not is_options(last) then return items, n, NONE end
  items[n] = nil
  return items, n - 1, check_names(fname, allowed, last)
end

return M
