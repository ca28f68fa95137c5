-- casync's streams and Python's asyncio on the two ends of a connection, each as client and as server.
local asyncio = require "casync"
local peer = require "spec.support.peer"
local streams = require "spec.support.streams"
local await, test = asyncio.await, streams.test

local BIG = 50 * 1000 * 1000 + 1

local function echo(reader, writer)
  while true do
    local bytes = await(reader:read(65536))
    if bytes == "" then break end
    writer:write(bytes)
    await(writer:drain())
  end
  writer:close()
end

-- Starts a Python server, and connects to it.
local function connect(what)
  local child = peer.python("serve " .. what)
  local reader, writer = await(asyncio.open_connection("127.0.0.1", tonumber(child:line())))
  return child, reader, writer
end

-- What Python's client prints that calls a server of ours.
local function call(handler, words)
  local server, port = streams.serve(handler)
  local output, status = peer.run(("exec python3 spec/interop/peer.py call %s"):format(words:format(port)))
  server:close()
  await(server:wait_closed())
  assert(status == 0, output)
  return output
end

describe("a server of casync's and Python's client", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("echo lines that were sent in any pieces, without waiting", test(function()
    assert.equal("5000 lines, b''\n", call(echo, "lines %d 5000"))
  end))

  it("echo 50 MB, which come back as they were", test(function()
    assert.equal(BIG .. " True\n", call(echo, "transfer %d " .. BIG))
  end))

  it("have an answer after the client has closed its half", test(function()
    local function answer(reader, writer)
      writer:write(("got %s"):format(await(reader:read())))
      writer:close()
    end
    assert.equal("got the whole of it\n", call(answer, "half_close %d 'the whole of it'"))
  end))

  it("understand single bytes", test(function()
    local function answer(reader, writer)
      writer:write(await(reader:readline()):upper())
      writer:close()
    end
    assert.equal("SLOWLY, BYTE BY BYTE\n", call(answer, "bytes %d 'slowly, byte by byte'"))
  end))

  it("break off: what came before is read, then the error raised", test(function()
    local err
    local output = call(function(reader, writer)
      assert.equal("last words", await(reader:readexactly(10)))
      err = streams.raises(asyncio.ConnectionResetError, reader:read())
      writer:close()
    end, "reset %d 'last words'")
    assert.equal("reset\n", output)
    assert.equal(104, err.errno)
  end))

  it("serve many at once", test(function()
    local server, port = streams.serve(echo)
    local children = {}
    for i = 1, 4 do children[i] = peer.python(("call lines %d 1000"):format(port)) end
    for i = 1, 4 do
      assert.equal("1000 lines, b''\n", (children[i]:rest()))
      children[i]:close()
    end
    server:close()
    await(server:wait_closed())
  end))
end)

describe("a client of casync's and Python's server", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("carry 50 MB from one Python to another", test(function()
    local from <close>, reader, idle = connect("source " .. BIG)
    local to <close>, _, writer = connect("sink")
    local size = 0
    while true do
      local bytes = await(reader:read(65536))
      if bytes == "" then break end
      size = size + #bytes
      writer:write(bytes)
      await(writer:drain())
      assert(writer.transport:get_write_buffer_size() <= 65536)
    end
    writer:close()
    await(writer:wait_closed())
    idle:close() -- a writer that was collected would have closed the connection
    assert.equal(BIG, size)
    assert.equal(("%d %s"):format(BIG, from:line()), to:line())
  end))

  it("have an answer after the client has closed its half", test(function()
    local _ <close>, reader, writer = connect("answer_after_end")
    writer:writelines{"ab", "", "c"}
    assert.is_true(writer:can_write_eof())
    writer:write_eof()
    assert.equal("3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n", await(reader:read()))
    assert.is_true(reader:at_eof())
    writer:close()
    await(writer:wait_closed())
  end))

  it("echo as fast as they like", test(function()
    local _ <close>, reader, writer = connect("echo")
    local sent = {}
    for i = 1, 20000 do sent[i] = ("%d %s\n"):format(i, ("y"):rep(i % 97)) end
    local sending = asyncio.create_task(function()
      for _, line in ipairs(sent) do
        writer:write(line)
        await(writer:drain())
      end
      writer:write_eof()
    end)
    local i = 0
    for line in reader:lines() do
      i = i + 1
      if line ~= sent[i] then error("line " .. i .. " came back as " .. line) end
    end
    assert.equal(#sent, i)
    await(sending)
    writer:close()
  end))

  it("break off: ConnectionResetError in the read", test(function()
    local _ <close>, reader, writer = connect("reset_after_line")
    writer:write("go\n")
    streams.raises(asyncio.ConnectionResetError, reader:readline())
    streams.raises(asyncio.ConnectionResetError, writer:wait_closed())
  end))

  it("break off from here: Python gets the same error", test(function()
    local child <close>, _, writer = connect("sink")
    writer:write("some")
    streams.break_off{writer = writer, transport = writer.transport}
    await(writer:wait_closed())
    assert.equal("ConnectionResetError", child:line())
  end))

  it("do not wait for each other for ever when the server is silent", test(function()
    local _ <close>, reader, writer = connect("silent")
    streams.raises(asyncio.TimeoutError, asyncio.wait_for(reader:readline(), 0.05))
    writer:write(("x"):rep(20000000))
    streams.raises(asyncio.TimeoutError, asyncio.wait_for(writer:drain(), 0.05))
    writer.transport:abort()
    await(writer:wait_closed())
    assert.equal("", await(reader:read()))
  end))
end)

describe("protocols of casync's and Python's streams", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("echo through a Protocol", test(function()
    local Echo = asyncio.Protocol:subclass("Echo")
    function Echo:connection_made(transport) self.transport = transport end
    function Echo:data_received(data) self.transport:write(data) end
    function Echo:eof_received() return false end
    function Echo:pause_writing() self.transport:pause_reading() end
    function Echo:resume_writing() self.transport:resume_reading() end
    local server = await(asyncio.get_running_loop():create_server(Echo, "127.0.0.1", 0))
    local port = server.sockets[1]:getsockname().port
    local output = peer.run(("exec python3 spec/interop/peer.py call transfer %d 5000001"):format(port))
    assert.equal("5000001 True\n", output)
    server:close()
    await(server:wait_closed())
  end))

  it("echo through a BufferedProtocol", test(function()
    local Echo = asyncio.BufferedProtocol:subclass("BufferedEcho")
    function Echo:init() self.buffer = asyncio.Buffer(10000) end
    function Echo:connection_made(transport) self.transport = transport end
    function Echo:get_buffer() return self.buffer end
    function Echo:buffer_updated(n) self.transport:write(self.buffer:sub(1, n)) end
    function Echo:eof_received() return false end
    local server = await(asyncio.get_running_loop():create_server(Echo, "127.0.0.1", 0))
    local port = server.sockets[1]:getsockname().port
    local output = peer.run(("exec python3 spec/interop/peer.py call transfer %d 5000001"):format(port))
    assert.equal("5000001 True\n", output)
    server:close()
    await(server:wait_closed())
  end))
end)
