-- JSON as casync.debug.json writes it and host/json.lua reads it.
local write = require "casync.debug.json"
local read = dofile("host/json.lua")

describe("writing JSON", function()
  it("knows the plain values", function()
    assert.equal('[true,false,1,-7,2.5,"x"]', write{true, false, 1, -7, 2.5, "x"})
    assert.equal("1e+300", write(1e300))
    assert.equal("null", write(nil))
  end)

  it("has null for what has no word", function()
    assert.equal("[null,null,null,null]", write{0 / 0, 1 / 0, -1 / 0, print})
  end)

  it("orders the names of an object", function()
    assert.equal('{"a":1,"b":{"c":2,"d":3},"e":4}', write{e = 4, a = 1, b = {d = 3, c = 2}})
    assert.equal('[{"a":1,"b":2},{"a":3,"b":4},{"a":5},{"a":6,"c":7}]', write{{b = 2, a = 1}, {b = 4, a = 3}, {a = 5}, {c = 7, a = 6}})
  end)

  it("takes an empty table for an array", function()
    assert.equal('{"list":[]}', write{list = {}})
  end)

  it("escapes", function()
    assert.equal([["\"\\\n\r\t\u0000\u001b\u007f/"]], write('"\\\n\r\t\0\27\127/'))
  end)

  it("leaves UTF-8 as it is, and replaces what is none", function()
    assert.equal('"äß€😀"', write("äß€😀"))
    assert.equal('"a\u{FFFD}b\u{FFFD}\u{FFFD}"', write("a\xffb\xe2\x82"))
    assert.equal('"\u{FFFD}\u{FFFD}\u{FFFD}"', write("\xed\xa0\x80")) -- a surrogate
  end)
end)

describe("reading JSON", function()
  it("gives back what was written", function()
    local value = {a = {1, 2, {b = "x\n\"\\\0\u{1F600}"}}, c = -1.5e10, d = false, e = {{}, {}}}
    assert.same(value, read(write(value)))
  end)

  it("knows spaces, escapes and null", function()
    assert.same({1, nil, "a\n/\"A\\u0041"}, read(' [ 1 ,\tnull,\r\n"a\\n\\/\\"\\u0041\\\\u0041" ] '))
    assert.same({a = {}}, read('{ "a" : { } }'))
  end)

  for _, text in ipairs{
    "", " ", "[", "]", "{", "[1", "[1,", "[1 2]", "[,1]", '{"a"}', '{"a":}', '{a:1}', '{"a" 1}', '"', '"\\"', "tru", "nul", "--1", "1 2",
    "[1]]", "\0", "nan", "inf", ("["):rep(200), ("["):rep(100000), ('{"a":'):rep(100000),
  } do
    it(("refuses %q"):format(text:sub(1, 20) .. (#text > 20 and #text or "")), function()
      local ok, message = pcall(read, text)
      assert.is_false(ok)
      assert.matches("^no JSON: ", message)
    end)
  end
end)
