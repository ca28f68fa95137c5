-- lua/casync/options.lua: options in a last table, lists, argument errors.
local core = require "casync.core"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

local function assert_fails(text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(exceptions.isinstance(err, exceptions.TypeError))
  assert.equal(text, err.message)
end

describe("an argument error", function()
  it("names the argument, the function, what was expected and what came", function()
    assert_fails("bad argument #1 to 'wait_for' (awaitable expected, got number)", options.typeerror, 1, "wait_for",
      "awaitable", 5)
  end)

  it("names the class of an object", function()
    local object = setmetatable({}, {__name = "Thing"})
    assert_fails("bad argument #2 to 'f' (string expected, got Thing)", options.typeerror, 2, "f", "string", object)
    assert_fails("bad argument #2 to 'f' (string expected, got ValueError)", options.typeerror, 2, "f", "string",
      exceptions.ValueError())
  end)

  it("prints as a TypeError", function()
    local _, err = pcall(options.argerror, 3, "f", "what")
    assert.equal("TypeError: bad argument #3 to 'f' (what)", tostring(err))
  end)
end)

describe("check", function()
  it("returns what passes", function()
    assert.equal("x", options.check(1, "f", "string", "x"))
    assert.equal(1.5, options.check(1, "f", "number", 1.5))
    assert.equal(print, options.check(1, "f", "function", print))
  end)

  it("refuses another type", function()
    assert_fails("bad argument #1 to 'f' (string expected, got number)", options.check, 1, "f", "string", 5)
    assert_fails("bad argument #1 to 'f' (integer expected, got number)", options.check, 1, "f", "integer", 5.5)
    assert_fails("bad argument #1 to 'f' (any expected, got nil)", options.check, 1, "f", "any", nil)
  end)

  it("takes anything callable for a function", function()
    local callable = setmetatable({}, {__call = print})
    assert.equal(callable, options.check(1, "f", "function", callable))
    assert_fails("bad argument #1 to 'f' (function expected, got table)", options.check, 1, "f", "function", {})
  end)

  it("takes tables without a metatable for lists", function()
    assert.is_table(options.check(1, "f", "list", {1}))
    assert_fails("bad argument #1 to 'f' (list expected, got table)", options.check, 1, "f", "list",
      setmetatable({}, {}))
  end)

  it("lets nil pass where the argument is optional", function()
    assert.is_nil(options.optional(1, "f", "string", nil))
    assert_fails("bad argument #1 to 'f' (string expected, got boolean)", options.optional, 1, "f", "string", false)
  end)
end)

describe("a table of options", function()
  local allowed = {timeout = "number", return_when = true}

  it("may be left out", function()
    assert.same({}, options.get(2, "wait", allowed, nil))
  end)

  it("is returned", function()
    assert.same({timeout = 1}, options.get(2, "wait", allowed, {timeout = 1}))
  end)

  it("with an unknown name is an error that names it", function()
    assert_fails("unknown option 'foo' to 'wait'", options.get, 2, "wait", allowed, {foo = 1})
    assert_fails("unknown option '1' to 'wait'", options.get, 2, "wait", allowed, {1})
  end)

  it("with a value of a wrong type is an error", function()
    assert_fails("bad option 'timeout' to 'wait' (number expected, got string)", options.get, 2, "wait", allowed,
      {timeout = "1"})
  end)

  it("is a table without a metatable, or one marked with kw", function()
    assert.same(1, options.get(2, "wait", allowed, core.kw {timeout = 1}).timeout)
    assert_fails("bad argument #2 to 'wait' (table of options expected, got number)", options.get, 2, "wait", allowed, 1)
    assert_fails("bad argument #2 to 'wait' (table of options expected, got table)", options.get, 2, "wait", allowed,
      setmetatable({}, {}))
  end)
end)

describe("marked options", function()
  it("are taken from the end, the arguments before them counted", function()
    local opts, n = options.marked("call_soon", {context = true}, 1, nil, core.kw {context = "c"})
    assert.equal("c", opts.context)
    assert.equal(2, n)
  end)

  it("are none where the last table is not marked", function()
    local opts, n = options.marked("call_soon", {context = true}, 1, {context = "c"})
    assert.same({}, opts)
    assert.equal(2, n)
    assert.equal(0, select(2, options.marked("call_soon", {})))
  end)

  it("with an unknown name are an error", function()
    assert_fails("unknown option 'foo' to 'call_soon'", options.marked, "call_soon", {}, core.kw {foo = 1})
  end)
end)

describe("arguments that may also come as one table", function()
  local allowed = {return_exceptions = "boolean"}

  local function packed(...)
    local items, n, opts = options.pack("gather", allowed, ...)
    return {items, n, opts}
  end

  it("come one by one", function()
    assert.same({{1, 2}, 2, {}}, packed(1, 2))
    assert.same({{}, 0, {}}, packed())
  end)

  it("come one by one with options behind them", function()
    assert.same({{1, 2}, 2, {return_exceptions = true}}, packed(1, 2, {return_exceptions = true}))
    assert.same({{}, 0, {return_exceptions = true}}, packed {return_exceptions = true})
  end)

  it("come as a list", function()
    assert.same({{1, 2}, 2, {}}, packed {1, 2})
    assert.same({{}, 0, {}}, packed {})
  end)

  it("come as a list with options in it", function()
    assert.same({{1, 2}, 2, {return_exceptions = true}}, packed {1, 2, return_exceptions = true})
  end)

  it("come as a list and options", function()
    assert.same({{1, 2}, 2, {return_exceptions = true}}, packed({1, 2}, {return_exceptions = true}))
  end)

  it("come as a list that counts its holes", function()
    assert.same({{1, nil, 3}, 3, {}}, packed {1, nil, 3, n = 3})
  end)

  it("are values where they have a metatable", function()
    local value = setmetatable({}, {})
    assert.same({{value}, 1, {}}, packed(value))
    assert.same({{1, value}, 2, {}}, packed(1, value))
  end)

  it("with an unknown option are an error in each form", function()
    local text = "unknown option 'foo' to 'gather'"
    assert_fails(text, packed, 1, {foo = 1})
    assert_fails(text, packed, {1, foo = 1})
    assert_fails(text, packed, {1}, {foo = 1})
    assert_fails(text, packed, {foo = 1})
  end)

  it("are not written to", function()
    local list = {1, 2, return_exceptions = true}
    options.pack("gather", allowed, list)
    assert.same({1, 2, return_exceptions = true}, list)
  end)
end)
