-- SPDX-License-Identifier: MIT
-- The constructors of exceptions that carry data: SystemExit, IncompleteReadError, LimitOverrunError, OSError.
-- Not here: the classes themselves. Loaded with the first instance of one of them.
-- Invariant: returns a function (exceptions, class name) -> init.
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

return function(M, name) return init[name](M) end
