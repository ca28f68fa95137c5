-- asyncio.Buffer: bytes that can be changed, and views of them.
local asyncio = require "casync"
local Buffer = asyncio.Buffer

local function buffer_of(bytes)
  local b = Buffer(#bytes)
  b:set(1, bytes)
  return b
end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(class == nil and type(err) == "string" or class ~= nil and asyncio.isinstance(err, class), tostring(err))
  assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
end

describe("a Buffer", function()
  it("has as many bytes as it was made with, all 0", function()
    for _, n in ipairs{0, 1, 5, 70000} do
      assert.equal(n, #Buffer(n))
      assert.equal(("\0"):rep(n), Buffer(n):sub(1, -1))
    end
  end)

  it("refuses sizes that are none", function()
    raises(nil, "out of range", Buffer, -1)
    raises(nil, "out of range", Buffer, math.maxinteger)
    raises(nil, "number expected, got no value", Buffer)
    raises(nil, "number expected, got string", Buffer, "abc")
    raises(nil, "no integer representation", Buffer, 1.5)
  end)

  it("is readable as text", function()
    assert.equal("<Buffer of 3 bytes>", tostring(Buffer(3)))
    assert.equal("<class 'Buffer'>", tostring(Buffer))
  end)

  it("is the same class when its file is loaded again", function()
    package.loaded["casync.buffer"] = nil
    assert.equal(Buffer, require("casync.buffer").Buffer)
  end)

  it("cannot be initialized twice", function()
    local b = buffer_of("abc")
    raises(asyncio.RuntimeError, "initialized already", b.init, b, 100)
    assert.equal("abc", b:sub(1, -1))
  end)

  it("has methods that check what they are called with", function()
    for _, name in ipairs{"sub", "set", "find", "view"} do
      raises(nil, "Buffer expected, got table", Buffer[name], {}, 1, "x")
      raises(nil, "Buffer expected, got FILE*", Buffer[name], io.stdout, 1, "x")
    end
  end)

  it("can be subclassed, with fields and an init of its own", function()
    local Named = Buffer:subclass("Named", {init = function(self, name, n)
      Buffer.init(self, n)
      self.title = name
    end})
    local named = Named("first", 4)
    named:set(-2, "xy")
    assert.equal("first", named.title)
    assert.equal("\0\0xy", named:sub(1, -1))
    assert.equal(4, #named)
    assert.equal("<Named of 4 bytes>", tostring(named))
    assert.is_true(asyncio.isinstance(named, Buffer))
  end)

  it("is empty where a subclass's init did not call the parent's", function()
    local Lazy = Buffer:subclass("Lazy", {init = function() end})
    local lazy = Lazy()
    assert.equal(0, #lazy)
    assert.equal("", lazy:sub(1, -1))
    assert.is_nil(lazy:find("x"))
    raises(asyncio.IndexError, "do not fit", lazy.set, lazy, 1, "x")
    raises(asyncio.RuntimeError, "not initialized", lazy.view, lazy)
    lazy:set(1, "")
  end)
end)

describe("Buffer:sub", function()
  it("is string.sub for all positions", function()
    local text = "hello"
    local b = buffer_of(text)
    local ends = {math.mininteger, -7, -6, -5, -2, -1, 0, 1, 2, 4, 5, 6, 7, math.maxinteger}
    for _, i in ipairs(ends) do
      assert.equal(text:sub(i), b:sub(i))
      for _, j in ipairs(ends) do
        assert.equal(text:sub(i, j), b:sub(i, j))
        assert.equal(text:sub(i, j), b:view(i, j):sub())
        assert.equal(#text:sub(i, j), #b:view(i, j))
      end
    end
  end)

  it("gives a string that later changes leave alone", function()
    local b = buffer_of("abc")
    local before = b:sub(1, 2)
    b:set(1, "xyz")
    assert.equal("ab", before)
  end)

  it("takes numbers only", function()
    raises(nil, "bad argument #1 to 'sub' (number expected, got table)", function() Buffer(1):sub{} end)
  end)
end)

describe("Buffer:set", function()
  it("puts bytes at a position, counted from either end", function()
    local b = Buffer(6)
    b:set(1, "ab")
    b:set(3, "cd")
    b:set(-2, "yz")
    assert.equal("abcdyz", b:sub(1, -1))
  end)

  it("takes bytes of any value, and Buffers", function()
    local b = Buffer(5)
    b:set(1, "\0\255\n")
    b:set(4, buffer_of("pq"))
    assert.equal("\0\255\npq", b:sub(1, -1))
  end)

  it("refuses what does not fit, and leaves the bytes alone", function()
    local b = buffer_of("abcde")
    for _, case in ipairs{{1, "123456"}, {5, "xy"}, {6, "x"}, {0, "x"}, {-6, "x"}, {-1, "xy"}, {7, ""},
      {math.maxinteger, "x"}, {math.mininteger, "x"}} do
      raises(asyncio.IndexError, ("%d bytes at position %d do not fit into 5"):format(#case[2], case[1]), b.set, b, case[1], case[2])
    end
    assert.equal("abcde", b:sub(1, -1))
  end)

  it("has room for nothing right behind the end", function()
    local b = buffer_of("abc")
    b:set(4, "")
    Buffer(0):set(1, "")
    assert.equal("abc", b:sub(1, -1))
  end)

  it("moves a part of itself", function()
    local b = buffer_of("abcdefgh")
    b:set(3, b:view(1, 5))
    assert.equal("ababcdeh", b:sub(1, -1))
    b = buffer_of("abcdefgh")
    b:set(1, b:view(3, 7))
    assert.equal("cdefgfgh", b:sub(1, -1))
  end)

  it("says what it takes for bytes", function()
    local b = Buffer(3)
    for value, name in pairs{[1] = "number", [true] = "boolean", [{}] = "table", [print] = "function",
      [io.stdout] = "FILE*", [asyncio.new_event_loop] = "function"} do
      raises(asyncio.TypeError, "data argument must be a bytes-like object (string or asyncio.Buffer), got " .. name, b.set, b, 1, value)
    end
    raises(asyncio.TypeError, "got nil", b.set, b, 1, nil)
    raises(asyncio.TypeError, "got no value", b.set, b, 1)
    raises(nil, "number expected, got nil", b.set, b, nil, "x")
  end)
end)

describe("Buffer:find", function()
  it("is a plain string.find for all positions", function()
    local text = "abcabca.%b"
    local b = buffer_of(text)
    for _, what in ipairs{"", "a", "abc", "bca", "ca.", "%b", ".", "abcabca.%b", "abcabca.%bc", "x", "ac"} do
      assert.same({text:find(what, 1, true)}, {b:find(what)})
      for init = -12, 12 do
        assert.same({text:find(what, init, true)}, {b:find(what, init)})
        assert.same({text:find(what, init, true)}, {b:find(buffer_of(what), init)})
      end
    end
  end)

  it("finds zeros and what repeats itself", function()
    local b = buffer_of("aaaaaab\0\0\1")
    assert.same({6, 7}, {b:find("ab")})
    assert.same({8, 10}, {b:find("\0\0\1")})
    assert.same({9, 9}, {b:find("\0", 9)})
    assert.is_nil(b:find("\0\0\0"))
  end)

  it("does not see bytes behind a view", function()
    local b = buffer_of("abcdef")
    assert.is_nil(b:view(1, 3):find("cd"))
    assert.is_nil(b:view(2, 3):find("a"))
    assert.same({2, 2}, {b:view(2, 3):find("c")})
  end)
end)

describe("Buffer:view", function()
  it("has the same bytes, not a copy", function()
    local b = Buffer(6)
    local view = b:view(2, 4)
    view:set(1, "abc")
    assert.equal("\0abc\0\0", b:sub(1, -1))
    b:set(3, "X")
    assert.equal("aXc", view:sub(1, -1))
  end)

  it("ends where it was told to", function()
    local b = buffer_of("abcdef")
    local view = b:view(2, 4)
    raises(asyncio.IndexError, "do not fit into 3", view.set, view, 2, "xyz")
    raises(asyncio.IndexError, "do not fit into 3", view.set, view, -4, "x")
    assert.equal("bcd", view:sub(-10, 10))
    assert.equal("<Buffer of 3 bytes>", tostring(view))
  end)

  it("can be viewed in turn", function()
    local b = buffer_of("abcdefgh")
    local inner = b:view(2):view(2, -2):view(-3, -1)
    assert.equal("efg", inner:sub(1, -1))
    inner:set(2, "*")
    assert.equal("abcde*gh", b:sub(1, -1))
  end)

  it("may be empty", function()
    assert.equal(0, #Buffer(0):view())
    assert.equal(0, #buffer_of("abc"):view(3, 2))
    assert.equal(0, #buffer_of("abc"):view(10):view(1, 5))
  end)

  it("keeps the bytes alive when the whole is gone", function()
    local views = {}
    for i = 1, 50 do views[i] = buffer_of(("%08d"):format(i):rep(1000)):view(-8):view() end
    collectgarbage()
    collectgarbage()
    local others = {}
    for i = 1, 50 do others[i] = buffer_of(("x"):rep(8000)) end
    for i = 1, 50 do assert.equal(("%08d"):format(i), views[i]:sub(1, -1)) end
    assert.equal(50, #others)
  end)
end)
