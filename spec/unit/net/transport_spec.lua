-- The transport of sockets and what it calls, over socket pairs: asyncio's selector_events.py.
local asyncio = require "casync"
local core = require "casync.core"
local fds = require "fds"
require "casync.net"

local await = asyncio.await

-- A protocol that keeps what it is called with.
local function recorder(methods)
  local events = {}
  local P = asyncio.Protocol:subclass("Recorder", {
    connection_made = function(self, transport) self.transport = transport; events[#events + 1] = "made" end,
    data_received = function(_, data) events[#events + 1] = "data " .. #data end,
    eof_received = function() events[#events + 1] = "eof" end,
    pause_writing = function() events[#events + 1] = "pause" end,
    resume_writing = function() events[#events + 1] = "resume" end,
    connection_lost = function(_, err) events[#events + 1] = "lost " .. tostring(err) end,
  })
  for name, method in pairs(methods or {}) do P[name] = method end
  return P(), events
end

-- Runs body(transport, peer, events) on an open transport; returns the events, one a line, and what was reported.
local function with_transport(body, methods)
  local reports, all = {}, nil
  local fd, peer = fds.socketpair()
  local ok, err = pcall(asyncio.run, function()
    local loop = asyncio.get_running_loop()
    loop:set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    local protocol, events = recorder(methods)
    local waiter = loop:create_future()
    local transport = core.open_transport(loop, fd, protocol, nil, waiter)
    await(waiter)
    body(transport, peer, events, protocol)
    transport:abort()
    await(asyncio.sleep(0)); await(asyncio.sleep(0))
    all = table.concat(events, ", ")
  end)
  pcall(fds.close, peer) -- unless the body has
  if not ok then error(err, 0) end
  return all, reports
end

-- Lets what the kernel has arrive: until `n` events are there, within a second.
local function until_events(events, n)
  for _ = 1, 1000 do
    if #events >= n then return end
    await(asyncio.sleep(0.001))
  end
  error("only " .. #events .. " events: " .. table.concat(events, ", "))
end

local function raised(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

asyncio.testing.check_leaks(before_each, after_each)

describe("a transport", function()
  it("calls connection_made before anything else, then reads", function() -- P1
    local events = with_transport(function(_, peer, events)
      fds.write(peer, "hello")
      until_events(events, 2)
    end)
    assert.equal("made, data 5, lost nil", events)
  end)

  it("sends at once what the kernel takes", function() -- P8
    with_transport(function(transport, peer)
      transport:write("abc")
      assert.equal(0, transport:get_write_buffer_size())
      assert.equal("abc", fds.read(peer))
      local buffer = asyncio.Buffer(2)
      buffer:set(1, "de")
      transport:write(buffer)
      transport:writelines{"f", "", "g"}
      assert.equal("defg", fds.read(peer))
    end)
  end)

  it("takes bytes only", function() -- P8
    with_transport(function(transport)
      local err = raised(asyncio.TypeError, transport.write, transport, 12)
      assert.matches("bytes%-like", err.message)
      raised(asyncio.TypeError, transport.writelines, transport, {"a", {}})
      assert.is_false(pcall(transport.writelines, transport, "a"))
      assert.is_false(pcall(transport.write, {}, "a"))
    end)
  end)

  it("pauses its protocol above the high mark and resumes it at the low one", function() -- P9
    local events = with_transport(function(transport, peer, events)
      transport:set_write_buffer_limits{high = 1000}
      assert.same({250, 1000}, {transport:get_write_buffer_limits()})
      while transport:get_write_buffer_size() == 0 do transport:write(("x"):rep(500)) end
      while transport:get_write_buffer_size() < 1000 do transport:write("x") end
      assert.equal("made", table.concat(events, ", "))
      transport:write("x")
      assert.equal("made, pause", table.concat(events, ", "))
      transport:write("x")
      while transport:get_write_buffer_size() > 0 do
        fds.read(peer, 4096)
        await(asyncio.sleep(0))
      end
    end)
    assert.equal("made, pause, resume, lost nil", events)
  end)

  it("checks its limits", function() -- P10
    with_transport(function(transport)
      transport:set_write_buffer_limits{low = 10}
      assert.same({10, 40}, {transport:get_write_buffer_limits()})
      transport:set_write_buffer_limits{high = 0}
      assert.same({0, 0}, {transport:get_write_buffer_limits()})
      transport:set_write_buffer_limits()
      assert.same({16384, 65536}, {transport:get_write_buffer_limits()})
      raised(asyncio.ValueError, transport.set_write_buffer_limits, transport, {high = 1, low = 2})
      raised(asyncio.ValueError, transport.set_write_buffer_limits, transport, {low = -1})
      raised(asyncio.TypeError, transport.set_write_buffer_limits, transport, {hihg = 1})
      raised(asyncio.TypeError, transport.set_write_buffer_limits, transport, 1.5)
    end)
  end)

  it("sends what it keeps before a close ends it", function() -- P12
    local got = 0
    local events = with_transport(function(transport, peer, list)
      transport:write(("x"):rep(500000))
      transport:close()
      transport:close()
      assert.is_true(transport:is_closing())
      assert.is_false(transport:is_reading())
      while got < 500000 do
        got = got + #fds.read(peer, 4096)
        await(asyncio.sleep(0))
      end
      until_events(list, 4)
    end)
    assert.equal("made, pause, resume, lost nil", events)
  end)

  it("drops what it keeps when it is aborted", function() -- P12
    local events = with_transport(function(transport, _, list)
      transport:write(("x"):rep(500000))
      transport:abort()
      assert.equal(0, transport:get_write_buffer_size())
      assert.equal(2, #list) -- never inside the call (P5)
      await(asyncio.sleep(0))
    end)
    assert.equal("made, pause, lost nil", events)
  end)

  it("drops writes after the end, and says so from the fifth on", function() -- P13
    local said = {}
    local logger = require("casync.log").logger
    local function keep(_, text) said[#said + 1] = text end
    logger:addHandler(keep)
    with_transport(function(transport)
      transport:abort()
      for _ = 1, 6 do transport:write("x") end
    end)
    logger:removeHandler(keep)
    assert.same({"socket.send() raised exception.", "socket.send() raised exception."}, said)
  end)

  it("is closed by an end of the peer's unless the protocol wants it open", function() -- P6
    local events = with_transport(function(_, peer, list)
      fds.close(peer)
      until_events(list, 3)
    end)
    assert.equal("made, eof, lost nil", events)
  end)

  it("ends its sending half once", function() -- P14
    with_transport(function(transport, peer)
      assert.is_true(transport:can_write_eof())
      transport:write("a")
      transport:write_eof()
      transport:write_eof()
      local err = raised(asyncio.RuntimeError, transport.write, transport, "b")
      assert.equal("Cannot call write() after write_eof()", err.message)
      raised(asyncio.RuntimeError, transport.write, transport, "")
      assert.equal("a", fds.read(peer))
      assert.equal("", fds.read(peer) or "")
    end)
  end)

  it("stops and resumes reading", function() -- P15
    local events = with_transport(function(transport, peer, list)
      assert.is_true(transport:is_reading())
      transport:pause_reading(); transport:pause_reading()
      assert.is_false(transport:is_reading())
      fds.write(peer, "hello")
      for _ = 1, 5 do await(asyncio.sleep(0)) end
      assert.equal(1, #list)
      transport:resume_reading(); transport:resume_reading()
      until_events(list, 2)
      transport:close()
      transport:resume_reading()
      assert.is_false(transport:is_reading())
    end)
    assert.equal("made, data 5, lost nil", events)
  end)

  it("changes its protocol without telling anybody", function() -- P16
    local other, others = recorder()
    local events = with_transport(function(transport, peer, _, protocol)
      assert.equal(protocol, transport:get_protocol())
      transport:set_protocol(other)
      assert.equal(other, transport:get_protocol())
      fds.write(peer, "hello")
      until_events(others, 1)
    end)
    assert.equal("made", events)
    assert.same({"data 5", "lost nil"}, others)
  end)

  it("knows its names and takes others from its maker", function() -- P19
    with_transport(function(transport)
      assert.equal("", transport:get_extra_info("peername"))
      assert.equal("", transport:get_extra_info("sockname"))
      assert.is_nil(transport:get_extra_info("nonsense"))
      assert.equal(7, transport:get_extra_info("nonsense", 7))
      assert.equal(7, transport:get_extra_info(1, 7))
    end)
  end)

  it("shows what it does", function()
    with_transport(function(transport)
      assert.matches("^<SocketTransport fd=%d+ read=polling write=<idle, bufsize=0>>$", tostring(transport))
      transport:close()
      assert.matches("closing", tostring(transport))
      await(asyncio.sleep(0))
      assert.equal("<SocketTransport closed>", tostring(transport))
    end)
  end)

  it("has no pending reading once its loop is closed", function()
    local fd, peer = fds.socketpair()
    local transport
    asyncio.run(function()
      transport = core.open_transport(asyncio.get_running_loop(), fd, (recorder()))
      await(asyncio.sleep(0))
    end)
    assert.equal("<SocketTransport closed>", tostring(transport))
    assert.equal("", fds.read(peer) or "")
    transport:close(); transport:abort(); transport:write("x"); transport:pause_reading(); transport:resume_reading()
    transport:set_write_buffer_limits{high = 1}
    fds.close(peer)
  end)
end)

describe("an error of a protocol", function()
  local function fails(name)
    return {[name] = function() error("oops", 0) end}
  end

  it("in connection_made is only told", function() -- P2
    local events, reports = with_transport(function(transport)
      assert.is_false(transport:is_closing())
    end, fails "connection_made")
    assert.equal("lost nil", events)
    assert.equal("oops", reports[1].exception)
  end)

  it("in data_received ends the connection with it", function() -- P3
    local events, reports = with_transport(function(transport, peer, list)
      fds.write(peer, "hello")
      until_events(list, 2)
      assert.is_true(transport:is_closing())
    end, fails "data_received")
    assert.equal("made, lost oops", events)
    assert.equal("Fatal error: protocol.data_received() call failed.", reports[1].message)
    assert.equal("oops", reports[1].exception)
    assert.is_not_nil(reports[1].transport)
    assert.is_not_nil(reports[1].protocol)
  end)

  it("in eof_received ends the connection with it", function() -- P3
    local events = with_transport(function(_, peer, list)
      fds.close(peer)
      until_events(list, 2)
    end, fails "eof_received")
    assert.equal("made, lost oops", events)
  end)

  it("in connection_lost is told, and nothing is left", function() -- P4
    local _, reports = with_transport(function(transport)
      transport:close()
      await(asyncio.sleep(0))
      assert.equal("<SocketTransport closed>", tostring(transport))
    end, fails "connection_lost")
    assert.equal("oops", reports[1].exception)
  end)

  it("in pause_writing is told", function() -- P9
    local _, reports = with_transport(function(transport)
      transport:write(("x"):rep(1000000))
      assert.is_false(transport:is_closing())
    end, fails "pause_writing")
    assert.equal("protocol.pause_writing() failed", reports[1].message)
  end)

  it("that is the system's does not reach the handler", function() -- P7
    local events, reports = with_transport(function(_, peer, list)
      fds.write(peer, "hello")
      until_events(list, 2)
    end, {data_received = function() error(asyncio.OSError(5, "five"), 0) end})
    assert.matches("lost OSError", events)
    assert.same({}, reports)
  end)

  it("that is KeyboardInterrupt leaves the loop", function()
    assert.has_error(function()
      with_transport(function(_, peer, list)
        fds.write(peer, "hello")
        until_events(list, 2)
      end, {data_received = function() error(asyncio.KeyboardInterrupt(), 0) end})
    end)
  end)

  it("cannot be an await", function()
    local _, reports = with_transport(function(_, peer, list)
      fds.write(peer, "hello")
      until_events(list, 2)
    end, {data_received = function() await(asyncio.sleep(1)) end})
    assert.matches("cannot await", tostring(reports[1].exception))
  end)
end)

describe("a protocol with a buffer", function()
  -- Runs body on a transport whose protocol has the methods.
  local function with_buffered(methods, body)
    local P = asyncio.BufferedProtocol:subclass("P", methods)
    asyncio.run(function()
      local loop = asyncio.get_running_loop()
      loop:set_exception_handler(function() end)
      local fd, peer = fds.socketpair()
      local protocol = P()
      local transport = core.open_transport(loop, fd, protocol)
      await(asyncio.sleep(0))
      body(transport, peer, protocol)
      transport:abort()
      await(asyncio.sleep(0))
      fds.close(peer)
    end)
  end

  it("says where the bytes go", function() -- P18
    local buffer, sizes = asyncio.Buffer(4), {}
    with_buffered({
      get_buffer = function(_, hint) sizes[#sizes + 1] = hint; return buffer end,
      buffer_updated = function(_, n) sizes[#sizes + 1] = buffer:sub(1, n) end,
    }, function(_, peer)
      fds.write(peer, "abcdef")
      until_events(sizes, 4)
    end)
    assert.same({-1, "abcd", -1, "ef"}, {table.unpack(sizes, 1, 4)})
  end)

  for name, result in pairs{["an empty buffer"] = function() return asyncio.Buffer(0) end, ["no buffer"] = function() end,
    ["an error"] = function() error("oops", 0) end} do
    it("ends the connection with " .. name, function() -- P18
      local lost = {}
      with_buffered({
        get_buffer = result,
        connection_lost = function(_, err) lost[#lost + 1] = err end,
      }, function(_, peer)
        fds.write(peer, "a")
        until_events(lost, 1)
      end)
      assert.is_not_nil(lost[1])
    end)
  end
end)

describe("an abstract", function()
  it("transport has all methods, which say that they are missing", function()
    local transport = asyncio.Transport{a = 1}
    assert.equal(1, transport:get_extra_info("a"))
    assert.equal(2, transport:get_extra_info("b", 2))
    for _, name in ipairs{"is_closing", "close", "set_protocol", "get_protocol", "is_reading", "pause_reading", "resume_reading",
      "set_write_buffer_limits", "get_write_buffer_size", "get_write_buffer_limits", "write", "write_eof", "can_write_eof",
      "abort"} do
      raised(asyncio.NotImplementedError, transport[name], transport)
    end
    raised(asyncio.NotImplementedError, transport.writelines, transport, {"a"})
    assert.is_true(asyncio.isinstance(asyncio.ReadTransport(), asyncio.BaseTransport))
    assert.is_true(asyncio.isinstance(asyncio.WriteTransport(), asyncio.BaseTransport))
    assert.is_true(asyncio.isinstance(transport, asyncio.ReadTransport))
  end)

  it("transport is what the one of sockets is", function()
    with_transport(function(transport)
      assert.is_true(asyncio.isinstance(transport, asyncio.Transport))
      assert.is_false(pcall(core.SocketTransport))
    end)
  end)

  it("protocol does nothing", function()
    local protocol, buffered = asyncio.Protocol(), asyncio.BufferedProtocol()
    assert.is_true(asyncio.isinstance(protocol, asyncio.BaseProtocol))
    assert.is_nil(protocol:connection_made() or protocol:data_received("") or protocol:eof_received() or
      protocol:pause_writing() or protocol:resume_writing() or protocol:connection_lost())
    assert.is_nil(buffered:get_buffer(-1) or buffered:buffer_updated(1) or buffered:eof_received())
  end)

  it("protocol is not needed: any table will do", function()
    local got = {}
    asyncio.run(function()
      local fd, peer = fds.socketpair()
      local transport = core.open_transport(asyncio.get_running_loop(), fd, {data_received = function(_, data)
        got[1] = data
      end})
      fds.write(peer, "hello")
      until_events(got, 1)
      fds.close(peer) -- no eof_received: closes
      while not transport:is_closing() do await(asyncio.sleep(0.001)) end
      await(asyncio.sleep(0))
      assert.equal("<SocketTransport closed>", tostring(transport))
    end)
    assert.same({"hello"}, got)
  end)
end)
