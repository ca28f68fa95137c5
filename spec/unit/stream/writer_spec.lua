-- StreamWriter and its protocol over socket pairs: asyncio's streams.py.
local asyncio = require "casync"
local core = require "casync.core"
local fds = require "fds"

local await = asyncio.await
local EVENTS = {}

-- Runs body(writer, peer, reader, transport, protocol) on an open stream whose peer is a bare descriptor.
local function with_stream(body)
  asyncio.run(function()
    local loop = asyncio.get_running_loop()
    loop:set_exception_handler(function(_, context) EVENTS[#EVENTS + 1] = context end)
    local reader = asyncio.StreamReader{loop = loop}
    local protocol = asyncio.StreamReaderProtocol(reader, nil, loop)
    local fd, peer = fds.socketpair()
    local transport = core.open_transport(loop, fd, protocol)
    local writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    await(asyncio.sleep(0))
    body(writer, peer, reader, transport, protocol)
    transport:abort()
    await(asyncio.sleep(0)); await(asyncio.sleep(0))
    pcall(fds.close, peer) -- unless the body has
  end)
end

local function raised(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- Fills the write buffer over its mark; how many bytes are in it.
local function fill(writer)
  writer:write(("x"):rep(1000000))
  return writer.transport:get_write_buffer_size()
end

-- Empties what the peer has until the writer has sent everything.
local function empty(writer, peer)
  while writer.transport:get_write_buffer_size() > 0 do
    fds.read(peer, 4096)
    await(asyncio.sleep(0))
  end
end

asyncio.testing.check_leaks(before_each, after_each)

describe("a StreamWriter", function()
  before_each(function() EVENTS = {} end)

  it("writes through its transport", function()
    with_stream(function(writer, peer, reader, transport)
      assert.equal(transport, writer.transport)
      writer:write("a")
      writer:writelines{"b", "c"}
      assert.equal("abc", fds.read(peer))
      assert.is_true(writer:can_write_eof())
      assert.is_false(writer:is_closing())
      writer:write_eof()
      raised(asyncio.RuntimeError, writer.write, writer, "d")
      fds.write(peer, "still read")
      assert.equal("still read", await(reader:read(100)))
      assert.equal(5, writer:get_extra_info("nothing", 5))
      assert.matches("^<StreamWriter transport=<SocketTransport fd=%d+", tostring(writer))
      writer:close()
      assert.is_true(writer:is_closing())
    end)
  end)

  it("checks what it is made of", function()
    with_stream(function(_, _, _, transport, protocol)
      raised(asyncio.TypeError, asyncio.StreamWriter, transport, protocol, {}, asyncio.get_running_loop())
      raised(asyncio.TypeError, asyncio.StreamReaderProtocol, 1)
      raised(asyncio.TypeError, asyncio.StreamReaderProtocol, nil, 1)
    end)
  end)

  it("calls another kind of transport by its methods", function()
    local calls = {}
    local Mock = asyncio.Transport:subclass("Mock", {
      write = function(_, data) calls[#calls + 1] = "write " .. data end,
      is_closing = function(self) return self.is_closed == true end,
      close = function(self)
        self.is_closed = true
        calls[#calls + 1] = "close"
      end,
    })
    asyncio.run(function()
      local loop = asyncio.get_running_loop()
      local writer = asyncio.StreamWriter(Mock(), asyncio.StreamReaderProtocol(nil, nil, loop), nil, loop)
      writer:write("a")
      writer:writelines{"b", "c"}
      await(writer:drain())
      assert.is_false(writer:is_closing())
      writer:close()
    end)
    assert.same({"write a", "write bc", "close"}, calls)
  end)

  it("can be subclassed", function()
    local W = asyncio.StreamWriter:subclass("W", {line = function(self, text) self:write(text .. "\n") end})
    with_stream(function(_, peer, reader, transport, protocol)
      local writer = W(transport, protocol, reader, asyncio.get_running_loop())
      writer:line("hello")
      await(writer:drain())
      assert.equal("hello\n", fds.read(peer))
    end)
  end)

  it("that is dropped takes its connection along, which debug mode tells", function() -- ST16
    with_stream(function(_, _, _, transport, protocol)
      asyncio.get_running_loop():set_debug(true)
      do
        local dropped = asyncio.StreamWriter(transport, protocol, nil, asyncio.get_running_loop())
        assert.is_not_nil(dropped)
      end
      collectgarbage(); collectgarbage()
      assert.is_true(transport:is_closing())
      await(asyncio.sleep(0))
      assert.equal("unclosed StreamWriter", EVENTS[1].message)
    end)
  end)
end)

describe("drain", function()
  before_each(function() EVENTS = {} end)

  it("does not suspend below the mark", function() -- ST11
    with_stream(function(writer)
      writer:write("a")
      local turns = 0
      asyncio.get_running_loop():call_soon(function() turns = turns + 1 end)
      await(writer:drain())
      await(writer:drain())
      assert.equal(0, turns)
    end)
  end)

  it("is good for one await", function()
    with_stream(function(writer)
      local drain = writer:drain()
      assert.is_true(asyncio.iscoroutine(drain))
      await(drain)
      raised(asyncio.RuntimeError, await, drain)
      await(asyncio.create_task(writer:drain()))
      await(asyncio.wait_for(writer:drain(), 1))
    end)
  end)

  it("waits until the buffer is down to the low mark, for any number of tasks", function() -- ST11
    with_stream(function(writer, peer)
      fill(writer)
      local done = {}
      local tasks = {}
      for i = 1, 3 do
        tasks[i] = asyncio.create_task(function()
          await(writer:drain())
          done[#done + 1] = i
        end)
      end
      for _ = 1, 5 do await(asyncio.sleep(0)) end
      assert.same({}, done)
      empty(writer, peer)
      await(asyncio.wait_for(asyncio.gather(tasks), 5))
      assert.same({1, 2, 3}, done)
    end)
  end)

  it("raises the reader's exception first", function() -- ST12
    with_stream(function(writer, _, reader)
      reader:set_exception(asyncio.ValueError("mine"))
      assert.equal("mine", raised(asyncio.ValueError, function() await(writer:drain()) end).message)
    end)
  end)

  it("gives a closing transport one turn, then raises", function() -- ST12
    with_stream(function(writer)
      writer:close()
      local err = raised(asyncio.ConnectionResetError, function() await(writer:drain()) end)
      assert.equal("Connection lost", err.message)
    end)
  end)

  it("that waits returns when the connection ends cleanly", function() -- ST12
    with_stream(function(writer)
      fill(writer)
      local task = asyncio.create_task(writer:drain())
      await(asyncio.sleep(0))
      writer.transport:abort()
      await(asyncio.wait_for(task, 5))
    end)
  end)

  it("that waits raises the connection's error", function() -- ST12
    with_stream(function(writer, peer)
      fill(writer)
      local task = asyncio.create_task(writer:drain())
      await(asyncio.sleep(0))
      fds.close(peer)
      raised(asyncio.ConnectionError, function() await(asyncio.wait_for(task, 5)) end)
    end)
  end)

  for _, when in ipairs{"before it starts", "while it waits", "in the turn in which it may go on", "twice"} do
    it("can be cancelled " .. when, function()
      with_stream(function(writer, peer)
        fill(writer)
        local task = asyncio.create_task(function() await(writer:drain()) end)
        if when ~= "before it starts" then await(asyncio.sleep(0)); await(asyncio.sleep(0)) end
        if when == "in the turn in which it may go on" then
          writer._protocol:resume_writing()
          writer._protocol:pause_writing()
        end
        task:cancel()
        if when == "twice" then task:cancel() end
        raised(asyncio.CancelledError, await, task)
        assert.equal(0, #(writer._protocol._drain_waiters or {}))
        empty(writer, peer)
        await(writer:drain())
      end)
    end)
  end
end)

describe("wait_closed", function()
  before_each(function() EVENTS = {} end)

  it("waits for the end of the connection, any number of times", function() -- ST13
    with_stream(function(writer)
      local task = asyncio.create_task(writer:wait_closed())
      await(asyncio.sleep(0))
      assert.is_false(task:done())
      writer:close()
      await(asyncio.wait_for(task, 5))
      await(writer:wait_closed())
      await(writer:wait_closed())
    end)
  end)

  it("raises the connection's error, each time", function() -- ST13
    with_stream(function(writer, peer)
      fill(writer)
      fds.close(peer)
      for _ = 1, 2 do raised(asyncio.ConnectionError, function() await(asyncio.wait_for(writer:wait_closed(), 5)) end) end
    end)
  end)

  it("that nobody calls hides no news", function()
    with_stream(function(writer, peer)
      fill(writer)
      local task = asyncio.create_task(writer:wait_closed())
      await(asyncio.sleep(0))
      task:cancel()
      await(asyncio.sleep(0))
      fds.close(peer)
      while not writer:is_closing() do await(asyncio.sleep(0)) end
      await(asyncio.sleep(0))
    end)
    collectgarbage(); collectgarbage()
    assert.same({}, EVENTS)
  end)
end)

describe("a stream's end", function()
  it("wakes whoever reads", function()
    with_stream(function(writer, _, reader)
      local task = asyncio.create_task(reader:read(10))
      await(asyncio.sleep(0))
      writer:close()
      assert.equal("", await(asyncio.wait_for(task, 5)))
      assert.is_true(reader:at_eof())
    end)
  end)

  it("of the peer's keeps it open for answers", function() -- ST18
    with_stream(function(writer, peer, reader)
      fds.write(peer, "last")
      fds.close(peer)
      assert.equal("last", await(reader:read(-1)))
      assert.is_false(writer:is_closing())
    end)
  end)
end)
