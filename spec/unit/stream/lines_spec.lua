-- StreamReader:lines(): Python's `async for line in reader`.
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

local function whole(bytes, limit)
  local reader = StreamReader{limit = limit}
  reader:feed_data(bytes)
  reader:feed_eof()
  return reader
end

local function collect(reader, format)
  local lines = {}
  for line in reader:lines(format) do lines[#lines + 1] = line end
  return lines
end

describe("lines", function()
  it_awaits("are those of asyncio, with their ends; the last may have none", function()
    assert.same({"one\n", "\n", "two\n", "rest"}, collect(whole("one\n\ntwo\nrest")))
    assert.same({"one\n"}, collect(whole("one\n")))
    assert.same({}, collect(whole("")))
  end)

  it_awaits("come without their ends on request, as Lua's", function()
    assert.same({"one", "", "two\r", "rest"}, collect(whole("one\n\ntwo\r\nrest"), "l"))
    assert.same({"one\n", "two\n"}, collect(whole("one\ntwo\n"), "L"))
    raises(nil, "invalid format", function() StreamReader():lines("n") end)
    raises(nil, "string expected, got table", function() StreamReader():lines{} end)
  end)

  it_awaits("are waited for however they are cut", function()
    local text = "first line\nsecond\n\nlast"
    for size = 1, #text do
      local reader = StreamReader()
      create_task(function()
        for at = 1, #text, size do
          reader:feed_data(text:sub(at, at + size - 1))
          await(sleep(0))
        end
        reader:feed_eof()
      end)
      assert.same({"first line\n", "second\n", "\n", "last"}, collect(reader))
    end
  end)

  it_awaits("end with the stream also while one is waited for", function()
    local reader = StreamReader()
    local task = create_task(collect, reader, "l")
    await(sleep(0))
    reader:feed_data("one\ntw")
    await(sleep(0))
    reader:feed_data("o")
    await(sleep(0))
    reader:feed_eof()
    assert.same({"one", "two"}, await(task))
  end)

  it_awaits("mix with reads, and go on where they stopped", function()
    local reader = whole("a\nbc\nd\ne\n")
    for line in reader:lines() do
      if line == "a\n" then break end
      error(line)
    end
    assert.equal("b", await(reader:read(1)))
    assert.same({"c\n", "d\n", "e\n"}, collect(reader))
  end)

  it_awaits("are found behind what has been looked through", function()
    local reader = StreamReader()
    reader:feed_data("12345")
    raises(asyncio.TimeoutError, "", await, asyncio.wait_for(reader:readline(), 1))
    reader:feed_data("6\n7\n8\n")
    reader:feed_eof()
    assert.same({"123456\n", "7\n", "8\n"}, collect(reader))
  end)

  it_awaits("beyond the limit raise ValueError, once for each", function()
    local reader = whole("1234\n12345\n12\n123456", 4)
    local lines = reader:lines()
    assert.equal("1234\n", lines(reader))
    raises(asyncio.ValueError, "Separator is found, but chunk is longer than limit", lines, reader)
    assert.equal("12\n", lines(reader))
    raises(asyncio.ValueError, "Separator is not found, and chunk exceed the limit", lines, reader)
    assert.is_nil(lines(reader))
  end)

  it_awaits("raise what the reader was given, also while one is waited for", function()
    local reader = StreamReader()
    local task = create_task(collect, reader)
    await(sleep(0))
    reader:set_exception(asyncio.OSError("broken"))
    raises(asyncio.OSError, "broken", await, task)
    raises(asyncio.OSError, "broken", collect, reader)
  end)

  it_awaits("are cancelled like a read, and nothing is lost", function()
    local reader = StreamReader()
    local task = create_task(collect, reader)
    await(sleep(0))
    reader:feed_data("one\n")
    task:cancel("enough")
    assert.equal("enough", raises(asyncio.CancelledError, "enough", await, task).message)
    reader:feed_eof()
    assert.same({"one\n"}, collect(reader))
    reader = StreamReader()
    task = create_task(collect, reader)
    await(sleep(0))
    task:cancel()
    reader:feed_data("two\n")
    raises(asyncio.CancelledError, "", await, task)
    reader:feed_eof()
    assert.same({"two\n"}, collect(reader))
  end)

  it_awaits("refuse a second reader", function()
    local reader = StreamReader()
    local task = create_task(collect, reader)
    await(sleep(0))
    raises(asyncio.RuntimeError, "readline() called while another coroutine is already waiting", collect, reader)
    raises(asyncio.RuntimeError, "readline() called while another coroutine is already waiting", await, reader:readline())
    reader:feed_eof()
    assert.same({}, await(task))
  end)

  it_awaits("are waited for in generators and under pcall", function()
    local reader = StreamReader()
    local words = coroutine.wrap(function()
      for line in reader:lines("l") do coroutine.yield(line:upper()) end
    end)
    local task = create_task(function()
      local all = {}
      for word in words do all[#all + 1] = word end
      return all
    end)
    await(sleep(0))
    reader:feed_data("a\n")
    await(sleep(0))
    reader:feed_data("b\n")
    reader:feed_eof()
    assert.same({"A", "B"}, await(task))
    reader = StreamReader()
    task = create_task(function() return pcall(collect, reader) end)
    await(sleep(0))
    reader:feed_data("x")
    reader:feed_eof()
    assert.same({true, {"x"}}, {await(task)})
  end)

  it_awaits("are driven by hand", function()
    local reader = StreamReader()
    reader:feed_data("one\n")
    local coro = asyncio.async(collect)(reader, "l")
    local done, waited = coro:send()
    assert.is_false(done)
    reader:feed_data("two\n")
    await(waited)
    done, waited = coro:send()
    assert.is_false(done)
    reader:feed_eof()
    await(waited)
    assert.same({true, {"one", "two"}}, {coro:send()})
  end)

  it("cannot be waited for outside of a task", function()
    local loop = testing.new_event_loop()
    local reader = StreamReader(nil, loop)
    reader:feed_data("one\ntwo")
    local lines = reader:lines()
    assert.equal("one\n", lines(reader))
    raises(asyncio.RuntimeError, "await", lines, reader)
    reader:feed_eof()
    assert.equal("two", lines(reader))
    assert.is_nil(lines(reader))
    loop:close()
  end)

  it_awaits("come from a subclass's own readline", function()
    local Shouting = StreamReader:subclass("Shouting", {readline = asyncio.async(function(self)
      return await(StreamReader.readline(self)):upper()
    end)})
    for format, lines in pairs{L = {"A\n", "B\n", "C"}, l = {"A", "B", "C"}} do
      local reader = Shouting()
      local task = create_task(collect, reader, format)
      await(sleep(0))
      reader:feed_data("a\nb\nc")
      reader:feed_eof()
      assert.same(lines, await(task))
    end
  end)

  it_awaits("check what the iterator is called with", function()
    local lines = StreamReader():lines()
    raises(nil, "StreamReader expected, got no value", lines)
    raises(nil, "StreamReader expected, got FILE*", lines, io.stdout)
  end)

  it_awaits("survive collections while nobody but the loop knows the reader", function()
    local weak = setmetatable({StreamReader()}, {__mode = "v"})
    local task = create_task(collect, weak[1])
    await(sleep(0))
    collectgarbage() collectgarbage()
    weak[1]:feed_data("abc\n")
    await(sleep(0))
    collectgarbage() collectgarbage()
    weak[1]:feed_eof()
    assert.same({"abc\n"}, await(task))
  end)
end)
