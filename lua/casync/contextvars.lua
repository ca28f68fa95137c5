-- SPDX-License-Identifier: MIT
-- Context variables: ContextVar, Token, Context, copy_context.
-- Not here: which context runs (the core swaps it around every callback and task step).
-- Invariant: a Context is {values by variable, shared, entered}; its table of values is never written while `shared` is
-- true, since copies share it. A nil value is kept as NIL.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

-- A second load in one Lua state gives the same classes.
if core.hooks.contextvars then return core.hooks.contextvars end

local VALUES, SHARED, ENTERED, PREVIOUS = 1, 2, 3, 4
local NIL = {}
local rawget, rawset, select = rawget, rawset, select

local M = {}

local function unmark(value)
  if value == NIL then return nil end
  return value
end

local function fail(C, text, ...) error(C(text:format(...)), 0) end

local ContextVar = class.define("ContextVar", nil, {
  __tostring = function(self)
    local default = self._has_default and (" default=%s"):format(tostring(self._default)) or ""
    return ("<ContextVar name='%s'%s at %p>"):format(self.name, default, self)
  end,
})
M.ContextVar = ContextVar

local function check_var(position, fname, var)
  if not class.isinstance(var, ContextVar) then options.typeerror(position, fname, "ContextVar", var) end
end

-- Context

local Context = class.define("Context", nil, {
  __new = function(C) return setmetatable({{}, false, false}, C.__meta) end,

  -- ctx[var]; what is no variable has been looked up among the methods before.
  __index = function(ctx, var)
    if class.of(var) ~= ContextVar then return nil end
    local value = ctx[VALUES][var]
    if value == nil then fail(exceptions.KeyError, "%s", var) end
    return unmark(value)
  end,

  __newindex = function() fail(exceptions.TypeError, "a Context is changed by ContextVar:set only") end,

  __len = function(ctx)
    local n = 0
    for _ in next, ctx[VALUES] do n = n + 1 end
    return n
  end,

  __pairs = function(ctx)
    return function(values, var)
      local value
      var, value = next(values, var)
      return var, unmark(value)
    end, ctx[VALUES], nil
  end,

  -- The end of Context:run.
  __close = function(ctx)
    if not rawget(ctx, ENTERED) then return end
    core.set_context(rawget(ctx, PREVIOUS) or nil)
    rawset(ctx, PREVIOUS, false)
    rawset(ctx, ENTERED, false)
  end,

  __tostring = function(ctx) return ("<Context at %p>"):format(ctx) end,
})
M.Context = Context
Context.__meta = core.context_meta(Context.__meta)

--- Calls f(…) inside the context and returns its results; f may await. RuntimeError if the context is in use.
function Context:run(f, ...)
  if not options.callable(f) then options.typeerror(1, "run", "function", f) end
  if rawget(self, ENTERED) or self == core.context() then
    fail(exceptions.RuntimeError, "cannot enter context: %s is already entered", self)
  end
  rawset(self, PREVIOUS, core.set_context(self) or false)
  rawset(self, ENTERED, true)
  local _ <close> = self
  return f(...)
end

--- A copy, which changes apart.
function Context:copy()
  local copy = Context()
  rawset(self, SHARED, true)
  rawset(copy, VALUES, self[VALUES])
  rawset(copy, SHARED, true)
  return copy
end

--- The variable's value in this context, or the default.
function Context:get(var, default)
  check_var(1, "get", var)
  local value = self[VALUES][var]
  if value == nil then return default end
  return unmark(value)
end

--- Whether the variable has a value in this context.
function Context:contains(var)
  check_var(1, "contains", var)
  return self[VALUES][var] ~= nil
end

--- The variables with a value, in no order.
function Context:keys()
  local list = {}
  for var in next, self[VALUES] do list[#list + 1] = var end
  return list
end

--- The values, in the order of keys; field n counts them.
function Context:values()
  local list, n = {}, 0
  for _, value in next, self[VALUES] do
    n = n + 1
    list[n] = unmark(value)
  end
  list.n = n
  return list
end

--- Pairs {variable, value}, in the order of keys.
function Context:items()
  local list = {}
  for var, value in next, self[VALUES] do list[#list + 1] = {var, unmark(value)} end
  return list
end

--- A copy of the current context.
function M.copy_context() return core.copy_context() end

-- The current context, made if there is none yet.
local function current()
  local ctx = core.context()
  if not ctx then
    ctx = Context()
    core.set_context(ctx)
  end
  return ctx
end

local function write(ctx, var, value)
  if rawget(ctx, SHARED) then
    local copy = {}
    for key, old in next, ctx[VALUES] do copy[key] = old end
    rawset(ctx, VALUES, copy)
    rawset(ctx, SHARED, false)
  end
  ctx[VALUES][var] = value
end

-- Token

local Token = class.define("Token", nil, {
  __new = function() fail(exceptions.RuntimeError, "Tokens can only be created by ContextVars") end,

  __tostring = function(self)
    return ("<Token%s var=%s at %p>"):format(self._used and " used" or "", tostring(self.var), self)
  end,

  -- A token held in a <close> variable resets it at the end of the scope.
  __close = function(self) self.var:reset(self) end,
})
M.Token = Token

--- What a token's old_value is where the variable had none.
Token.MISSING = setmetatable({}, {__tostring = function() return "<Token.MISSING>" end, __name = "Token.MISSING"})

--- The scope form: the token itself, for a <close> variable.
function Token:enter() return self end

-- ContextVar

--- ContextVar(name, {default = v}): make it once, at the top of a module.
function ContextVar.init(self, name, opts)
  self.name = options.check(1, "ContextVar", "string", name)
  local default = options.get(2, "ContextVar", {default = true}, opts).default
  self._has_default, self._default = default ~= nil, default
end

--- Its value in the current context, else the argument, else its default, else LookupError.
function ContextVar:get(...)
  local ctx = core.context()
  local value = ctx and ctx[VALUES][self]
  if value ~= nil then return unmark(value) end
  if select("#", ...) > 0 then return (...) end
  if self._has_default then return self._default end
  fail(exceptions.LookupError, "%s", self)
end

--- Sets the value (nil too) in the current context; returns a Token for reset, or for a <close> variable.
function ContextVar:set(value)
  local ctx = current()
  local old = ctx[VALUES][self]
  if value == nil then value = NIL end
  write(ctx, self, value)
  local old_value = old == nil and Token.MISSING or unmark(old)
  return setmetatable({var = self, old_value = old_value, _context = ctx, _used = false}, Token.__meta)
end

--- Puts back the value from before the set that made the token: once, in the same context.
function ContextVar:reset(token)
  if class.of(token) ~= Token then options.typeerror(1, "reset", "Token", token) end
  if token._used then fail(exceptions.RuntimeError, "%s has already been used once", token) end
  if token.var ~= self then fail(exceptions.ValueError, "%s was created by a different ContextVar", token) end
  if token._context ~= core.context() then
    fail(exceptions.ValueError, "%s was created in a different Context", token)
  end
  token._used = true
  local old = token.old_value
  if old == Token.MISSING then
    old = nil
  elseif old == nil then
    old = NIL
  end
  write(token._context, self, old)
end

core.hooks.contextvars = M
return M
