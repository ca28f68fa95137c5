-- SPDX-License-Identifier: MIT
-- Context managers: asyncio.with, and the guards that enter() returns where Python binds None or a number.
-- Not here: any context manager of the library.
-- Invariant: a guard runs its exit once. An exit may await and may replace the error in flight, never swallow it. No
-- C function stands between a scope and its body, so scopes nest as deep as Lua calls do.
local core = require "casync.core"
local class = require "casync.class"
local options = require "casync.options"

-- A second load in one Lua state gives the same class of guards.
if core.hooks.with then return core.hooks.with end

local getmetatable, setmetatable, rawget, type = getmetatable, setmetatable, rawget, type

local M = {}

local Guard = class.define("Guard", nil, {
  __close = function(self, err) return self:close(err) end,
  __tostring = function(self)
    return ("<guard of %s%s>"):format(tostring(self.object), self._exit and "" or " closed")
  end,
})
M.Guard = Guard

--- Ends the scope before the variable that holds it does; a second time does nothing.
function Guard:close(err)
  local exit = self._exit
  if not exit then return end
  self._exit = nil
  return exit(self.object, err)
end

--- What enter() returns to be held in a <close> variable: at the end of the scope exit(object, err) is called, err
--- being the error in flight or nil. `value` is what Python binds (asyncio.with passes it), nil for nothing;
--- `name` is the guard's field that holds it, as in guard.index.
function M.guard(object, exit, value, name)
  local guard = setmetatable({object = object, _exit = exit, _value = value}, Guard.__meta)
  if name then guard[name] = value end
  return guard
end

local function has_close(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__close") ~= nil
end

local function enter(cm)
  local kind = type(cm)
  if kind == "table" or kind == "userdata" then
    local method = cm.enter
    if method then return method(cm) end
    if has_close(cm) then return cm end
  end
  options.typeerror(1, "with", "context manager", cm)
end

--- Enters cm, calls f with what Python binds, returns what f returns, raises what the exit raises. cm is an object with
--- enter(), or one that can be held in a <close> variable as it is.
function M.with(cm, f)
  options.check(2, "with", "function", f)
  local scope <close> = enter(cm)
  if getmetatable(scope) == Guard.__meta then return f(scope._value) end
  return f(scope)
end

core.hooks.with = M
return M
