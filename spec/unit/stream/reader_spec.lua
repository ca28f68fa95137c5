-- StreamReader without a socket: making one, feeding, the end, exceptions, flow control, its text, what the collector does.
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

-- A transport that notes what it is asked for.
local function new_transport(log)
  return {
    pause_reading = function() log[#log + 1] = "pause" end,
    resume_reading = function() log[#log + 1] = "resume" end,
  }
end

describe("a StreamReader", function()
  it_awaits("belongs to the running loop and has asyncio's limit", function()
    assert.equal("<StreamReader>", tostring(StreamReader()))
    assert.equal("<StreamReader>", tostring(StreamReader(65536)))
    assert.equal("<StreamReader limit=3>", tostring(StreamReader(3)))
    assert.equal("<StreamReader limit=3>", tostring(StreamReader{limit = 3, loop = asyncio.get_running_loop()}))
  end)

  it("can be made where no loop runs, for a loop that is named or the current one", function()
    local loop = testing.new_event_loop()
    assert.equal("<StreamReader>", tostring(StreamReader(nil, loop)))
    assert.equal("<StreamReader limit=5>", tostring(StreamReader{loop = loop, limit = 5}))
    asyncio.set_event_loop(loop)
    assert.equal("<StreamReader>", tostring(StreamReader()))
    asyncio.set_event_loop(nil)
    raises(asyncio.RuntimeError, "no current event loop", StreamReader)
    loop:close()
  end)

  it_awaits("needs a limit above 0", function()
    raises(asyncio.ValueError, "Limit cannot be <= 0", StreamReader, 0)
    raises(asyncio.ValueError, "Limit cannot be <= 0", StreamReader, {limit = -5})
    raises(asyncio.TypeError, "unknown option 'size' to 'StreamReader'", StreamReader, {size = 1})
    raises(asyncio.TypeError, "bad option 'limit' (integer expected, got string)", StreamReader, {limit = "x"})
    raises(asyncio.TypeError, "bad option 'loop' (Loop expected, got number)", StreamReader, {loop = 5})
    raises(nil, "number expected, got string", StreamReader, "x")
    raises(nil, "Loop expected, got number", StreamReader, 5, 6)
  end)

  it_awaits("can be subclassed, with fields and an init of its own", function()
    local Counting = StreamReader:subclass("Counting", {
      init = function(self, name)
        StreamReader.init(self, 10)
        self.title, self.fed = name, 0
      end,
      feed_data = function(self, bytes)
        self.fed = self.fed + #bytes
        StreamReader.feed_data(self, bytes)
      end,
    })
    local reader = Counting("first")
    reader:feed_data("abc")
    assert.equal("first", reader.title)
    assert.equal(3, reader.fed)
    assert.equal("abc", await(reader:read(5)))
    assert.equal("<Counting limit=10>", tostring(reader))
    assert.is_true(asyncio.isinstance(reader, StreamReader))
  end)

  it_awaits("is of no use where a subclass's init did not call the parent's, and is initialized once", function()
    local reader = StreamReader:subclass("Lazy", {init = function() end})()
    for _, name in ipairs{"read", "readline", "readuntil", "at_eof", "feed_eof", "exception", "lines"} do
      raises(asyncio.RuntimeError, "not initialized", reader[name], reader)
    end
    raises(asyncio.RuntimeError, "not initialized", reader.feed_data, reader, "x")
    raises(asyncio.RuntimeError, "not initialized", reader.readexactly, reader, 1)
    raises(asyncio.RuntimeError, "not initialized", reader.set_exception, reader, "x")
    raises(asyncio.RuntimeError, "not initialized", reader.set_transport, reader, {})
    raises(asyncio.RuntimeError, "initialized already", StreamReader.init, StreamReader())
  end)

  it("has methods that check what they are called with", function()
    for name, method in pairs(StreamReader) do
      if name:sub(1, 2) ~= "__" then
        raises(nil, "StreamReader expected, got table", method, {}, 1)
        raises(nil, "StreamReader expected, got FILE*", method, io.stdout, 1)
      end
    end
  end)

  it_awaits("is the same class when its file is loaded again", function()
    package.loaded["casync.stream.reader"] = nil
    assert.equal(StreamReader, require("casync.stream.reader").StreamReader)
  end)
end)

describe("feed_data", function()
  it_awaits("appends; nothing is no data", function()
    local reader = StreamReader()
    reader:feed_data("")
    reader:feed_data("a\0b")
    reader:feed_data("")
    reader:feed_data("\255")
    assert.equal("<StreamReader 4 bytes>", tostring(reader))
    assert.equal("a\0b\255", await(reader:read(100)))
    assert.equal("<StreamReader>", tostring(reader))
  end)

  it_awaits("takes a Buffer, whose later changes do not matter", function()
    local reader, buffer = StreamReader(), asyncio.Buffer(3)
    buffer:set(1, "abc")
    reader:feed_data(buffer)
    buffer:set(1, "xyz")
    assert.equal("abc", await(reader:read(3)))
  end)

  it_awaits("takes bytes only", function()
    for _, wrong in ipairs{1, true, {}, print} do
      raises(asyncio.TypeError, "bytes-like object", StreamReader.feed_data, StreamReader(), wrong)
    end
    raises(asyncio.TypeError, "bytes-like object", StreamReader.feed_data, StreamReader())
  end)

  it_awaits("is refused after the end", function()
    local reader = StreamReader()
    reader:feed_eof()
    raises(asyncio.AssertionError, "feed_data after feed_eof", reader.feed_data, reader, "x")
    raises(asyncio.AssertionError, "feed_data after feed_eof", reader.feed_data, reader, "")
    reader:feed_eof()
  end)

  it_awaits("wakes who waits in the next iteration", function()
    local reader, log = StreamReader(), {}
    local function note(what) log[#log + 1] = what end
    local loop = asyncio.get_running_loop()
    local task = create_task(function() note(await(reader:read(5))) end)
    await(sleep(0))
    loop:call_soon(function()
      reader:feed_data("data")
      loop:call_soon(note, "k+1, after")
    end)
    loop:call_soon(note, "k")
    await(task)
    assert.same({"k", "data", "k+1, after"}, log)
  end)
end)

describe("at_eof", function()
  it_awaits("needs the end and an empty buffer", function()
    local reader = StreamReader()
    assert.is_false(reader:at_eof())
    reader:feed_data("x")
    reader:feed_eof()
    assert.is_false(reader:at_eof())
    assert.equal("<StreamReader 1 bytes eof>", tostring(reader))
    await(reader:read(1))
    assert.is_true(reader:at_eof())
    assert.equal("<StreamReader eof>", tostring(reader))
  end)

  it_awaits("counts what a waiting read has not taken yet", function()
    local reader = StreamReader()
    local task = create_task(reader:read(5))
    await(sleep(0))
    reader:feed_data("abc")
    reader:feed_eof()
    assert.is_false(reader:at_eof())
    assert.equal("abc", await(task))
    assert.is_true(reader:at_eof())
  end)
end)

describe("set_exception", function()
  it_awaits("is raised by every read, with data and for nothing", function()
    local reader, err = reader_of("abc\n"), asyncio.ConnectionResetError("gone")
    assert.is_nil(reader:exception())
    reader:set_exception(err)
    assert.equal(err, reader:exception())
    for _, read in ipairs{reader:read(1), reader:read(0), reader:read(), reader:readexactly(0), reader:readexactly(1),
      reader:readline(), reader:readuntil("x")} do
      assert.equal(err, raises(asyncio.ConnectionResetError, "gone", await, read))
    end
    assert.equal(err, raises(asyncio.ConnectionResetError, "gone", function() for _ in reader:lines() do error "line" end end))
    assert.equal("<StreamReader 4 bytes exception=ConnectionResetError('gone')>", tostring(reader))
  end)

  it_awaits("takes any value, and a class for an object of it", function()
    local reader = StreamReader()
    reader:set_exception("text")
    assert.equal("text", select(2, pcall(await, reader:read(1))))
    reader:set_exception(asyncio.ValueError)
    raises(asyncio.ValueError, "ValueError", await, reader:read(1))
    assert.is_true(asyncio.isinstance(reader:exception(), asyncio.ValueError))
    raises(nil, "value expected", reader.set_exception, reader)
  end)

  it_awaits("comes after what is invalid anyway, as in asyncio", function()
    local reader = StreamReader()
    reader:set_exception("text")
    raises(asyncio.ValueError, "can not be less than zero", await, reader:readexactly(-1))
    raises(asyncio.ValueError, "at least one-byte string", await, reader:readuntil(""))
  end)

  it_awaits("is raised where a task waits, in the next iteration", function()
    for _, read in ipairs{"read", "readline", "readuntil", "readexactly"} do
      local reader = StreamReader()
      local task = create_task(reader[read](reader, read == "readexactly" and 5 or nil))
      await(sleep(0))
      reader:set_exception(asyncio.OSError("broken"))
      assert.is_false(task:done())
      raises(asyncio.OSError, "broken", await, task)
    end
  end)

  it_awaits("does not reach a task that data has woken before", function()
    local reader = StreamReader()
    local task = create_task(reader:read(5))
    await(sleep(0))
    reader:feed_data("abc")
    reader:set_exception(asyncio.OSError("broken"))
    assert.equal("abc", await(task))
    raises(asyncio.OSError, "broken", await, reader:read(5))
  end)

  it_awaits("is not seen by a task that is cancelled in the same tick", function()
    local reader = StreamReader()
    local task = create_task(reader:read(5))
    await(sleep(0))
    reader:set_exception(asyncio.OSError("broken"))
    task:cancel("enough")
    assert.equal("enough", raises(asyncio.CancelledError, "enough", await, task).message)
  end)
end)

describe("flow control", function()
  it_awaits("pauses above twice the limit and resumes at the limit", function()
    local log, reader = {}, StreamReader(4)
    reader:set_transport(new_transport(log))
    reader:feed_data("12345678")
    assert.same({}, log)
    reader:feed_data("9")
    assert.same({"pause"}, log)
    assert.is_truthy(tostring(reader):find("^<StreamReader 9 bytes limit=4 transport={.*} paused>$"), tostring(reader))
    reader:feed_data("10")
    assert.equal("123456", await(reader:read(6)))
    assert.same({"pause"}, log)
    assert.equal("7", await(reader:read(1)))
    assert.same({"pause", "resume"}, log)
  end)

  it_awaits("resumes before it waits, however much is there", function()
    local log, reader = {}, StreamReader(2)
    reader:set_transport(new_transport(log))
    reader:feed_data("12345")
    local task = create_task(reader:readexactly(20))
    await(sleep(0))
    assert.same({"pause", "resume"}, log)
    reader:feed_data("67890")
    await(sleep(0))
    assert.same({"pause", "resume", "pause", "resume"}, log)
    reader:feed_data("1234567890")
    assert.equal("12345678901234567890", await(task))
    assert.same({"pause", "resume", "pause", "resume", "pause", "resume"}, log)
  end)

  it_awaits("is no matter of reads of nothing", function()
    local log, reader = {}, StreamReader(4)
    reader:set_transport(new_transport(log))
    reader:feed_data("123456789")
    await(reader:readexactly(6))
    reader:feed_data("1234567")
    assert.same({"pause", "resume", "pause"}, log)
    assert.equal("78912", await(reader:read(3)) .. await(reader:read(2)))
    assert.equal("", await(reader:read(0)) .. await(reader:readexactly(0)))
    assert.same({"pause", "resume", "pause"}, log)
  end)

  it_awaits("is asyncio's also for what is handed to a read that waits", function()
    local log, reader = {}, StreamReader(2)
    reader:set_transport(new_transport(log))
    local task = create_task(reader:read(100))
    await(sleep(0))
    reader:feed_data("12345")
    assert.same({"pause"}, log)
    assert.equal("12345", await(task))
    assert.same({"pause", "resume"}, log)
  end)

  it_awaits("happens when a line that is too long is dropped, and while lines are iterated", function()
    local log, reader = {}, StreamReader(4)
    reader:set_transport(new_transport(log))
    reader:feed_data("123456789")
    raises(asyncio.ValueError, "chunk exceed the limit", await, reader:readline())
    assert.same({"pause", "resume"}, log)
    reader:feed_data("12\n45\n78\n")
    reader:feed_eof()
    for _ in reader:lines() do log[#log + 1] = "line" end
    assert.same({"pause", "resume", "pause", "line", "resume", "line", "line"}, log)
  end)

  it_awaits("forgets a transport that cannot pause", function()
    local calls = 0
    local unable = {pause_reading = function()
      calls = calls + 1
      error(asyncio.NotImplementedError())
    end}
    for _, transport in ipairs{unable, {}} do
      local reader = StreamReader(1)
      reader:set_transport(transport)
      reader:feed_data("1234")
      reader:feed_data("1234")
      assert.equal("<StreamReader 8 bytes limit=1>", tostring(reader))
      reader:set_transport({})
    end
    assert.equal(1, calls)
  end)

  it_awaits("passes on what the transport raises", function()
    local reader = StreamReader(1)
    reader:set_transport{pause_reading = function() error("cannot", 0) end}
    local task = create_task(reader:read(1))
    await(sleep(0))
    raises(nil, "cannot", reader.feed_data, reader, "abc")
    assert.equal("a", await(task))
    assert.equal("bc", await(reader:read(5)))
  end)

  it_awaits("has one transport", function()
    local reader = StreamReader()
    reader:set_transport({})
    raises(asyncio.AssertionError, "Transport already set", reader.set_transport, reader, {})
  end)
end)

describe("the collector", function()
  it_awaits("leaves a reader alone that a task waits for", function()
    local weak = setmetatable({StreamReader()}, {__mode = "v"})
    local task = create_task(weak[1]:read(5))
    await(sleep(0))
    collectgarbage() collectgarbage()
    weak[1]:feed_data("abc")
    collectgarbage() collectgarbage()
    assert.equal("abc", await(task))
    task = nil -- luacheck: ignore
    collectgarbage() collectgarbage()
    assert.is_nil(weak[1])
  end)

  it_awaits("takes a reader with bytes that nobody reads, and one in a cycle with its transport", function()
    local weak = setmetatable({reader_of("abc"), StreamReader()}, {__mode = "v"})
    weak[2]:set_transport{reader = weak[2]}
    collectgarbage() collectgarbage()
    assert.same({}, weak)
  end)

  it_awaits("is what a finalizer is for: called by hand it does nothing", function()
    local reader = reader_of("abc")
    getmetatable(reader).__gc(reader)
    assert.equal("abc", await(reader:read(5)))
    getmetatable(reader).__gc(io.stdout)
  end)

  it("takes a reader whose task is left by a loop that closes", function()
    local loop = testing.new_event_loop()
    local reader = StreamReader(nil, loop)
    loop:set_exception_handler(function() end)
    loop:create_task(reader:read(5))
    loop:create_task(function() for _ in reader:lines() do error "line" end end)
    loop:call_soon(loop.stop, loop)
    loop:run_forever()
    loop:close()
    reader:feed_data("abc")
    assert.equal("<StreamReader 3 bytes>", tostring(reader))
  end)
end)
