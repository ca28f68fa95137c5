-- SPDX-License-Identifier: MIT
-- Async generators: functions that yield values and may await in between.
-- Not here: closing those that a loop leaves open (loop/shutdown.lua).
-- Invariant: a generator runs in a Lua coroutine of its own, through which awaits pass to the task that asks for the next value;
-- one asks at a time. Its loop knows it from the first time that somebody asked to its end.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

local library = require "casync.coroutine"
local resume, status = library.resume, library.status

local function fail(C, ...) error(C(...), 0) end

-- A generator's `_state`: "new", "suspended", "running", "closed". One that has ignored its exit (`_has_exited`) can be asked on,
-- but neither closed nor thrown at again, as in Python.

local function check_exit(generator)
  if generator._has_exited then fail(exceptions.StopAsyncIteration) end
end

local function check_idle(generator, verb)
  if generator._state == "running" then
    fail(exceptions.RuntimeError, verb .. "(): asynchronous generator is already running")
  end
end

-- Where the generator is asked for the first time, its loop gets to know it.
local function begin(generator)
  generator._has_begun = true
  local loop = core.running_loop()
  if not loop then return end
  if loop._asyncgens_shutdown_called then
    require("casync.log").logger:warning("asynchronous generator " .. tostring(generator) ..
      " was scheduled after loop.shutdown_asyncgens() call")
  end
  local open = loop._asyncgens
  if not open then
    open = setmetatable({}, {__mode = "k"})
    loop._asyncgens = open
  end
  local number = (loop._asyncgens_begun or 0) + 1
  loop._asyncgens_begun = number
  open[generator], generator._loop = number, loop
end

local function forget(generator)
  local loop = generator._loop
  local open = loop and loop._asyncgens
  if open then open[generator] = nil end
end

local function finish(generator)
  generator._state = "closed"
  generator._thread = nil
  forget(generator)
end

-- The first value that resume() brings says whether the others are to be raised.
local function receive(is_error, ...)
  if is_error then error((...), 0) end
  return ...
end

-- The generator's thread: it ends with true, or with false and the error. The body runs protected inside of it, so that what its
-- `<close>` variables do may await.
local function new_thread(generator)
  local thread
  local function yield(...)
    if library.running() ~= thread then
      fail(exceptions.RuntimeError, "yield() called outside of its generator")
    end
    return receive(core.yield(...))
  end
  thread = library.create(function()
    local arguments = generator._arguments
    return xpcall(generator._body, core.keep_traceback, yield, table.unpack(arguments, 1, arguments.n))
  end)
  return thread
end

-- What a body may not raise: it would look like its end.
local function translate(err)
  if not exceptions.isinstance(err, exceptions.StopAsyncIteration) then return err end
  local translated = exceptions.RuntimeError("async generator raised StopAsyncIteration")
  translated.cause = err
  return translated
end

-- Goes on behind a resume(): calls `ended` with the error, if there is one, or returns what was yielded.
local function deliver(generator, ended, ok, ...)
  if status(generator._thread) ~= "dead" then
    generator._state = "suspended"
    return ...
  end
  finish(generator)
  local is_fine, err = ...
  if not ok then err = is_fine end -- the thread itself could not go on
  if ok and is_fine then return ended(false) end
  return ended(true, translate(err))
end

local function go_on(generator, ended, is_error, ...)
  if generator._state == "new" then
    generator._thread = new_thread(generator)
    generator._state = "running"
    return deliver(generator, ended, resume(generator._thread))
  end
  generator._state = "running"
  return deliver(generator, ended, resume(generator._thread, is_error, ...))
end

-- What the end of the body is for whoever asked.

local function raise_end(failed, err)
  if failed then error(err, 0) end
  fail(exceptions.StopAsyncIteration)
end

local function return_end(failed, err)
  if failed then error(err, 0) end
  return nil
end

local function absorb_exit(failed, err)
  if failed and not exceptions.isinstance(err, exceptions.GeneratorExit) then error(err, 0) end
  return "ended"
end

-- The coroutines behind the methods.

local function send(generator, ...)
  check_idle(generator, "anext")
  if generator._state == "closed" then fail(exceptions.StopAsyncIteration) end
  if generator._state == "new" and (...) ~= nil then
    fail(exceptions.TypeError, "can't send non-None value to a just-started async generator")
  end
  return go_on(generator, raise_end, false, ...)
end
core.name(send, "asend")

local function throw(generator, err)
  check_idle(generator, "athrow")
  if generator._state == "closed" then return nil end
  if generator._state == "new" then
    finish(generator)
    error(err, 0)
  end
  check_exit(generator)
  return go_on(generator, raise_end, true, err)
end
core.name(throw, "athrow")

local function close(generator)
  check_idle(generator, "aclose")
  if generator._state == "closed" then return end
  if generator._state == "new" then return finish(generator) end
  check_exit(generator)
  generator._has_exited = true
  local how = go_on(generator, absorb_exit, true, exceptions.GeneratorExit())
  if generator._state ~= "closed" or how ~= "ended" then
    fail(exceptions.RuntimeError, "async generator ignored GeneratorExit")
  end
end
core.name(close, "aclose")

local Generator = class.define("AsyncGenerator", nil, {
  -- A step of `for … in`.
  __call = function(generator)
    if not generator._has_begun then begin(generator) end
    check_idle(generator, "anext")
    if generator._state == "closed" then return nil end
    return go_on(generator, return_end, false)
  end,

  -- The end of a loop, or of the scope of a `<close>` variable.
  __close = function(generator)
    if generator._state ~= "closed" then close(generator) end
  end,

  -- Nobody can ask any more: a task that the loop makes closes it.
  __gc = function(generator)
    local loop = generator._loop
    if generator._state ~= "suspended" or not loop or loop:is_closed() then return end
    forget(generator)
    loop:call_soon(function() loop:create_task(generator:aclose()) end)
  end,

  __tostring = function(generator)
    return ("<async_generator object %s at %p>"):format(generator._name, generator)
  end,
})

local function method(f)
  return function(generator, ...)
    if not class.isinstance(generator, Generator) then options.typeerror(1, "generator", "AsyncGenerator", generator) end
    if not generator._has_begun then begin(generator) end
    return core.coroutine(f, generator, ...)
  end
end

--- Coroutine: goes on behind the yield(), which returns the values given, to the next one, and returns its values;
--- StopAsyncIteration at the end of the body (Python's agen.asend; with nothing to send, anext).
Generator.asend = method(send)

--- Coroutine: raises an error where the generator is suspended; then as asend (Python's agen.athrow).
local athrow = method(throw)
function Generator:athrow(err)
  if class.isclass(err) then err = err() end
  return athrow(self, err)
end

--- Coroutine: raises GeneratorExit where the generator is suspended, so that it cleans up; RuntimeError if it yields instead
--- (Python's agen.aclose).
Generator.aclose = method(close)

local function name_of(f)
  local info = debug.getinfo(f, "S")
  return ("%s:%d"):format(info.short_src, info.linedefined)
end

--- generator([name,] f): a function that makes async generators, each running f(yield, …) with the arguments of its call.
--- `for value in make(…) do` takes its values, awaits in between, and closes it however the loop is left.
return function(name, f)
  if f == nil and type(name) == "function" then name, f = nil, name end
  options.optional(1, "generator", "string", name)
  options.check(name and 2 or 1, "generator", "function", f)
  name = name or name_of(f)
  return function(...)
    local generator = Generator()
    generator._name, generator._body, generator._arguments, generator._state = name, f, table.pack(...), "new"
    return generator, nil, nil, generator
  end
end
