-- Connections, servers and streams are cancelled at each suspension: what was opened is closed.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

local HOST = "127.0.0.1"
local ALL = {"waiting", "completed", "twice"} -- a clean-up that is cut short may leave what it was about to close
local MUCH = ("x"):rep(4000000) -- more than the kernel takes for a peer that does not read

local function port_of(server) return server.sockets[1]:getsockname().port end

-- A server that sends lines back, whoever breaks off.
local function echo_server()
  return await(asyncio.start_server(function(reader, writer)
    asyncio.pcall(function()
      for line in reader:lines() do
        writer:write(line)
        await(writer:drain())
      end
    end)
    writer:close()
  end, HOST, 0))
end

local function finish(server)
  server:close()
  server:abort_clients()
  await(server:wait_closed())
end

-- Closes the writer when the scope ends, and waits for that.
local function closing(writer)
  return setmetatable({}, {__close = function()
    writer:close()
    asyncio.pcall(await, writer:wait_closed())
  end})
end

-- f(server, …) with a server that echoes.
local function it_may_be_cancelled(name, f, options)
  options = options or {}
  options.setup = options.setup or echo_server
  options.check = options.check or finish
  options.when, options.timeout = ALL, 15
  it(name, function() assert.is_true(testing.cancel_everywhere(f, options).suspensions > 0) end)
end

local function connect(server)
  local reader, writer = await(asyncio.open_connection(HOST, port_of(server)))
  return reader, writer
end

describe("a connection is closed:", function()
  it_may_be_cancelled("open_connection", function(server)
    local _, writer = connect(server)
    local _ <close> = closing(writer)
  end)

  it_may_be_cancelled("open_connection of a name", function(server)
    local _, writer = await(asyncio.open_connection("localhost", port_of(server), {family = 2}))
    local _ <close> = closing(writer)
  end)

  it_may_be_cancelled("create_connection", function(server)
    local transport = await(asyncio.get_running_loop():create_connection(asyncio.Protocol, HOST, port_of(server)))
    transport:abort()
  end)

  for method, arguments in pairs{read = {4}, readline = {}, readexactly = {4}, readuntil = {"\n"}} do
    it_may_be_cancelled(method, function(server)
      local reader, writer = connect(server)
      local _ <close> = closing(writer)
      writer:write("abc\n")
      assert(await(reader[method](reader, table.unpack(arguments))):find("^abc"))
    end)
  end

  it_may_be_cancelled("lines", function(server)
    local reader, writer = connect(server)
    local _ <close> = closing(writer)
    local n = 0
    writer:write("a\nb\n")
    writer:write_eof()
    for _ in reader:lines() do n = n + 1 end
    assert(n == 2)
  end)

  it_may_be_cancelled("drain", function(server)
    local reader, writer = connect(server)
    local _ <close> = closing(writer)
    local reading = create_task(function() while #await(reader:read(1000000)) > 0 do await(sleep(0)) end end)
    local _ <close> = setmetatable({}, {__close = function() reading:cancel() end})
    for _ = 1, 3 do
      writer:write(MUCH .. "\n")
      await(writer:drain())
    end
  end, {setup = function() -- a server that reads and says nothing
    return await(asyncio.start_server(function(reader, writer)
      asyncio.pcall(function() while #await(reader:read(1000000)) > 0 do await(sleep(0)) end end)
      writer:close()
    end, HOST, 0))
  end})
end)

describe("a server is closed:", function()
  it_may_be_cancelled("start_server", function()
    local server <close> = await(asyncio.start_server(function(_, writer) writer:close() end, HOST, 0)):enter()
    local _, writer = connect(server)
    local _ <close> = closing(writer)
  end)

  it_may_be_cancelled("create_server", function()
    local server <close> = await(asyncio.get_running_loop():create_server(asyncio.Protocol, HOST, 0)):enter()
    await(sleep(1))
    assert(server:is_serving())
  end)

  it_may_be_cancelled("serve_forever", function()
    local server = await(asyncio.start_server(function(_, writer) writer:close() end, HOST, 0))
    local serving = create_task(server:serve_forever())
    local _ <close> = setmetatable({}, {__close = function() serving:cancel() end})
    await(asyncio.wait({serving}, {timeout = 1}))
    assert(server:is_serving())
  end)
end)

it_may_be_cancelled("look-ups leave nothing", function()
  await(asyncio.get_running_loop():getaddrinfo("localhost", 80))
  await(asyncio.get_running_loop():getnameinfo({HOST, 80}))
end)
