-- lua/casync/exceptions.lua, exceptions/detail.lua, exceptions/group.lua: the hierarchy, groups, pcall and xpcall.
local class = require "casync.class"
local core = require "casync.core"
local exceptions = require "casync.exceptions"

local isinstance = exceptions.isinstance

-- The error that a function raises.
local function raised(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

local function assert_raises(C, text, f, ...)
  local err = raised(f, ...)
  assert.is_true(isinstance(err, C), tostring(err))
  assert.equal(text, err.message)
end

describe("the hierarchy", function()
  local parents = {
    Exception = "BaseException", CancelledError = "BaseException", KeyboardInterrupt = "BaseException",
    SystemExit = "BaseException", GeneratorExit = "BaseException", BaseExceptionGroup = "BaseException",
    ExceptionGroup = "Exception", InvalidStateError = "Exception", QueueEmpty = "Exception", QueueFull = "Exception",
    QueueShutDown = "Exception", BrokenBarrierError = "RuntimeError", IncompleteReadError = "EOFError",
    LimitOverrunError = "Exception", SendfileNotAvailableError = "RuntimeError", RuntimeError = "Exception",
    ValueError = "Exception", TypeError = "Exception", LookupError = "Exception", KeyError = "LookupError",
    IndexError = "LookupError", StopAsyncIteration = "Exception", AssertionError = "Exception", EOFError = "Exception",
    NotImplementedError = "RuntimeError", RecursionError = "RuntimeError", OSError = "Exception",
    TimeoutError = "OSError", BlockingIOError = "OSError", ChildProcessError = "OSError", ConnectionError = "OSError",
    BrokenPipeError = "ConnectionError", ConnectionAbortedError = "ConnectionError",
    ConnectionRefusedError = "ConnectionError", ConnectionResetError = "ConnectionError", FileExistsError = "OSError",
    FileNotFoundError = "OSError", InterruptedError = "OSError", IsADirectoryError = "OSError",
    NotADirectoryError = "OSError", PermissionError = "OSError", ProcessLookupError = "OSError", SSLError = "OSError",
    SSLCertVerificationError = "SSLError", SSLEOFError = "SSLError", SSLZeroReturnError = "SSLError",
    gaierror = "OSError",
  }

  for name, parent in pairs(parents) do
    it(("has %s right below %s"):format(name, parent), function()
      assert.equal(exceptions[parent], getmetatable(exceptions[name]).__super)
      assert.equal(name, exceptions[name].name)
    end)
  end

  it("has nothing else", function()
    assert.is_nil(exceptions.NoSuchError)
    for name, value in pairs(exceptions) do
      if class.isclass(value) then assert.is_true(name == "BaseException" or parents[name] ~= nil, name) end
    end
  end)

  it("has ExceptionGroup below BaseExceptionGroup too", function()
    assert.is_true(class.issubclass(exceptions.ExceptionGroup, exceptions.BaseExceptionGroup))
  end)

  it("is the same after the files are loaded again", function()
    local before = {exceptions.ValueError, exceptions.TimeoutError}
    package.loaded["casync.exceptions"], package.loaded["casync.class"] = nil, nil
    local again = require "casync.exceptions"
    assert.same(before, {again.ValueError, again.TimeoutError})
    assert.equal(exceptions, again)
  end)

  it("is what the core raises from", function()
    local loop = core.new_loop {virtual = true}
    local err = raised(function() loop:create_future():result() end)
    assert.is_true(isinstance(err, exceptions.InvalidStateError))
    loop:close()
  end)
end)

describe("an exception", function()
  it("has the message it was given", function()
    assert.equal("no", exceptions.ValueError("no").message)
  end)

  it("has an empty message if none was given", function()
    assert.equal("", exceptions.CancelledError().message)
  end)

  it("prints its class and message", function()
    assert.equal("ValueError: no", tostring(exceptions.ValueError("no")))
    assert.equal("CancelledError", tostring(exceptions.CancelledError()))
  end)

  it("keeps several arguments", function()
    assert.same({"a", 2, n = 2}, exceptions.ValueError("a", 2).args)
  end)

  it("makes a text of a message that is no string, and keeps it as an argument", function()
    local err = exceptions.ValueError(42)
    assert.equal("42", err.message)
    assert.same({42, n = 1}, err.args)
  end)

  it("works when C has made it without init", function()
    local err = setmetatable({}, exceptions.CancelledError.__meta)
    assert.equal("", err.message)
    assert.equal("CancelledError", tostring(err))
  end)

  it("travels through error unchanged", function()
    local err = exceptions.ValueError("no")
    assert.equal(err, raised(error, err))
  end)

  it("can be subclassed", function()
    local MyError = exceptions.ValueError:subclass("MyError")
    local err = MyError("mine")
    assert.equal("MyError: mine", tostring(err))
    assert.equal("MyError", err.name)
    assert.is_true(isinstance(err, exceptions.ValueError))
  end)

  it("can be subclassed with an init that forgets the parent's", function()
    local MyError = exceptions.Exception:subclass("MyError", {init = function(self, code) self.code = code end})
    local err = MyError(7)
    assert.equal(7, err.code)
    assert.equal("MyError", tostring(err))
  end)

  it("can be subclassed with a text of its own", function()
    local MyError = exceptions.Exception:subclass("MyError", {__tostring = function() return "custom" end})
    assert.equal("custom", tostring(MyError("x")))
  end)
end)

describe("exceptions with data", function()
  it("SystemExit has a code", function()
    assert.equal(3, exceptions.SystemExit(3).code)
    assert.equal("SystemExit: 3", tostring(exceptions.SystemExit(3)))
    assert.is_nil(exceptions.SystemExit().code)
    assert.equal("SystemExit", tostring(exceptions.SystemExit()))
  end)

  it("IncompleteReadError has the partial bytes and what was expected", function()
    local err = exceptions.IncompleteReadError("abc", 5)
    assert.equal("abc", err.partial)
    assert.equal(5, err.expected)
    assert.equal("3 bytes read on a total of 5 expected bytes", err.message)
  end)

  it("IncompleteReadError may expect an unknown number", function()
    local err = exceptions.IncompleteReadError("", nil)
    assert.is_nil(err.expected)
    assert.equal("0 bytes read on a total of undefined expected bytes", err.message)
  end)

  it("LimitOverrunError says how many bytes may go", function()
    local err = exceptions.LimitOverrunError("too long", 12)
    assert.equal("too long", err.message)
    assert.equal(12, err.consumed)
  end)
end)

describe("OSError", function()
  it("with a number and a text has both", function()
    local err = exceptions.OSError(9999, "odd")
    assert.equal(9999, err.errno)
    assert.equal("odd", err.strerror)
    assert.equal("OSError: [Errno 9999] odd", tostring(err))
  end)

  it("names the file", function()
    local err = exceptions.OSError(2, "No such file or directory", "x.txt")
    assert.equal("x.txt", err.filename)
    assert.equal("FileNotFoundError: [Errno 2] No such file or directory: 'x.txt'", tostring(err))
  end)

  it("with a message only has no number", function()
    local err = exceptions.OSError("broken")
    assert.is_nil(err.errno)
    assert.equal("OSError: broken", tostring(err))
  end)

  it("becomes the subclass that Python has for the number", function()
    local _, text, errno = io.open("/nonexistent/x")
    assert.is_true(isinstance(exceptions.OSError(errno, text), exceptions.FileNotFoundError))
    assert.is_true(isinstance(exceptions.OSError(32, "pipe"), exceptions.BrokenPipeError))
    assert.is_true(isinstance(exceptions.OSError(1, "perm"), exceptions.PermissionError))
    assert.is_true(isinstance(exceptions.OSError(13, "access"), exceptions.PermissionError))
  end)

  it("knows the numbers of this platform", function()
    local _, text, errno = io.open(("x"):rep(65536))
    local refused = errno == 36 and 111 or 61
    assert.equal("ConnectionRefusedError", exceptions.OSError(refused, text).name)
    assert.equal("TimeoutError", exceptions.OSError(errno == 36 and 110 or 60, text).name)
  end)

  it("subclasses stay what they are", function()
    assert.equal("ConnectionResetError", exceptions.ConnectionResetError(2, "x").name)
    assert.equal("Mine", exceptions.OSError:subclass("Mine")(2, "x").name)
  end)

  it("TimeoutError needs no number", function()
    assert.equal("TimeoutError", tostring(exceptions.TimeoutError()))
    assert.equal("TimeoutError: slow", tostring(exceptions.TimeoutError("slow")))
  end)
end)

describe("is_exception", function()
  it("is true for what is below Exception", function()
    assert.is_true(exceptions.is_exception(exceptions.ValueError()))
    assert.is_true(exceptions.is_exception(exceptions.ExceptionGroup("g", {"x"})))
  end)

  it("is true for strings, tables, nil and other values", function()
    for _, value in ipairs {"x", 1, true, {}, setmetatable({}, {}), print} do
      assert.is_true(exceptions.is_exception(value))
    end
    assert.is_true(exceptions.is_exception(nil))
  end)

  it("is false for cancellation, KeyboardInterrupt, SystemExit, GeneratorExit and groups that hold one", function()
    for _, name in ipairs {"CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit"} do
      assert.is_false(exceptions.is_exception(exceptions[name]()))
    end
    assert.is_false(exceptions.is_exception(exceptions.BaseExceptionGroup("g", {exceptions.CancelledError()})))
  end)
end)

describe("a group", function()
  local ValueError, TypeError, OSError = exceptions.ValueError, exceptions.TypeError, exceptions.OSError
  local group

  before_each(function()
    group = exceptions.ExceptionGroup("outer", {
      ValueError("1"), TypeError("2"), exceptions.ExceptionGroup("inner", {ValueError("3"), OSError("4")}),
    })
  end)

  -- "outer(1 inner(3))": the shape of a group.
  local function shape(err)
    if err == nil then return "nil" end
    if not err.exceptions then return err.message end
    local parts = {}
    for i, member in ipairs(err.exceptions) do parts[i] = shape(member) end
    return ("%s(%s)"):format(err.message, table.concat(parts, " "))
  end

  it("has a message and members", function()
    assert.equal("outer", group.message)
    assert.equal(3, #group.exceptions)
  end)

  it("prints how many members it has", function()
    assert.equal("ExceptionGroup: outer (3 sub-exceptions)", tostring(group))
    assert.equal("ExceptionGroup: g (1 sub-exception)", tostring(exceptions.ExceptionGroup("g", {"x"})))
  end)

  it("is an Exception and a BaseExceptionGroup", function()
    assert.is_true(isinstance(group, exceptions.Exception))
    assert.is_true(isinstance(group, exceptions.BaseExceptionGroup))
  end)

  it("made as BaseExceptionGroup of ordinary exceptions is an ExceptionGroup", function()
    assert.equal(exceptions.ExceptionGroup, class.of(exceptions.BaseExceptionGroup("g", {ValueError(), "text"})))
  end)

  it("with a BaseException inside is a BaseExceptionGroup and no Exception", function()
    local base = exceptions.BaseExceptionGroup("g", {exceptions.KeyboardInterrupt()})
    assert.equal(exceptions.BaseExceptionGroup, class.of(base))
    assert.is_false(isinstance(base, exceptions.Exception))
  end)

  it("keeps its members when the list changes", function()
    local list = {ValueError()}
    local copy = exceptions.ExceptionGroup("g", list)
    list[2] = TypeError()
    assert.equal(1, #copy.exceptions)
  end)

  it("refuses an empty list, a wrong message, wrong members", function()
    assert_raises(ValueError, "second argument (exceptions) must be a non-empty list", exceptions.ExceptionGroup, "g", {})
    assert_raises(TypeError, "second argument (exceptions) must be a list", exceptions.ExceptionGroup, "g", 5)
    assert_raises(TypeError, "bad argument #1 to 'ExceptionGroup' (string expected, got number)",
      exceptions.ExceptionGroup, 1, {ValueError()})
    assert_raises(TypeError, "Cannot nest BaseExceptions in an ExceptionGroup", exceptions.ExceptionGroup, "g",
      {exceptions.CancelledError()})
    local MyGroup = exceptions.ExceptionGroup:subclass("MyGroup")
    assert_raises(TypeError, "Cannot nest BaseExceptions in 'MyGroup'", MyGroup, "g", {exceptions.CancelledError()})
    local Other = class.define("Other")
    assert_raises(ValueError, "Item 2 of second argument (exceptions) is not an exception", exceptions.ExceptionGroup,
      "g", {"x", Other()})
  end)

  it("gives the subgroup of a class, nested groups kept", function()
    assert.equal("outer(1 inner(3))", shape(group:subgroup(ValueError)))
    assert.equal("nil", shape(group:subgroup(exceptions.KeyError)))
  end)

  it("gives the subgroup of several classes", function()
    assert.equal("outer(2 inner(4))", shape(group:subgroup {TypeError, OSError}))
  end)

  it("gives the subgroup that a function accepts", function()
    local asked = {}
    local found = group:subgroup(function(err)
      asked[#asked + 1] = shape(err)
      return err.message == "3"
    end)
    assert.equal("outer(inner(3))", shape(found))
    assert.same({"outer(1 2 inner(3 4))", "1", "2", "inner(3 4)", "3", "4"}, asked)
  end)

  it("is its own subgroup where it matches as a whole", function()
    assert.equal(group, group:subgroup(exceptions.Exception))
    assert.not_equal(group, group:subgroup {ValueError, TypeError, OSError})
  end)

  it("splits in what matches and the rest", function()
    local match, rest = group:split(ValueError)
    assert.equal("outer(1 inner(3))", shape(match))
    assert.equal("outer(2 inner(4))", shape(rest))
  end)

  it("splits with nil for an empty part", function()
    local match, rest = group:split(exceptions.Exception)
    assert.equal(group, match)
    assert.is_nil(rest)
    match, rest = group:split(exceptions.KeyError)
    assert.is_nil(match)
    assert.equal("outer(1 2 inner(3 4))", shape(rest))
  end)

  it("counts strings and tables as Exceptions when it is taken apart", function()
    local mixed = exceptions.BaseExceptionGroup("g", {"text", exceptions.CancelledError("c"), {}})
    local match, rest = mixed:split(exceptions.Exception)
    assert.equal(2, #match.exceptions)
    assert.equal("g(c)", shape(rest))
    assert.is_nil(mixed:subgroup(ValueError))
  end)

  it("hands cause, context and traceback on to its parts", function()
    group.cause, group.context, group.traceback = "a", "b", "c"
    local match = group:subgroup(ValueError)
    assert.same({"a", "b", "c"}, {match.cause, match.context, match.traceback})
  end)

  it("derives a group of the same message", function()
    assert.equal("outer(9)", shape(group:derive {ValueError("9")}))
  end)

  it("of a subclass derives what the subclass says", function()
    local MyGroup = exceptions.ExceptionGroup:subclass("MyGroup")
    assert.equal(exceptions.ExceptionGroup, class.of(MyGroup("g", {ValueError(), TypeError()}):subgroup(ValueError)))
    function MyGroup:derive(list) return MyGroup(self.message, list) end
    assert.equal(MyGroup, class.of(MyGroup("g", {ValueError(), TypeError()}):subgroup(ValueError)))
  end)

  it("refuses conditions that are none", function()
    for _, condition in ipairs {"x", 5, {}, {5}, class.define("Other")} do
      assert_raises(TypeError, "expected a function, exception class or list of exception classes", group.subgroup,
        group, condition)
    end
  end)
end)

describe("pcall that is except Exception", function()
  it("returns what the function returns", function()
    assert.same({true, 1, nil, 3, n = 4}, table.pack(exceptions.pcall(function(...) return ... end, 1, nil, 3)))
  end)

  it("catches Exceptions, strings and tables", function()
    for _, value in ipairs {exceptions.ValueError("x"), "text", {}} do
      assert.same({false, value, n = 2}, table.pack(exceptions.pcall(error, value, 0)))
    end
  end)

  it("lets cancellation, KeyboardInterrupt and SystemExit pass, the same object", function()
    for _, name in ipairs {"CancelledError", "KeyboardInterrupt", "SystemExit"} do
      local err = exceptions[name]("x")
      assert.equal(err, raised(exceptions.pcall, error, err))
    end
  end)

  it("can be left by a yield and come back", function()
    local co = coroutine.wrap(function()
      return exceptions.pcall(function() error(coroutine.yield("left"), 0) end)
    end)
    assert.equal("left", co())
    assert.same({false, "back"}, {co("back")})
  end)
end)

describe("xpcall that is except Exception", function()
  it("returns what the function returns", function()
    assert.same({true, 1, 2}, {exceptions.xpcall(function(...) return ... end, print, 1, 2)})
  end)

  it("returns what the handler makes of an Exception", function()
    assert.same({false, "handled boom"},
      {exceptions.xpcall(error, function(err) return "handled " .. err end, "boom", 0)})
  end)

  it("lets cancellation pass, unseen by the handler", function()
    local seen = false
    local err = exceptions.CancelledError()
    assert.equal(err, raised(exceptions.xpcall, error, function() seen = true end, err))
    assert.is_false(seen)
  end)

  it("catches an Exception that replaced a cancellation on its way out", function()
    local guard = setmetatable({}, {__close = function() error("replaced", 0) end})
    local function body()
      local _ <close> = guard
      error(exceptions.CancelledError())
    end
    assert.same({false, "replaced"}, {exceptions.xpcall(body, function(err) return err end)})
  end)

  it("passes a cancellation that replaced an Exception on its way out", function()
    local err = exceptions.CancelledError()
    local guard = setmetatable({}, {__close = function() error(err, 0) end})
    local function body()
      local _ <close> = guard
      error("first", 0)
    end
    assert.equal(err, raised(exceptions.xpcall, body, function(e) return e end))
  end)

  it("can be left by a yield and come back", function()
    local co = coroutine.wrap(function()
      return exceptions.xpcall(function() error(coroutine.yield("left"), 0) end, function(err) return err .. "!" end)
    end)
    assert.equal("left", co())
    assert.same({false, "back!"}, {co("back")})
  end)
end)

describe("in a task", function()
  local asyncio = require "casync"
  local await = asyncio.await

  for _, name in ipairs {"pcall", "xpcall"} do
    local function guarded(f)
      if name == "pcall" then return asyncio.pcall(f) end
      return asyncio.xpcall(f, function(err) return err end)
    end

    it(name .. " lets its function await", function()
      assert.same({true, "slept"}, {asyncio.testing.run(function()
        return guarded(function()
          await(asyncio.sleep(1))
          return "slept"
        end)
      end)})
    end)

    it(name .. " catches what is raised after an await", function()
      assert.same({false, "late"}, {asyncio.testing.run(function()
        return guarded(function()
          await(asyncio.sleep(1))
          error("late", 0)
        end)
      end)})
    end)

    it(name .. " lets a cancellation pass", function()
      local reached = false
      local task = asyncio.testing.run(function()
        local task = asyncio.create_task(function()
          guarded(function() await(asyncio.sleep(10)) end)
          reached = true
        end)
        await(asyncio.sleep(1))
        task:cancel("enough")
        await(asyncio.wait {task})
        return task
      end)
      assert.is_true(task:cancelled())
      assert.is_false(reached)
    end)
  end

  it("a timeout inside pcall is caught as the TimeoutError it became", function()
    local ok, err = asyncio.testing.run(function()
      return asyncio.pcall(function() await(asyncio.wait_for(asyncio.sleep(10), 1)) end)
    end)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.TimeoutError))
  end)

  it("any value travels unchanged", function()
    for _, value in ipairs {"text", {}, setmetatable({}, {}), 5, false, exceptions.ValueError("x")} do
      local ok, err = pcall(asyncio.testing.run, function()
        await(asyncio.create_task(function() error(value, 0) end))
      end)
      assert.is_false(ok)
      assert.equal(value, err)
    end
  end)
end)
