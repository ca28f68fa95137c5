-- lua/casync/loop/exceptions.lua and debug/report.lua: the loop's exception handler and what the default one logs.
local core = require "casync.core"
require "casync.loop.exceptions"
local contextvars = require "casync.contextvars"
local exceptions = require "casync.exceptions"
local log = require "casync.log"

local loop, logged

before_each(function()
  loop, logged = core.new_loop {virtual = true}, {}
  log.logger.handler = function(level, text) logged[#logged + 1] = level .. ": " .. text end
end)

after_each(function()
  log.logger.handler = nil
  loop:close()
end)

-- Runs one iteration.
local function turn()
  loop:stop()
  loop:_run()
end

describe("set_exception_handler", function()
  it("sets what get_exception_handler returns, nil at first", function()
    assert.is_nil(loop:get_exception_handler())
    loop:set_exception_handler(print)
    assert.equal(print, loop:get_exception_handler())
    loop:set_exception_handler(nil)
    assert.is_nil(loop:get_exception_handler())
  end)

  it("takes anything callable and refuses the rest (E10)", function()
    loop:set_exception_handler(setmetatable({}, {__call = function() end}))
    local ok, err = pcall(loop.set_exception_handler, loop, "x")
    assert.is_false(ok)
    assert.equal("TypeError: A callable object or nil is expected, got x", tostring(err))
  end)
end)

describe("call_exception_handler", function()
  it("calls the handler with the loop and the context", function()
    local seen
    loop:set_exception_handler(function(...) seen = table.pack(...) end)
    local context = {message = "m"}
    loop:call_exception_handler(context)
    assert.same(2, seen.n)
    assert.equal(loop, seen[1])
    assert.equal(context, seen[2])
    assert.same({}, logged)
  end)

  it("without a handler logs at error level", function()
    loop:call_exception_handler {message = "m"}
    assert.same({"ERROR: m"}, logged)
  end)

  it("logs the original context when the handler raises (E2)", function()
    loop:set_exception_handler(function() error("broken", 0) end)
    loop:call_exception_handler {message = "m"}
    assert.same({"ERROR: Unhandled error in exception handler\ncontext: {message = 'm'}\nbroken"}, logged)
  end)

  it("logs when the default handler raises, and never propagates that (E2)", function()
    loop.default_exception_handler = function() error(exceptions.CancelledError("c")) end
    loop:call_exception_handler {message = "m"}
    loop:set_exception_handler(function() error("broken", 0) end)
    loop:call_exception_handler {message = "m"}
    assert.same({"ERROR: Exception in default exception handler\nCancelledError: c",
      "ERROR: Exception in default exception handler while handling an unexpected error in custom exception handler\n"
      .. "CancelledError: c"}, logged)
  end)

  it("lets KeyboardInterrupt and SystemExit pass out of either handler (E2)", function()
    for _, name in ipairs {"KeyboardInterrupt", "SystemExit"} do
      local err = exceptions[name]()
      local function handler() error(err) end
      loop:set_exception_handler(handler)
      assert.same({false, err}, {pcall(loop.call_exception_handler, loop, {})})
      loop:set_exception_handler(nil)
      loop.default_exception_handler = handler
      assert.same({false, err}, {pcall(loop.call_exception_handler, loop, {})})
      loop.default_exception_handler = nil
    end
  end)

  it("is told about a callback that fails (E1), and the loop goes on (L15)", function()
    local context, went_on
    loop:set_exception_handler(function(_, c) context = c end)
    local handle = loop:call_soon(function() error("boom", 0) end)
    loop:call_soon(function() went_on = true end)
    turn()
    assert.matches("^Exception in callback", context.message)
    assert.equal("boom", context.exception)
    assert.equal(handle, context.handle)
    assert.is_true(went_on)
  end)

  it("is told about a cancellation that leaves a callback (L15)", function()
    local context
    loop:set_exception_handler(function(_, c) context = c end)
    loop:call_soon(function() error(exceptions.CancelledError()) end)
    turn()
    assert.equal("CancelledError", tostring(context.exception))
  end)

  it("runs in the context of the handle named in the error (E4)", function()
    local var, seen = contextvars.ContextVar("x", {default = "none"}), nil
    loop:set_exception_handler(function() seen = var:get() end)
    local ctx = contextvars.Context()
    ctx:run(var.set, var, "the handle's")
    loop:call_soon(function() error("boom", 0) end, core.kw {context = ctx})
    turn()
    assert.equal("the handle's", seen)
    assert.equal("none", var:get())
  end)

  it("survives strange contexts", function()
    loop:set_exception_handler(function() end)
    loop:call_exception_handler {task = 5, future = "x"}
    loop:call_exception_handler {}
    assert.same({}, logged)
  end)
end)

describe("the default handler", function()
  local function text_of(context)
    loop:default_exception_handler(context)
    return (logged[#logged]:gsub("^ERROR: ", ""))
  end

  it("prints the message, the other keys sorted, then the exception with its traceback (E3)", function()
    local err = exceptions.ValueError("x")
    assert.equal("failed\nalpha: 'a'\nzeta: {1, 2, k = 'v'}\nValueError: x\nstack traceback:\n\tfile.lua:1: in f",
      text_of {zeta = {1, 2, k = "v"}, alpha = "a", message = "failed", exception = err,
        traceback = "stack traceback:\n\tfile.lua:1: in f\n"})
  end)

  it("has a message for contexts that have none (E3)", function()
    assert.equal("Unhandled exception in event loop", text_of {})
    assert.equal("Unhandled exception in event loop", text_of {message = ""})
  end)

  it("shows where an object was created", function()
    assert.equal("m\nsource_traceback: Object created at:\nfile.lua:1", text_of {message = "m",
      source_traceback = "file.lua:1\n"})
  end)

  it("prints any value as an exception", function()
    assert.equal("m\nboom", text_of {message = "m", exception = "boom"})
    assert.equal("m\n(error object is a table value) {1, 2}", text_of {message = "m", exception = {1, 2}})
    assert.equal("m\nfalse", text_of {message = "m", exception = false})
    local bad = setmetatable({}, {__tostring = function() error("no text") end})
    assert.matches("^m\ntable: 0x%x+$", text_of {message = "m", exception = bad})
  end)

  it("does not repeat the message of a traceback", function()
    assert.equal("m\nboom\nstack traceback:\n\tx", text_of {message = "m", exception = "boom",
      traceback = "boom\nstack traceback:\n\tx"})
  end)

  it("prints causes before what they caused", function()
    local err = exceptions.TimeoutError()
    err.cause = exceptions.CancelledError("c")
    assert.equal("m\nCancelledError: c\n\nThe above exception was the direct cause of the following exception:\n\n"
      .. "TimeoutError", text_of {message = "m", exception = err})
    err.cause, err.context = nil, exceptions.ValueError("v")
    assert.equal("m\nValueError: v\n\nDuring handling of the above exception, another exception occurred:\n\n"
      .. "TimeoutError", text_of {message = "m", exception = err})
  end)

  it("prints causes that form a circle once", function()
    local a, b = exceptions.ValueError("a"), exceptions.ValueError("b")
    a.cause, b.cause = b, a
    assert.matches("^m\nValueError: b.*ValueError: a$", text_of {message = "m", exception = a})
  end)

  it("prints groups as a tree with the tracebacks of their members", function()
    local ve, inner = exceptions.ValueError("x"), exceptions.ExceptionGroup("inner", {exceptions.OSError("o")})
    ve.traceback = "stack traceback:\n\tfile.lua:1: in f"
    local expected = table.concat({"m",
      "  + ExceptionGroup: outer (3 sub-exceptions)",
      "  +-+---------------- 1 ----------------",
      "    | ValueError: x",
      "    | stack traceback:",
      "    | \tfile.lua:1: in f",
      "    +---------------- 2 ----------------",
      "    | text",
      "    +---------------- 3 ----------------",
      "    | ExceptionGroup: inner (1 sub-exception)",
      "    +-+---------------- 1 ----------------",
      "      | OSError: o",
      "      +------------------------------------"}, "\n")
    assert.equal(expected, text_of {message = "m", exception = exceptions.ExceptionGroup("outer", {ve, "text", inner})})
  end)

  it("cuts wide groups short", function()
    local many = {}
    for i = 1, 17 do many[i] = "e" .. i end
    assert.matches("| e15\n    %+%-+ %.%.%. %-+\n    | and 2 more exceptions\n    %+%-+$",
      text_of {message = "m", exception = exceptions.ExceptionGroup("g", many)})
  end)
end)

describe("reports without a loop", function()
  it("go to the log", function()
    core.hooks.report {message = "lost", exception = "boom"}
    assert.same({"ERROR: lost\nboom"}, logged)
  end)
end)
