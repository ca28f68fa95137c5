-- SPDX-License-Identifier: MIT
-- What exceptions.lua needs seldom: constructors of exceptions that carry data (SystemExit, IncompleteReadError,
-- LimitOverrunError, OSError), subclassing, xpcall.
-- Not here: the classes themselves. Loaded on first use of one of these.
-- Invariant: returns a function (exceptions, name) -> what stands under that name, nil if nothing does.
local init = {}

--- SystemExit([code]): `code` is what the process will exit with.
function init.SystemExit(M)
  return function(self, code, ...)
    M.BaseException.init(self, code, ...)
    self.code = code
  end
end

--- IncompleteReadError(partial, expected): the bytes read before the end, and how many were asked for (nil: unknown).
function init.IncompleteReadError()
  return function(self, partial, expected)
    self.partial, self.expected = partial, expected
    self.message = ("%d bytes read on a total of %s expected bytes"):format(#partial, expected or "undefined")
  end
end

--- LimitOverrunError(message, consumed): how many bytes may be discarded safely.
function init.LimitOverrunError(M)
  return function(self, message, consumed)
    M.BaseException.init(self, message)
    self.consumed = consumed
  end
end

-- Numbers on Linux / on macOS and the BSDs of the errors that have classes.
local CLASS_OF_ERRNO = [[1/1 PermissionError 2/2 FileNotFoundError 3/3 ProcessLookupError 4/4 InterruptedError
  10/10 ChildProcessError 11/35 BlockingIOError 13/13 PermissionError 17/17 FileExistsError 20/20 NotADirectoryError
  21/21 IsADirectoryError 32/32 BrokenPipeError 103/53 ConnectionAbortedError 104/54 ConnectionResetError
  108/58 BrokenPipeError 110/60 TimeoutError 111/61 ConnectionRefusedError 114/37 BlockingIOError
  115/36 BlockingIOError]]
local LINUX_NAME_TOO_LONG = 36

-- Which of the two lists counts is seen from the number of one error that is easy to provoke.
local function errno_classes(M)
  local classes = {}
  local _, _, too_long = io.open(("x"):rep(65536))
  for linux, bsd, name in CLASS_OF_ERRNO:gmatch("(%d+)/(%d+) (%a+)") do
    classes[tonumber(too_long == LINUX_NAME_TOO_LONG and linux or bsd)] = M[name]
  end
  return classes
end

--- OSError(errno, strerror[, filename]) becomes the subclass that Python has for errno; OSError(message) stays.
function init.OSError(M)
  local classes
  return function(self, errno, strerror, filename)
    if strerror == nil then return M.BaseException.init(self, errno) end
    self.errno, self.strerror, self.filename = errno, strerror, filename
    self.message = ("[Errno %s] %s"):format(errno, strerror)
    if filename ~= nil then self.message = ("%s: '%s'"):format(self.message, filename) end
    if getmetatable(self) == M.OSError.__meta then
      classes = classes or errno_classes(M)
      if classes[errno] then setmetatable(self, classes[errno].__meta) end
    end
  end
end

-- What the user makes with C:subclass: a class that knows its name.
function init.subclass()
  return function(C, name, methods)
    local new = require("casync.class.inherit").subclass(C, name, methods)
    new.name = name
    return new
  end
end

--- xpcall that lets what is no Exception pass, unseen by the handler. The function may await.
function init.xpcall(M)
  return function(f, handler, ...)
    local leaving
    local function on_error(value)
      leaving = not M.is_exception(value)
      if leaving then return value end
      return handler(value)
    end
    local function finish(ok, ...)
      if ok or not leaving then return ok, ... end
      error((...), 0)
    end
    return finish(xpcall(f, on_error, ...))
  end
end

-- pairs(exceptions): makes all classes first.
function init.pairs(M)
  return function(below)
    local _ = M.xpcall
    for _, names in next, below do
      for name in names:gmatch("%a+") do _ = M[name] end
    end
    return next, M, nil
  end
end

return function(M, name) return init[name] and init[name](M) end
