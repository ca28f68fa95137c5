-- SPDX-License-Identifier: MIT
-- BaseExceptionGroup and ExceptionGroup: several exceptions raised as one; taking them apart by class.
-- Not here: how a group is printed with its members' tracebacks (debug/report.lua).
-- Invariant: an ExceptionGroup holds only what counts as an Exception; `exceptions` is never empty.
local class = require "casync.class"
local isclass, issubclass, class_of, isinstance = class.isclass, class.issubclass, class.of, class.isinstance

local M -- the exceptions module, set when the first group class is made

local function fail(C, text, ...) error(C(text:format(...)), 0) end

-- Whether all members count as Exceptions.
local function check_members(group, list)
  local ordinary = true
  for i = 1, #list do
    if class_of(list[i]) and not isinstance(list[i], M.BaseException) then
      fail(M.ValueError, "Item %d of second argument (exceptions) is not an exception", i)
    end
    ordinary = ordinary and M.is_exception(list[i])
  end
  if not ordinary and isinstance(group, M.Exception) then
    local own = getmetatable(group) == M.ExceptionGroup.__meta
    fail(M.TypeError, own and "Cannot nest BaseExceptions in an ExceptionGroup" or "Cannot nest BaseExceptions in '%s'",
      group.name)
  end
  return ordinary
end

local Group = {}

--- BaseExceptionGroup(message, exceptions): an ExceptionGroup if all members count as Exceptions.
function Group.init(self, message, exceptions)
  if type(message) ~= "string" then
    fail(M.TypeError, "bad argument #1 to '%s' (string expected, got %s)", self.name, type(message))
  elseif type(exceptions) ~= "table" or getmetatable(exceptions) then
    fail(M.TypeError, "second argument (exceptions) must be a list")
  elseif #exceptions == 0 then
    fail(M.ValueError, "second argument (exceptions) must be a non-empty list")
  end
  local ordinary = check_members(self, exceptions)
  self.message, self.exceptions = message, table.move(exceptions, 1, #exceptions, 1, {})
  if ordinary and getmetatable(self) == M.BaseExceptionGroup.__meta then
    setmetatable(self, M.ExceptionGroup.__meta)
  end
end

function Group._text(self)
  local n = #self.exceptions
  return ("%s (%d sub-exception%s)"):format(self.message, n, n == 1 and "" or "s")
end

--- A group of the same message around other exceptions: what subgroup and split make; subclasses override it.
function Group:derive(exceptions) return M.BaseExceptionGroup(self.message, exceptions) end

-- What is no object counts as an Exception.
local function matches(value, C)
  if isclass(C) then
    if class_of(value) then return isinstance(value, C) end
    return C == M.Exception or C == M.BaseException
  end
  for i = 1, #C do
    if matches(value, C[i]) then return true end
  end
  return false
end

local function is_condition(C)
  if isclass(C) then return issubclass(C, M.BaseException) end
  if type(C) ~= "table" or #C == 0 then return false end
  for i = 1, #C do
    if not isclass(C[i]) or not issubclass(C[i], M.BaseException) then return false end
  end
  return true
end

local function condition(C)
  if type(C) == "function" then return C end
  if not is_condition(C) then
    fail(M.TypeError, "expected a function, exception class or list of exception classes")
  end
  return function(value) return matches(value, C) end
end

-- `tracebacks`, in a group's own field: of members that are no objects, or that were raised in a task, by place.
local function derived(group, list, tracebacks)
  if #list == 0 then return nil end
  local part = group:derive(list)
  part.cause, part.context, part.traceback = group.cause, group.context, group.traceback
  if group.tracebacks then part.tracebacks = tracebacks end
  return part
end

local function add(list, tracebacks, member, traceback)
  if member == nil then return end
  list[#list + 1] = member
  tracebacks[#list] = traceback
end

-- Returns the part that matches and the rest, nil where empty; the group itself where it matches as a whole.
local function split(value, test)
  if test(value) then return value, nil end
  if not isinstance(value, M.BaseExceptionGroup) then return nil, value end
  local given = value.tracebacks or {}
  local match, match_tracebacks, rest, rest_tracebacks = {}, {}, {}, {}
  for i, member in ipairs(value.exceptions) do
    local yes, no = split(member, test)
    add(match, match_tracebacks, yes, given[i])
    add(rest, rest_tracebacks, no, given[i])
  end
  return derived(value, match, match_tracebacks), derived(value, rest, rest_tracebacks)
end

--- The group of the members (at any depth) of a class, of a list of classes, or that a function accepts; nil if none.
function Group:subgroup(C) return (split(self, condition(C))) end

--- The subgroup that matches and the group of the rest, nil where empty.
function Group:split(C) return split(self, condition(C)) end

return function(exceptions, name)
  M = exceptions
  if name == "ExceptionGroup" then
    local C = class.define(name, M.Exception, nil, M.BaseExceptionGroup)
    C.name = name
    return C
  end
  local C = class.define(name, M.BaseException, Group)
  C.name = name
  return C
end
