-- StreamReader's read, readexactly, readline, readuntil: what they return, what they raise, who waits, what is cancelled.
local asyncio = require "casync"
local testing = require "casync.testing"
local StreamReader = asyncio.StreamReader
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(class == nil and type(err) == "string" or class ~= nil and asyncio.isinstance(err, class), tostring(err))
  assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
  return err
end

local function reader_of(bytes, limit)
  local reader = StreamReader{limit = limit}
  reader:feed_data(bytes)
  return reader
end

-- One that has ended.
local function whole(bytes, limit)
  local reader = reader_of(bytes, limit)
  reader:feed_eof()
  return reader
end

-- Feeds a chunk in each iteration, then the end.
local function feed(reader, chunks)
  for _, chunk in ipairs(chunks) do
    reader:feed_data(chunk)
    await(sleep(0))
  end
  reader:feed_eof()
end

describe("read", function()
  it_awaits("returns what is there, at most n bytes", function()
    local reader = reader_of("hello")
    assert.equal("he", await(reader:read(2)))
    assert.equal("llo", await(reader:read(100)))
  end)

  it_awaits("of 0 bytes never waits", function()
    assert.equal("", await(StreamReader():read(0)))
    assert.equal("", await(reader_of("x"):read(0)))
  end)

  it_awaits("returns an empty string at the end", function()
    local reader = whole("x")
    assert.equal("x", await(reader:read(5)))
    assert.equal("", await(reader:read(5)))
    assert.equal("", await(reader:read()))
  end)

  it_awaits("waits for the first bytes, or for the end", function()
    local reader = StreamReader()
    local task = create_task(reader:read(3))
    await(sleep(0))
    reader:feed_data("ab")
    reader:feed_data("cde")
    assert.equal("abc", await(task))
    assert.equal("de", await(reader:read(3)))
    task = create_task(reader:read(3))
    await(sleep(0))
    reader:feed_eof()
    assert.equal("", await(task))
  end)

  it_awaits("gets no more than n bytes of what comes", function()
    for size = 1, 5 do
      local reader, text = StreamReader(), ("12345"):sub(1, size)
      local task = create_task(reader:read(3))
      await(sleep(0))
      reader:feed_data(text)
      assert.equal(text:sub(1, 3), await(task))
      if size > 3 then assert.equal(text:sub(4), await(reader:read(9))) end
    end
  end)

  it_awaits("without a number, or with a negative one, collects all until the end", function()
    for _, n in ipairs{-1, -5, false} do
      local reader = StreamReader(4)
      local task = create_task(reader:read(n or nil))
      await(sleep(0))
      feed(reader, {"a", "bcdefghijk", "l", "m\nn"})
      assert.equal("abcdefghijklm\nn", await(task))
      assert.is_true(reader:at_eof())
    end
  end)

  it_awaits("to the end keeps the order of a great many blocks", function()
    local reader, all = StreamReader(3), {}
    local task = create_task(reader:read())
    for i = 1, 9000 do
      all[i] = ("%d."):format(i)
      reader:feed_data(all[i])
      if i % 7 == 0 then await(sleep(0)) end
    end
    reader:feed_eof()
    assert.equal(table.concat(all), await(task))
  end)

  it_awaits("to the end drops what it has collected when it is cancelled, as in asyncio", function()
    local reader = StreamReader()
    local task = create_task(reader:read())
    await(sleep(0))
    reader:feed_data("lost")
    await(sleep(0))
    task:cancel()
    raises(asyncio.CancelledError, "", await, task)
    reader:feed_data("kept")
    assert.equal("kept", await(reader:read(10)))
  end)

  it_awaits("to the end raises an exception that comes meanwhile", function()
    local reader = StreamReader()
    local task = create_task(reader:read())
    await(sleep(0))
    reader:feed_data("x")
    reader:set_exception(asyncio.OSError("broken"))
    raises(asyncio.OSError, "broken", await, task)
  end)
end)

describe("readexactly", function()
  it_awaits("waits for all of them, beyond the limit too", function()
    local reader = StreamReader(2)
    local task = create_task(reader:readexactly(8))
    await(sleep(0))
    for _, chunk in ipairs{"12", "345", "6", "789"} do
      assert.is_false(task:done())
      reader:feed_data(chunk)
      await(sleep(0))
    end
    assert.equal("12345678", await(task))
    assert.equal("9", await(reader:readexactly(1)))
  end)

  it_awaits("of 0 bytes never waits, of fewer is a ValueError", function()
    assert.equal("", await(StreamReader():readexactly(0)))
    raises(asyncio.ValueError, "readexactly size can not be less than zero", await, StreamReader():readexactly(-1))
  end)

  it_awaits("raises IncompleteReadError at the end and empties the buffer", function()
    local reader = whole("abc")
    local err = raises(asyncio.IncompleteReadError, "3 bytes read on a total of 5 expected bytes", await, reader:readexactly(5))
    assert.equal("abc", err.partial)
    assert.equal(5, err.expected)
    assert.is_true(reader:at_eof())
    err = raises(asyncio.IncompleteReadError, "0 bytes read on a total of 1 expected bytes", await, reader:readexactly(1))
    assert.equal("", err.partial)
  end)

  it_awaits("raises it while it waits", function()
    local reader = StreamReader()
    local task = create_task(reader:readexactly(5))
    await(sleep(0))
    feed(reader, {"ab", "c"})
    assert.equal("abc", raises(asyncio.IncompleteReadError, "3 bytes", await, task).partial)
  end)
end)

describe("readline", function()
  it_awaits("returns lines with their end, and what is left at the end", function()
    local reader = whole("one\n\ntwo\nrest")
    for _, line in ipairs{"one\n", "\n", "two\n", "rest", "", ""} do assert.equal(line, await(reader:readline())) end
  end)

  it_awaits("finds a line however it is cut", function()
    local text = "first line\nsecond\n\nlast"
    for size = 1, #text do
      local reader, chunks = StreamReader(), {}
      for at = 1, #text, size do chunks[#chunks + 1] = text:sub(at, at + size - 1) end
      local feeder = create_task(feed, reader, chunks)
      for _, line in ipairs{"first line\n", "second\n", "\n", "last", ""} do assert.equal(line, await(reader:readline())) end
      await(feeder)
    end
  end)

  it_awaits("measures a line without its end", function()
    assert.equal("1234\n", await(reader_of("1234\n", 4):readline()))
    assert.equal("1234", await(whole("1234", 4):readline()))
  end)

  it_awaits("raises ValueError for a longer line and drops that line", function()
    local reader = reader_of("12345\nnext\n", 4)
    raises(asyncio.ValueError, "Separator is found, but chunk is longer than limit", await, reader:readline())
    assert.equal("next\n", await(reader:readline()))
  end)

  it_awaits("raises ValueError for a longer beginning of a line and drops all there is", function()
    local reader = reader_of("12345", 4)
    raises(asyncio.ValueError, "Separator is not found, and chunk exceed the limit", await, reader:readline())
    assert.equal("<StreamReader limit=4>", tostring(reader))
    reader:feed_data("6\n")
    assert.equal("6\n", await(reader:readline()))
    raises(asyncio.ValueError, "Separator is not found", await, whole("12345", 4):readline())
  end)

  it_awaits("raises it while it waits, too", function()
    local reader = StreamReader(4)
    local task = create_task(reader:readline())
    await(sleep(0))
    reader:feed_data("1234")
    await(sleep(0))
    assert.is_false(task:done())
    reader:feed_data("56\n78\n")
    raises(asyncio.ValueError, "Separator is found", await, task)
    assert.equal("78\n", await(reader:readline()))
  end)

  it_awaits("goes on where other reads have taken what it had looked through", function()
    local reader = StreamReader()
    reader:feed_data("12345")
    local task = create_task(reader:readline())
    await(sleep(0))
    assert.equal("123", await(reader:read(3)))
    reader:feed_data("678\n9\n")
    assert.equal("45678\n", await(task))
    assert.equal("9\n", await(reader:readline()))
  end)
end)

describe("readuntil", function()
  it_awaits("returns all up to the separator, and it", function()
    local reader = reader_of("one--two\nthree")
    assert.equal("one--", await(reader:readuntil("--")))
    assert.equal("two\n", await(reader:readuntil()))
    assert.equal("th", await(reader:readuntil("h")))
  end)

  it_awaits("finds a separator however it is cut", function()
    local text = "ab-a-aba-ababac-rest"
    for size = 1, #text do
      local reader, chunks = StreamReader(), {}
      for at = 1, #text, size do chunks[#chunks + 1] = text:sub(at, at + size - 1) end
      create_task(feed, reader, chunks)
      assert.equal("ab-a-aba-ababac", await(reader:readuntil("ababac")))
      assert.equal("-rest", await(reader:readuntil("st")))
    end
  end)

  it_awaits("takes several: the match that ends first", function()
    assert.equal("aX", await(reader_of("aXY"):readuntil{"XY", "X"}))
    assert.equal("aX", await(reader_of("aXY"):readuntil{"X", "XY"}))
    assert.equal("a\r\n", await(reader_of("a\r\nb\n"):readuntil{"\r\n", "\n"}))
    assert.equal("ab.", await(reader_of("ab.,"):readuntil{",", ".", "zzzz"}))
    local reader = StreamReader()
    local task = create_task(reader:readuntil{"END", "\0"})
    await(sleep(0))
    for _, chunk in ipairs{"some E", "N", "D", "more"} do
      reader:feed_data(chunk)
      await(sleep(0))
    end
    assert.equal("some END", await(task))
  end)

  it_awaits("counts the shorter of two that end together against the limit", function()
    local err = raises(asyncio.LimitOverrunError, "Separator is found", await, reader_of("123XY", 3):readuntil{"XY", "Y"})
    assert.equal(4, err.consumed)
    assert.equal("123XY", await(reader_of("123XY", 3):readuntil{"XY"}))
  end)

  it_awaits("takes Buffers, and a list that may change later", function()
    local buffer = asyncio.Buffer(1)
    buffer:set(1, ";")
    assert.equal("a;", await(reader_of("a;b"):readuntil(buffer)))
    local list, reader = {buffer, ","}, reader_of("a;b")
    local read = reader:readuntil(list)
    list[1] = "b"
    assert.equal("a;", await(read))
  end)

  it_awaits("needs a separator, and none that is empty", function()
    local reader = reader_of("abc")
    raises(asyncio.ValueError, "Separator should contain at least one element", await, reader:readuntil{})
    raises(asyncio.ValueError, "Separator should be at least one-byte string", await, reader:readuntil(""))
    raises(asyncio.ValueError, "Separator should be at least one-byte string", await, reader:readuntil{"a", ""})
    assert.equal("abc", await(reader:read(5)))
  end)

  it_awaits("raises LimitOverrunError and keeps the buffer", function()
    local reader = reader_of("123456--", 4)
    local err = raises(asyncio.LimitOverrunError, "Separator is found, but chunk is longer than limit", await, reader:readuntil("--"))
    assert.equal(6, err.consumed)
    err = raises(asyncio.LimitOverrunError, "Separator is not found, and chunk exceed the limit", await, reader:readuntil("=="))
    assert.equal(7, err.consumed)
    assert.equal("123456--", await(reader:read(100)))
  end)

  it_awaits("raises IncompleteReadError at the end, which expects an unknown number", function()
    local reader = whole("abc-")
    local err = raises(asyncio.IncompleteReadError, "4 bytes read on a total of undefined expected bytes", await, reader:readuntil("--"))
    assert.equal("abc-", err.partial)
    assert.is_nil(err.expected)
    assert.is_true(reader:at_eof())
  end)
end)

-- Each kind of read that waits, what completes it, and what it gives then.
local KINDS = {
  {"read(n)", function(r) return r:read(100) end, "data\n", "data\n"},
  {"read(-1)", function(r) return r:read() end, "data\n", "data\n", true},
  {"readexactly", function(r) return r:readexactly(5) end, "data\n", "data\n"},
  {"readline", function(r) return r:readline() end, "data\n", "data\n"},
  {"readuntil", function(r) return r:readuntil{"ta", "\n"} end, "data\n", "data"},
}

for _, kind in ipairs(KINDS) do
  local name, read, data, result, needs_end = table.unpack(kind)

  local function complete(reader)
    reader:feed_data(data)
    if needs_end then reader:feed_eof() end
  end

  local function waiting()
    local reader = StreamReader()
    local task = create_task(read(reader))
    await(sleep(0))
    return reader, task
  end

  describe(name .. " as a coroutine", function()
    it_awaits("runs as a task, in gather, in wait_for and in a function", function()
      local reader, task = waiting()
      complete(reader)
      assert.equal(result, await(task))
      reader = StreamReader()
      local all = asyncio.gather(read(reader), asyncio.sleep(1, "slept"))
      asyncio.get_running_loop():call_soon(complete, reader)
      assert.same({result, "slept", n = 2}, await(all))
      reader = StreamReader()
      asyncio.get_running_loop():call_later(1, complete, reader)
      assert.equal(result, await(asyncio.wait_for(read(reader), 5)))
      reader = StreamReader()
      asyncio.get_running_loop():call_later(1, complete, reader)
      assert.equal(result, create_task(function() return await(read(reader)) end) and await(sleep(2)) or result)
    end)

    it_awaits("times out, and nothing is lost that comes later", function()
      local reader = StreamReader()
      raises(asyncio.TimeoutError, "", await, asyncio.wait_for(read(reader), 1))
      complete(reader)
      assert.equal(result, await(read(reader)))
    end)

    it_awaits("is good for one await", function()
      local reader = StreamReader()
      complete(reader)
      local coro = read(reader)
      await(coro)
      raises(asyncio.RuntimeError, "cannot reuse already awaited coroutine", await, coro)
      assert.is_true(asyncio.iscoroutine(coro))
    end)

    it_awaits("is not started by a task that is cancelled before", function()
      local reader = StreamReader()
      local task = create_task(read(reader))
      task:cancel()
      raises(asyncio.CancelledError, "", await, task)
      complete(reader)
      assert.equal(result, await(read(reader)))
    end)

    it_awaits("is cancelled while it waits: the next one waits", function()
      local reader, task = waiting()
      task:cancel("enough")
      task:cancel("twice")
      assert.equal("<StreamReader>", tostring(reader))
      raises(asyncio.CancelledError, "", await, task)
      assert.equal(2, task:cancelling())
      local again = create_task(read(reader))
      await(sleep(0))
      complete(reader)
      assert.equal(result, await(again))
    end)

    it_awaits("loses nothing when it is cancelled in the tick of the data", function()
      for _, order in ipairs{"feed first", "cancel first"} do
        local reader, task = waiting()
        if order == "cancel first" then task:cancel() end
        complete(reader)
        if order == "feed first" then task:cancel() end
        raises(asyncio.CancelledError, "", await, task)
        assert.equal(result, await(read(reader)))
      end
    end)

    it_awaits("may be caught cancelled, and started anew", function()
      local reader = StreamReader()
      local task = create_task(function()
        local ok, err = pcall(await, read(reader))
        assert(not ok and asyncio.isinstance(err, asyncio.CancelledError))
        return await(read(reader))
      end)
      await(sleep(0))
      task:cancel()
      await(sleep(0))
      complete(reader)
      assert.equal(result, await(task))
    end)

    it_awaits("refuses a second one that has to wait as well, until it has gone on", function()
      local reader, task = waiting()
      local verb = name:match("^%a+")
      local text = verb .. "() called while another coroutine is already waiting for incoming data"
      raises(asyncio.RuntimeError, text, await, read(reader))
      reader:feed_data("d")
      raises(asyncio.RuntimeError, "readexactly() called while another coroutine", await, reader:readexactly(100))
      reader:feed_data(data:sub(2))
      if needs_end then reader:feed_eof() end
      assert.equal(result, await(task))
    end)

    it_awaits("is driven by hand", function()
      local reader = StreamReader()
      complete(reader)
      local coro = read(reader)
      local done, value = coro:send()
      if not done then -- a task has been made for it
        await(value)
        done, value = coro:send()
      end
      assert.same({true, result}, {done, value})
      reader = StreamReader()
      coro = read(reader)
      assert.is_false((coro:send()))
      await(sleep(0))
      raises(asyncio.ValueError, "thrown", coro.throw, coro, asyncio.ValueError("thrown"))
      await(sleep(0))
      complete(reader)
      assert.equal(result, await(read(reader)))
    end)

    it_awaits("is closed by hand, started or not", function()
      local reader = StreamReader()
      local coro = read(reader)
      coro:close()
      raises(asyncio.RuntimeError, "cannot reuse", await, coro)
      coro = read(reader)
      coro:send()
      await(sleep(0))
      coro:close()
      await(sleep(0))
      complete(reader)
      assert.equal(result, await(read(reader)))
    end)

    it_awaits("goes through a generator of Lua's", function()
      local reader = StreamReader()
      local step = coroutine.wrap(function() coroutine.yield(await(read(reader))) end)
      local task = create_task(step)
      await(sleep(0))
      complete(reader)
      assert.equal(result, await(task))
    end)

    it_awaits("survives collections, its reader only in the op", function()
      local weak = setmetatable({StreamReader()}, {__mode = "v"})
      local coro = read(weak[1])
      collectgarbage() collectgarbage()
      local task = create_task(coro)
      coro = nil -- luacheck: ignore
      await(sleep(0))
      collectgarbage() collectgarbage()
      complete(weak[1])
      collectgarbage() collectgarbage()
      assert.equal(result, await(task))
    end)

    it("cannot be awaited outside of a task", function()
      local loop = testing.new_event_loop()
      local reader = StreamReader(nil, loop)
      raises(asyncio.RuntimeError, "await", await, read(reader))
      complete(reader)
      assert.equal(result, loop:run_until_complete(read(reader)))
      loop:close()
    end)

    it_awaits("shows what it is", function()
      local reader = StreamReader()
      local coro = read(reader)
      assert.is_truthy(tostring(coro):find("^<coroutine object StreamReader%." .. name:match("^%a+") .. " at "), tostring(coro))
      local task = create_task(coro)
      await(sleep(0))
      assert.is_truthy(tostring(task):find("wait_for=<StreamReader waiter=", 1, true), tostring(task))
      assert.is_truthy(tostring(reader):find("waiter=<Task pending", 1, true), tostring(reader))
      complete(reader)
      await(task)
    end)

    it_awaits("is refused by a reader of another loop, unless all is there", function()
      local other = testing.new_event_loop()
      local reader = StreamReader(nil, other)
      raises(asyncio.RuntimeError, "attached to a different loop", await, read(reader))
      complete(reader)
      assert.equal(result, await(read(reader)))
      other:close()
    end)

    it_awaits("runs in an eager task", function()
      local reader = StreamReader()
      asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
      local task = create_task(function() return await(read(reader)) end)
      assert.is_truthy(tostring(reader):find("waiter", 1, true))
      complete(reader)
      assert.equal(result, await(task))
      asyncio.get_running_loop():set_task_factory(nil)
    end)
  end)
end

describe("bytes that came for a read that waits", function()
  local function handed(bytes)
    local reader = StreamReader(10)
    local task = create_task(reader:read(5))
    await(sleep(0))
    reader:feed_data(bytes)
    return reader, task
  end

  it_awaits("go to another read that is first, which leaves that one nothing, as in asyncio", function()
    local reader, task = handed("abc")
    assert.equal("abc", await(reader:read(5)))
    assert.equal("", await(task))
  end)

  it_awaits("are there for every other method, too", function()
    local reader, task = handed("a\nb")
    assert.equal("<StreamReader 3 bytes limit=10>", tostring(reader))
    assert.equal("a\n", await(reader:readline()))
    assert.equal("b", await(task))
    reader, task = handed("abc")
    assert.equal("a", await(reader:readexactly(1)))
    assert.equal("bc", await(task))
    reader, task = handed("abc")
    assert.equal("ab", await(reader:readuntil("b")))
    assert.equal("c", await(task))
    reader, task = handed("abc")
    assert.equal("ab", await(reader:read(2)))
    assert.equal("c", await(task))
    reader, task = handed("abc")
    raises(asyncio.IncompleteReadError, "", function()
      reader:feed_eof()
      await(reader:readexactly(5))
    end)
    assert.equal("", await(task))
  end)

  it_awaits("are joined by what comes next", function()
    local reader, task = handed("abc")
    reader:feed_data("def")
    assert.equal("abcde", await(task))
    assert.equal("f", await(reader:read(5)))
  end)

  it_awaits("wait for the next read when that one is cancelled", function()
    local reader, task = handed("abc")
    task:cancel()
    raises(asyncio.CancelledError, "", await, task)
    assert.equal("abc", await(reader:readexactly(3)))
    reader, task = handed("abc")
    task:cancel()
    raises(asyncio.CancelledError, "", await, task)
    assert.equal("ab", await(reader:read(2)))
    reader:feed_data("d")
    assert.equal("cd", await(reader:read(9)))
  end)
end)

describe("arguments of wrong types", function()
  it_awaits("are refused at once", function()
    local r = StreamReader()
    raises(nil, "number expected, got string", function() r:read("x") end)
    raises(nil, "no integer representation", function() r:read(1.5) end)
    raises(nil, "number expected, got no value", function() r:readexactly() end)
    raises(nil, "number expected, got table", function() r:readexactly{} end)
    raises(asyncio.TypeError, "bytes-like object", function() r:readuntil(5) end)
    raises(asyncio.TypeError, "bytes-like object", function() r:readuntil{"a", 5} end)
    raises(asyncio.TypeError, "bytes-like object", function() r:readuntil(setmetatable({"a"}, {})) end)
  end)
end)
