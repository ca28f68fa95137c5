-- open_connection and start_server on loopback: asyncio's streams.py.
local asyncio = require "casync"

local await = asyncio.await

local function raised(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- Runs body(port, server, reports) beside a server with the handler.
local function with_server(handler, body, options)
  local reports = {}
  asyncio.run(function()
    asyncio.get_running_loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    local server = await(asyncio.start_server(handler, "127.0.0.1", 0, options))
    local port = server.sockets[1]:getsockname().port
    asyncio.with(asyncio.timeout(20), function() body(port, server, reports) end)
    server:close()
    server:close_clients()
    await(asyncio.wait_for(server:wait_closed(), 5))
  end)
end

local function echo(reader, writer)
  for line in reader:lines() do
    writer:write(line)
    await(writer:drain())
  end
  writer:close()
  await(writer:wait_closed())
end

asyncio.testing.check_leaks(before_each, after_each)

describe("a server of streams", function()
  it("runs its handler as a task for each connection", function()
    with_server(echo, function(port)
      local streams = {}
      for i = 1, 3 do streams[i] = {await(asyncio.open_connection("127.0.0.1", port))} end
      for i, stream in ipairs(streams) do stream[2]:write("hello " .. i .. "\n") end
      for i, stream in ipairs(streams) do assert.equal("hello " .. i .. "\n", await(stream[1]:readline())) end
      for _, stream in ipairs(streams) do
        stream[2]:write_eof()
        assert.equal("", await(stream[1]:read()))
        stream[2]:close()
        await(stream[2]:wait_closed())
      end
    end)
  end)

  it("takes coroutine functions and callable objects as handlers", function()
    local callable = setmetatable({}, {__call = function(_, ...) return echo(...) end})
    for _, handler in ipairs{asyncio.async(echo), callable} do
      with_server(handler, function(port)
        local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
        writer:write("a\n")
        assert.equal("a\n", await(reader:readline()))
        writer:close()
      end)
    end
  end)

  it("tells the error of a handler, with the peer, closes its connection, and goes on", function() -- ST15
    with_server(function(reader, writer)
      if await(reader:readline()) == "bad\n" then error("oops", 0) end
      writer:write("good")
      writer:close()
    end, function(port, _, reports)
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      local own = writer:get_extra_info("sockname")
      writer:write("bad\n")
      assert.equal("", await(reader:read()))
      assert.equal("Unhandled exception in client_connected_cb", reports[1].message)
      assert.equal("oops", reports[1].exception)
      assert.equal(own.port, reports[1].peername.port)
      assert.equal("127.0.0.1", reports[1].peername.host)
      writer:close()
      reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      writer:write("other\n")
      assert.equal("good", await(reader:read()))
      writer:close()
      assert.equal(1, #reports)
    end)
  end)

  it("leaves a connection open whose handler has returned", function() -- ST15
    local kept
    with_server(function(_, writer) kept = writer end, function(port)
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      while not kept do await(asyncio.sleep(0.001)) end
      await(asyncio.sleep(0)); await(asyncio.sleep(0))
      assert.is_false(kept:is_closing())
      kept:write("later")
      assert.equal("later", await(reader:readexactly(5)))
      kept:close()
      assert.equal("", await(reader:read()))
      writer:close()
    end)
  end)

  it("gives its streams the limit", function()
    with_server(function(reader, writer)
      local ok, err = pcall(function() return await(reader:readline()) end)
      writer:write(tostring(ok) .. " " .. tostring(err))
      writer:close()
    end, function(port)
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port, {limit = 5}))
      writer:write(("x"):rep(100) .. "\n")
      assert.matches("^false ValueError", await(reader:read()))
      writer:close()
    end, {limit = 10})
  end)

  it("refuses what it cannot serve with", function()
    asyncio.run(function()
      raised(asyncio.TypeError, function() await(asyncio.start_server(1, "127.0.0.1", 0)) end)
      raised(asyncio.TypeError, function() await(asyncio.start_server(echo, "127.0.0.1", 0, 1)) end)
      raised(asyncio.TypeError, function() await(asyncio.start_server(echo, "127.0.0.1", 0, {limit = "1"})) end)
      raised(asyncio.TypeError, function() await(asyncio.start_server(echo, "127.0.0.1", 0, {limt = 1})) end)
      raised(asyncio.TypeError, function() await(asyncio.open_connection("127.0.0.1", 1, {limt = 1})) end)
      raised(asyncio.ValueError, function() await(asyncio.open_connection("127.0.0.1", 1, {limit = 0})) end)
    end)
  end)
end)

describe("a stream over TCP", function()
  it("knows both ends' names", function() -- P19
    local peer
    with_server(function(_, writer) peer = writer:get_extra_info("peername"); writer:close() end, function(port)
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      local own, other = writer:get_extra_info("sockname"), writer:get_extra_info("peername")
      assert.equal(port, other[2])
      assert.equal("127.0.0.1", other.host)
      await(reader:read())
      assert.equal(own.port, peer.port)
      assert.equal(0, writer:get_extra_info("socket"):gettimeout())
      writer:close()
      await(writer:wait_closed())
      assert.equal(own, writer:get_extra_info("sockname"))
    end)
  end)

  it("carries much in both directions at once", function()
    local size = 3000000
    with_server(function(reader, writer)
      while true do
        local data = await(reader:read(65536))
        if data == "" then break end
        writer:write(data)
        await(writer:drain())
      end
      writer:close()
    end, function(port)
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      local sender = asyncio.create_task(function()
        for i = 1, 300 do
          writer:write(string.char(i % 256):rep(size // 300))
          await(writer:drain())
        end
        writer:write_eof()
      end)
      local got = await(reader:read())
      await(sender)
      assert.equal(size, #got)
      for i = 1, 300 do assert.equal(i % 256, got:byte((i - 1) * (size // 300) + 1)) end
      writer:close()
      await(writer:wait_closed())
    end)
  end)

  it("is refused where nobody listens", function()
    local port
    with_server(echo, function(p) port = p end)
    asyncio.run(function()
      raised(asyncio.ConnectionRefusedError, function() await(asyncio.open_connection("127.0.0.1", port)) end)
    end)
  end)
end)
