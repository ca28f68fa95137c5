-- SPDX-License-Identifier: MIT
-- The loop's exception handler: what a failing callback, an exception nobody read or a lost coroutine is told to.
-- Not here: the texts (debug/report.lua). Loaded by loop/exceptions.lua on first use of one of its methods.
-- Invariant: call_exception_handler raises only KeyboardInterrupt and SystemExit, whatever the handlers do.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"

local Loop = core.Loop
local pcall, error, type = pcall, error, type

local function report() return require "casync.debug.report" end

--- Sets handler(loop, context), called for every error that nobody else gets; nil sets the default one.
function Loop:set_exception_handler(handler)
  local meta = getmetatable(handler)
  if handler ~= nil and type(handler) ~= "function" and not (type(meta) == "table" and meta.__call) then
    error(exceptions.TypeError("A callable object or nil is expected, got " .. tostring(handler)), 0)
  end
  self._exception_handler = handler
end

--- The handler in use, nil for the default one.
function Loop:get_exception_handler() return self._exception_handler end

--- Logs the message, the other keys and the traceback at error level; in debug mode also where the running callback was made.
function Loop:default_exception_handler(context)
  local handle = core.hooks.current_handle
  if handle and context.source_traceback == nil then context.handle_traceback = core.hooks.source(handle) end
  report().log(context)
end

-- What pcall returned; KeyboardInterrupt and SystemExit pass.
local function checked(ok, err)
  if not ok and class.isinstance(err, {exceptions.KeyboardInterrupt, exceptions.SystemExit}) then error(err, 0) end
  return ok, err
end

local function call_default(self, context, message)
  local ok, err = checked(pcall(self.default_exception_handler, self, context))
  if not ok then checked(pcall(report().failed, message, err)) end
end

-- The context variables of what failed.
local function context_of(context)
  local thing = context.task or context.future or context.handle
  local kind = type(thing)
  local get_context = (kind == "userdata" or kind == "table") and thing.get_context
  return get_context and get_context(thing)
end

local function call_handler(self, handler, context)
  local ctx = context_of(context)
  local previous = ctx and core.set_context(ctx)
  local ok, err = pcall(handler, self, context)
  if ctx then core.set_context(previous) end
  return checked(ok, err)
end

--- Tells the exception handler; context has `message` and, where there are any, exception, task, future, handle ….
function Loop:call_exception_handler(context)
  local handler = self._exception_handler
  if not handler then return call_default(self, context, "Exception in default exception handler") end
  local ok, err = call_handler(self, handler, context)
  if ok then return end
  call_default(self, {message = "Unhandled error in exception handler", exception = err, context = context},
    "Exception in default exception handler while handling an unexpected error in custom exception handler")
end
