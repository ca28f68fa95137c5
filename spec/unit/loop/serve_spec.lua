-- Servers on the loopback: loop:create_server and what a Server does.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, sleep, create_task, isinstance = asyncio.await, asyncio.sleep, asyncio.create_task, asyncio.isinstance

local HOST = "127.0.0.1"
local LIMIT = 10 -- seconds of real time that anything here may take

local function loop() return asyncio.get_running_loop() end

-- A test in a task of a loop on the real clock, which is over in time and leaves nothing behind.
local function it_serves(name, f)
  it(name, testing.async(f, {loop_factory = asyncio.new_event_loop, timeout = LIMIT}))
end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(isinstance(err, class), tostring(err))
  return err
end

-- A protocol factory; what its protocols are told is written to a log.
local function noting(log, more)
  return function()
    local protocol = {}
    function protocol:connection_made(transport)
      self.transport = transport
      log[#log + 1] = "made"
    end
    function protocol.data_received(_, data) log[#log + 1] = data end
    function protocol.connection_lost() log[#log + 1] = "lost" end
    for name, method in pairs(more or {}) do protocol[name] = method end
    return protocol
  end
end

local function serve(factory, opts) return await(loop():create_server(factory, HOST, 0, opts)) end
local function port_of(server) return server.sockets[1]:getsockname().port end
local function connect(port) return await(loop():create_connection(function() return {} end, HOST, port)) end

-- Gives the loop turns until a condition holds.
local function wait_until(holds)
  while not holds() do await(sleep(0)) end
end

local function finish(server, ...)
  for _, transport in ipairs{...} do transport:close() end
  server:close()
  await(server:wait_closed())
end

describe("loop:create_server", function()
  it_serves("accepts connections, each with a protocol of its own", function()
    local log = {}
    local server = serve(noting(log))
    local a, b = connect(port_of(server)), connect(port_of(server))
    a:write("from a")
    wait_until(function() return log[3] end)
    assert.same({"made", "made", "from a"}, log)
    finish(server, a, b)
    assert.same({"made", "made", "from a", "lost", "lost"}, log)
  end)

  it_serves("takes port 0 for one that is free", function()
    local server = serve(noting{})
    assert.is_true(port_of(server) > 0)
    finish(server)
  end)

  for name, host in pairs{["no host"] = false, ["an empty host"] = ""} do
    it_serves("takes " .. name .. " for all interfaces", function()
      local server = await(loop():create_server(noting{}, host or nil, 0))
      local hosts = {}
      for i, socket in ipairs(server.sockets) do hosts[i] = socket:getsockname().host end
      table.sort(hosts)
      assert.is_true(hosts[1] == "0.0.0.0" and (hosts[2] == nil or hosts[2] == "::"))
      finish(server)
    end)
  end

  it_serves("binds each distinct address of several hosts once", function() -- V5
    local server = await(loop():create_server(noting{}, {HOST, "127.0.0.2", HOST}, 0))
    local hosts = {}
    for i, socket in ipairs(server.sockets) do hosts[i] = socket:getsockname().host end
    assert.same({HOST, "127.0.0.2"}, hosts)
    finish(server)
  end)

  it_serves("says which address is in use", function() -- V5
    local server = serve(noting{})
    local port = port_of(server)
    local err = raises(asyncio.OSError, await, loop():create_server(noting{}, HOST, port))
    assert.equal(98, err.errno)
    assert.equal(("[Errno 98] error while attempting to bind on address ('%s', %d): [errno 98] address already in use")
      :format(HOST, port), err.message)
    finish(server)
  end)

  it_serves("closes the sockets that it could bind where another one fails", function()
    local server = serve(noting{})
    raises(asyncio.OSError, await, loop():create_server(noting{}, {"127.0.0.3", HOST}, port_of(server)))
    finish(server)
  end)

  it_serves("raises where no address can be bound", function()
    -- 192.0.2.1 is for documents; nobody has it.
    local err = raises(asyncio.OSError, await, loop():create_server(noting{}, "192.0.2.1", 0))
    assert.equal("could not bind on any address out of [('192.0.2.1', 0)]", err.message)
  end)

  it_serves("skips addresses that the machine does not have", function() -- V5
    local server = await(loop():create_server(noting{}, {"192.0.2.1", HOST}, 0))
    assert.equal(1, #server.sockets)
    finish(server)
  end)

  it_serves("sets the options of sockets it is asked for", function()
    local function options_of(opts)
      local server = serve(noting{}, opts)
      local socket, values = server.sockets[1], {}
      for i, option in ipairs{2, 15, 9} do values[i] = socket:getsockopt(1, option) ~= 0 end -- REUSEADDR, REUSEPORT, KEEPALIVE
      finish(server)
      return values
    end
    assert.same({true, false, false}, options_of())
    assert.same({false, true, true}, options_of{reuse_address = false, reuse_port = true, keep_alive = true})
  end)

  it_serves("lets two servers share a port with reuse_port", function()
    local first = serve(noting{}, {reuse_port = true})
    local second = await(loop():create_server(noting{}, HOST, port_of(first), {reuse_port = true}))
    assert.equal(port_of(first), port_of(second))
    finish(first)
    finish(second)
  end)

  it_serves("separates IPv6 from IPv4", function()
    local ok, server = pcall(await, loop():create_server(noting{}, "::1", 0))
    if not ok then return end -- no IPv6 here
    assert.equal(1, server.sockets[1]:getsockopt(41, 26)) -- IPV6_V6ONLY
    assert.same({"::1", port_of(server), 0, 0}, {table.unpack(server.sockets[1]:getsockname())})
    finish(server)
  end)

  it_serves("wants a host or a port", function()
    local err = raises(asyncio.ValueError, await, loop():create_server(noting{}))
    assert.equal("Neither host/port nor sock were specified", err.message)
  end)

  for name, arguments in pairs{
    ["a factory that is none"] = {5, HOST, 0},
    ["a host that is no text"] = {noting{}, 5, 0},
    ["a list of hosts with a number"] = {noting{}, {HOST, 5}, 0},
    ["an option that it does not know"] = {noting{}, HOST, 0, {ssl = true}},
    ["a backlog that is no number"] = {noting{}, HOST, 0, {backlog = "many"}},
    ["a reuse_port that is no boolean"] = {noting{}, HOST, 0, {reuse_port = 1}},
    ["options that are no table"] = {noting{}, HOST, 0, 7},
  } do
    it_serves("refuses " .. name, function()
      raises(asyncio.TypeError, loop().create_server, loop(), table.unpack(arguments, 1, 4))
    end)
  end

  it_serves("that is closed before it began does nothing", function()
    loop():create_server(noting{}, HOST, 0):close()
  end)

  it_serves("that is cancelled before it began does nothing", function()
    local task = create_task(loop():create_server(noting{}, HOST, 0))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_serves("without start_serving listens later", function()
    local server = serve(noting{}, {start_serving = false})
    assert.is_false(server:is_serving())
    raises(asyncio.ConnectionRefusedError, connect, port_of(server))
    await(server:start_serving())
    await(server:start_serving())
    assert.is_true(server:is_serving())
    connect(port_of(server)):close()
    finish(server)
  end)
end)

describe("an accepted connection", function()
  it_serves("begins in a task of its own", function()
    local tasks = {}
    local server = serve(function()
      tasks[#tasks + 1] = asyncio.current_task():get_name()
      return {}
    end)
    local a, b = connect(port_of(server)), connect(port_of(server))
    wait_until(function() return tasks[2] end)
    assert.is_true(tasks[1] ~= tasks[2])
    finish(server, a, b)
  end)

  for name, debug in pairs{["in debug mode is reported"] = true, ["is not reported"] = false} do
    it_serves("whose factory raises " .. name, function() -- V7
      local reports, calls = {}, 0
      loop():set_debug(debug)
      loop().slow_callback_duration = LIMIT
      loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
      local server = serve(function()
        calls = calls + 1
        error(asyncio.ValueError("no protocol"), 0)
      end)
      local client = connect(port_of(server))
      wait_until(function() return calls == 1 end)
      await(sleep(0))
      assert.equal(debug and 1 or 0, #reports)
      if debug then
        assert.equal("Error on transport creation for incoming connection", reports[1].message)
        assert.equal("no protocol", reports[1].exception.message)
      end
      finish(server, client)
      loop():set_debug(false)
    end)
  end

  it_serves("for which no task can be made is reported and closed", function()
    local reports, lost = {}, loop():create_future()
    loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    local server = serve(noting{})
    local client = await(loop():create_connection(function()
      return {connection_lost = function() lost:set_result() end}
    end, HOST, port_of(server)))
    loop():set_task_factory(function() error(asyncio.ValueError("no task"), 0) end)
    local second = await(loop():create_connection(function()
      return {connection_lost = function() end}
    end, HOST, port_of(server)))
    wait_until(function() return reports[1] end)
    loop():set_task_factory(nil)
    assert.equal("Exception in callback of a listening socket", reports[1].message)
    assert.equal("no task", reports[1].exception.message)
    assert.is_true(server:is_serving())
    collectgarbage() collectgarbage() -- the Socket that nobody took
    finish(server, client, second)
    await(lost)
  end)

  it_serves("is closed if its factory closes the server", function()
    local lost, server = loop():create_future(), nil
    server = serve(function()
      server:close()
      return {}
    end)
    local client = await(loop():create_connection(function()
      return {connection_lost = function() lost:set_result() end}
    end, HOST, port_of(server)))
    await(lost)
    await(server:wait_closed())
    client:close()
  end)
end)

describe("Server:close", function()
  it_serves("ends listening and keeps connections", function() -- V1
    local log = {}
    local server = serve(noting(log))
    local port = port_of(server)
    local client = connect(port)
    wait_until(function() return log[1] end)
    server:close()
    server:close()
    assert.same({}, server.sockets)
    assert.is_false(server:is_serving())
    raises(asyncio.ConnectionRefusedError, connect, port)
    client:write("still there")
    wait_until(function() return log[2] end)
    assert.same({"made", "still there"}, log)
    finish(server, client)
  end)

  it_serves("leaves start_serving nothing to do", function()
    local server = serve(noting{})
    server:close()
    raises(asyncio.RuntimeError, await, server:start_serving())
    finish(server)
  end)
end)

describe("Server:wait_closed", function()
  it_serves("waits for the close and for the last connection", function() -- V2
    local made = {}
    local server = serve(noting(made))
    local client = connect(port_of(server))
    wait_until(function() return made[1] end)
    local first, second = create_task(server:wait_closed()), create_task(server:wait_closed())
    for _ = 1, 5 do await(sleep(0)) end
    assert.is_false(first:done())
    server:close()
    for _ = 1, 5 do await(sleep(0)) end
    assert.is_false(first:done() or second:done())
    client:close()
    await(first)
    await(second)
    await(server:wait_closed())
  end)

  it_serves("of a server without connections ends with its close", function()
    local server = serve(noting{})
    local waiting = create_task(server:wait_closed())
    await(sleep(0))
    server:close()
    await(waiting)
  end)

  it_serves("may be cancelled, and others wait on", function()
    local server = serve(noting{})
    local cancelled, waiting = create_task(server:wait_closed()), create_task(server:wait_closed())
    await(sleep(0))
    cancelled:cancel()
    raises(asyncio.CancelledError, await, cancelled)
    server:close()
    await(waiting)
  end)
end)

describe("Server:serve_forever", function()
  it_serves("begins to serve", function()
    local server = serve(noting{}, {start_serving = false})
    local task = create_task(server:serve_forever())
    await(sleep(0))
    assert.is_true(server:is_serving())
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_serves("that is cancelled closes the server and waits for its connections", function() -- V3
    local log = {}
    local server = serve(noting(log))
    local task = create_task(server:serve_forever())
    local client = connect(port_of(server))
    wait_until(function() return log[1] end)
    task:cancel()
    for _ = 1, 5 do await(sleep(0)) end
    assert.is_false(server:is_serving())
    assert.is_false(task:done())
    client:close()
    raises(asyncio.CancelledError, await, task)
    assert.is_true(task:cancelled())
  end)

  it_serves("that is cancelled twice does not wait for them", function()
    local log = {}
    local server = serve(noting(log))
    local task = create_task(server:serve_forever())
    local client = connect(port_of(server))
    wait_until(function() return log[1] end)
    task:cancel()
    await(sleep(0))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    finish(server, client)
  end)

  it_serves("is cancelled by close", function() -- V3
    local server = serve(noting{})
    local task = create_task(server:serve_forever())
    await(sleep(0))
    server:close()
    raises(asyncio.CancelledError, await, task)
  end)

  it_serves("is refused while it runs, and after the close", function() -- V3
    local server = serve(noting{})
    local task = create_task(server:serve_forever())
    await(sleep(0))
    local err = raises(asyncio.RuntimeError, await, server:serve_forever())
    assert.truthy(err.message:find("is already being awaited on serve_forever()", 1, true))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    err = raises(asyncio.RuntimeError, await, server:serve_forever())
    assert.truthy(err.message:find("is closed", 1, true))
  end)
end)

describe("a Server", function()
  it_serves("closes or aborts its clients", function() -- V4
    for _, finishes in ipairs{function(server) server:close_clients() end, function(server) server:abort_clients() end} do
      local log = {}
      local server = serve(noting(log))
      local client = connect(port_of(server))
      wait_until(function() return log[1] end)
      finishes(server)
      server:close()
      await(server:wait_closed())
      assert.same({"made", "lost"}, log)
      client:close()
    end
  end)

  it_serves("is a scope that ends with the last connection", function()
    local log = {}
    local server = serve(noting(log))
    do
      local scope <close> = server:enter()
      assert.equal(server, scope)
      local client = connect(port_of(server))
      wait_until(function() return log[1] end)
      client:close()
    end
    assert.same({"made", "lost"}, log)
    assert.is_false(server:is_serving())
  end)

  it_serves("knows its loop and its class", function()
    local server = serve(noting{})
    assert.equal(loop(), server:get_loop())
    assert.is_true(isinstance(server, asyncio.Server))
    assert.is_true(isinstance(server, asyncio.AbstractServer))
    assert.truthy(tostring(server):find("^<Server sockets=%(<asyncio.TransportSocket fd=%d+, .*laddr=%('127.0.0.1', %d+%)>%)>$"))
    finish(server)
    assert.equal("<Server sockets=()>", tostring(server))
  end)

  it("that is abstract does nothing", function()
    local server = asyncio.AbstractServer()
    for _, method in ipairs{"close", "close_clients", "abort_clients", "get_loop", "is_serving", "start_serving",
      "serve_forever", "wait_closed"} do
      raises(asyncio.NotImplementedError, server[method], server)
    end
  end)

  it("lives on while it listens, whoever refers to it", function()
    asyncio.run(function()
      local weak = setmetatable({}, {__mode = "v"})
      local port
      do
        local server = serve(noting{})
        weak.server, port = server, port_of(server)
      end
      collectgarbage() collectgarbage()
      connect(port):close()
      finish(weak.server)
      collectgarbage() collectgarbage()
      assert.is_nil(weak.server)
    end)
  end)

  it("that nobody closed goes with its loop", testing.no_leaks(function()
    asyncio.run(function() serve(noting{}) end)
  end))

  it("does not keep a virtual clock from jumping", function()
    testing.run(function()
      local server = serve(noting{})
      await(sleep(1000))
      local client = connect(port_of(server))
      await(sleep(1000))
      finish(server, client)
      assert.equal(2000, loop():time())
    end)
  end)

  it("without descriptors tells so, pauses for a second and goes on", function() -- V6
    local output, status = process.run("ulimit -n 24; lua5.4 -e " .. process.quote [[
      local asyncio, fds = require "casync", require "fds"
      local await, sleep = asyncio.await, asyncio.sleep
      asyncio.run(function()
        local loop, made, lost, reports = asyncio.get_running_loop(), 0, 0, {}
        loop:set_exception_handler(function(_, context) reports[#reports + 1] = context end)
        local server = await(loop:create_server(function()
          made = made + 1
          return {connection_lost = function() lost = lost + 1 end}
        end, "127.0.0.1", 0))
        local address = server.sockets[1]:getsockname()
        await(loop:create_connection(function() return {} end, address.host, address.port)):close()
        while lost < 1 do await(sleep(0)) end
        local opened = {}
        while true do
          local ok, fd = pcall(fds.open, "/dev/null")
          if not ok then break end
          opened[#opened + 1] = fd
        end
        fds.close(table.remove(opened)) -- for the client
        local client = await(loop:create_connection(function() return {} end, address.host, address.port))
        local begin = loop:time()
        while #reports < 1 do await(sleep(0)) end
        for _, fd in ipairs(opened) do fds.close(fd) end
        while made < 2 do await(sleep(0.01)) end
        local pause = loop:time() - begin
        print(#reports, reports[1].message, reports[1].exception.errno, reports[1].socket:fileno() >= 0)
        print(pause >= 0.9 and pause < 5)
        client:close()
        server:close()
        await(server:wait_closed())
      end)
    ]])
    assert.same({"1\tsocket.accept() out of system resource\t24\ttrue\ntrue\n", 0}, {output, status})
  end)
end)

describe("a socket that is shown", function()
  it_serves("is that of the connection, and shows its addresses", function()
    local server = serve(noting{})
    local client = connect(port_of(server))
    local socket = client:get_extra_info("socket")
    assert.same(client:get_extra_info("peername"), socket:getpeername())
    assert.same(client:get_extra_info("sockname"), socket:getsockname())
    assert.same({2, 1, 6}, {socket.family, socket.type, socket.proto})
    assert.is_true(socket:fileno() >= 0)
    finish(server, client)
  end)

  it_serves("neither moves bytes nor closes", function() -- P20
    local server = serve(noting{})
    for _, name in ipairs{"recv", "send", "close", "bind", "detach", "connect", "accept"} do
      assert.is_nil(server.sockets[1][name])
    end
    finish(server)
  end)

  it_serves("never blocks", function() -- P20
    local server = serve(noting{})
    local socket = server.sockets[1]
    assert.equal(0, socket:gettimeout())
    socket:settimeout(0)
    socket:setblocking(false)
    raises(asyncio.ValueError, socket.settimeout, socket, 1)
    raises(asyncio.ValueError, socket.setblocking, socket, true)
    finish(server)
  end)

  it_serves("sets and gets options", function()
    local server = serve(noting{})
    local socket = server.sockets[1]
    socket:setsockopt(1, 9, 1) -- SO_KEEPALIVE
    assert.equal(1, socket:getsockopt(1, 9))
    socket:setsockopt(1, 9, false)
    assert.equal(0, socket:getsockopt(1, 9))
    assert.equal(("i4"):pack(0), socket:getsockopt(1, 9, 4))
    socket:setsockopt(1, 9, ("i4"):pack(1))
    assert.equal(1, socket:getsockopt(1, 9))
    raises(asyncio.OSError, socket.getsockopt, socket, 1, 12345)
    raises(asyncio.OSError, socket.setsockopt, socket, 1, 12345, 1)
    for _, size in ipairs{-1, 1025} do assert.is_false((pcall(socket.getsockopt, socket, 1, 9, size))) end
    finish(server)
  end)

  it_serves("has no descriptor after the end", function()
    local server = serve(noting{})
    local socket = server.sockets[1]
    finish(server)
    assert.equal(-1, socket:fileno())
    assert.equal(9, raises(asyncio.OSError, socket.getsockname, socket).errno)
    assert.equal("<asyncio.TransportSocket fd=-1, family=2, type=1, proto=6>", tostring(socket))
  end)
end)
