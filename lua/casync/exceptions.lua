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

local error, type, tostring, pcall, xpcall = error, type, tostring, pcall, xpcall
local isclass, issubclass, class_of = class.isclass, class.issubclass, class.of

local M = {isinstance = class.isinstance}
core.hooks.exceptions = M

local BaseException = class.define("BaseException", nil, {
  name = "BaseException",
  message = "",
  __tostring = function(e)
    local text = e:_text()
    return text == "" and e.name or e.name .. ": " .. text
  end,
})
M.BaseException = BaseException

--- BaseException(message, …): more arguments than one, or one that is no string, are kept in `args`.
function BaseException.init(self, message, ...)
  if message ~= nil then self.message = type(message) == "string" and message or tostring(message) end
  if ... ~= nil or message ~= nil and type(message) ~= "string" then self.args = table.pack(message, ...) end
end

function BaseException._text(self) return tostring(self.message) end

local subclass = BaseException.subclass

function BaseException.subclass(C, name, methods)
  local new = subclass(C, name, methods)
  new.name = name
  return new
end

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

local function listed(names, name) return names:find(name, 1, true) ~= nil end

local function make(parent, name, key)
  if listed(GROUPS, key) then return require("casync.exceptions.group")(M, name) end
  local C = class.define(name, parent)
  C.name = name
  if listed(DETAILED, key) then
    function C.init(...)
      C.init = require("casync.exceptions.detail")(M, name)
      return C.init(...)
    end
  end
  return C
end

setmetatable(M, {
  __index = function(_, name)
    local key = " " .. tostring(name) .. " "
    for parent, names in next, BELOW do
      if listed(names, key) then
        M[name] = make(M[parent], name, key)
        return M[name]
      end
    end
  end,
  __pairs = function()
    for _, names in next, BELOW do
      for name in names:gmatch("%a+") do local _ = M[name] end
    end
    return next, M, nil
  end,
})

--- Whether a raised value counts as an Exception: every value but the BaseExceptions that are none (CancelledError,
--- KeyboardInterrupt, SystemExit, GeneratorExit, some groups). Strings and foreign tables do.
local function is_exception(value)
  local C = class_of(value) or isclass(value) and value
  return not C or issubclass(C, M.Exception) or not issubclass(C, BaseException)
end
M.is_exception = is_exception

local function pass_on(ok, ...)
  if ok or is_exception((...)) then return ok, ... end
  error((...), 0)
end

--- pcall that lets what is no Exception pass: cancellation, KeyboardInterrupt, SystemExit. The function may await.
function M.pcall(f, ...) return pass_on(pcall(f, ...)) end

--- xpcall that lets what is no Exception pass, unseen by the handler. The function may await.
function M.xpcall(f, handler, ...)
  local leaving
  local function on_error(value)
    leaving = not is_exception(value)
    if leaving then return value end
    return handler(value)
  end
  local function finish(ok, ...)
    if ok or not leaving then return ok, ... end
    error((...), 0)
  end
  return finish(xpcall(f, on_error, ...))
end

core.errors(M)
return M
