-- SPDX-License-Identifier: MIT
-- The exception classes of asyncio and those of Python's that it uses; isinstance, pcall and xpcall over them.
-- Not here: what some classes have of their own (exceptions/detail.lua, exceptions/group.lua), how an exception is
-- printed with its traceback (debug/report.lua). In the start path: classes are made when they are first mentioned.
-- Invariant: every class is below BaseException and has its own name as field `name`; an instance's `message` is its
-- text without the class, "" if none was given; an instance made in C has had no init.
local core = require "casync.core"
local class = require "casync.class"

-- A second load in one Lua state gives the same classes.
if core.hooks.exceptions then return core.hooks.exceptions end

local M = {isinstance = class.isinstance}

-- The hierarchy: what is right below each class.
local BELOW = {
  BaseException = " Exception CancelledError KeyboardInterrupt SystemExit GeneratorExit BaseExceptionGroup ",
  Exception = " RuntimeError ValueError TypeError LookupError OSError InvalidStateError QueueEmpty QueueFull \z
    QueueShutDown LimitOverrunError StopAsyncIteration AssertionError EOFError ExceptionGroup ",
  RuntimeError = " BrokenBarrierError SendfileNotAvailableError NotImplementedError RecursionError ",
  LookupError = " KeyError IndexError ",
  EOFError = " IncompleteReadError ",
  OSError = " TimeoutError BlockingIOError ChildProcessError ConnectionError FileExistsError FileNotFoundError \z
    InterruptedError IsADirectoryError NotADirectoryError PermissionError ProcessLookupError SSLError gaierror ",
  ConnectionError = " BrokenPipeError ConnectionAbortedError ConnectionRefusedError ConnectionResetError ",
  SSLError = " SSLCertVerificationError SSLEOFError SSLZeroReturnError ",
}

-- The classes with an init of their own, which is loaded with the first instance, and the groups.
local DETAILED = " SystemExit OSError LimitOverrunError IncompleteReadError "
local GROUPS = " BaseExceptionGroup ExceptionGroup "

local function detail(name) return require "casync.exceptions.detail"(M, name) end

local function to_string(e)
  local text = e:_text()
  return text == "" and e.name or e.name .. ": " .. text
end

local function new_class(parent, name)
  return class.link({__name = name, name = name, __meta = {__tostring = to_string}}, parent)
end

local function make(parent, name)
  local key = " " .. name .. " "
  if GROUPS:find(key, 1, true) then return require "casync.exceptions.group"(M, name) end
  local C = new_class(parent, name)
  if DETAILED:find(key, 1, true) then
    C.init = function(...)
      C.init = detail(name)
      return C.init(...)
    end
  end
  return C
end

-- A class or xpcall, on first mention.
local function on_first_use(_, name)
  local key = " " .. tostring(name) .. " "
  for parent, names in next, BELOW do
    if names:find(key, 1, true) then
      M[name] = make(M[parent], name)
      return M[name]
    end
  end
  if name == "xpcall" then M.xpcall = detail "xpcall" end
  return rawget(M, name)
end

setmetatable(M, {__index = on_first_use, __pairs = function() return detail "pairs"(BELOW) end})

local BaseException = new_class(nil, "BaseException")
M.BaseException = BaseException
BaseException.message = ""
BaseException._text = function(e) return tostring(e.message) end
BaseException.subclass = function(...) return detail "subclass"(...) end

--- BaseException(message, …): more arguments than one, or one that is no string, are kept in `args`.
function BaseException.init(self, message, ...)
  if ... == nil and (message == nil or type(message) == "string") then
    self.message = message
  else
    self.message, self.args = tostring(message), table.pack(message, ...)
  end
end

--- Whether a raised value counts as an Exception: every value but the BaseExceptions that are none (CancelledError,
--- KeyboardInterrupt, SystemExit, GeneratorExit, some groups). Strings and foreign tables do.
function M.is_exception(value)
  local C = class.of(value) or class.isclass(value) and value
  return not C or class.issubclass(C, M.Exception) or not class.issubclass(C, BaseException)
end

local function pass_on(ok, ...)
  if ok or M.is_exception((...)) then return ok, ... end
  error((...), 0)
end

--- pcall that lets what is no Exception pass: cancellation, KeyboardInterrupt, SystemExit. The function may await.
function M.pcall(f, ...) return pass_on(pcall(f, ...)) end

core.errors(M)
core.hooks.exceptions = M
return M
