-- loop:create_connection on the loopback.
local lfs = require "lfs"
local asyncio = require "casync"
local core = require "casync.core"
local testing = require "casync.testing"
local await, sleep, create_task, isinstance = asyncio.await, asyncio.sleep, asyncio.create_task, asyncio.isinstance

local HOST = "127.0.0.1"
local LIMIT = 10 -- seconds of real time that anything here may take
local INET, STREAM, TCP = 2, 1, 6

local function loop() return asyncio.get_running_loop() end
local function nothing() return {} end

local function open_descriptors()
  local n = 0
  for _ in lfs.dir("/proc/self/fd") do n = n + 1 end
  return n
end

-- A test in a task of a loop on the real clock, which is over in time and leaves nothing behind.
local function it_connects(name, f)
  it(name, testing.async(f, {loop_factory = asyncio.new_event_loop, timeout = LIMIT}))
end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(isinstance(err, class), tostring(err))
  return err
end

local function serve(host, port)
  local server = await(loop():create_server(nothing, host or HOST, port or 0))
  return server, server.sockets[1]:getsockname().port
end

local function finish(server, ...)
  for _, transport in ipairs{...} do transport:close() end
  server:close()
  server:close_clients()
  await(server:wait_closed())
end

-- A port at which nobody listens.
local function dead_port()
  local server, port = serve()
  finish(server)
  return port
end

-- Lets a host that is called "several" have these addresses, for the test that runs.
local function let_resolve(addresses)
  loop().getaddrinfo = function(_, host, port, opts)
    local infos = {}
    assert.equal("several", host)
    assert.equal(STREAM, opts.type)
    for i, address in ipairs(addresses) do
      infos[i] = {family = address.family or INET, type = STREAM, proto = TCP, canonname = "",
        sockaddr = {address[1], address[2] or port}}
    end
    local future = loop():create_future()
    future:set_result(infos)
    return future
  end
end

local function connect(host, port, opts) return await(loop():create_connection(nothing, host, port, opts)) end

-- A port whose connects pend, and how to end that: the queue of connections that nobody accepts is full.
local function busy_port(f)
  local listening = core.socket(INET, STREAM, 0)
  listening:bind{HOST, 0}
  local port = listening:getsockname().port
  core.listen(loop(), listening, 0, function() end):stop() -- listens, but nobody looks
  local full = {}
  for i = 1, 8 do
    local socket = core.socket(INET, STREAM, 0)
    full[i] = socket
    local task = create_task(core.sock_connect(socket, {HOST, port}))
    for _ = 1, 20 do await(sleep(0)) end
    if not task:done() then
      task:cancel()
      raises(asyncio.CancelledError, await, task)
      break
    end
  end
  f(port)
  for _, socket in ipairs(full) do socket:close() end
  listening:close()
end

describe("loop:create_connection", function()
  it_connects("returns a transport and the protocol that was made for it", function()
    local server, port = serve()
    local made = {}
    local transport, protocol = await(loop():create_connection(function()
      local p = {}
      function p:connection_made(t) made.protocol, made.transport = self, t end
      return p
    end, HOST, port))
    assert.equal(made.protocol, protocol) -- P1: before it returns
    assert.equal(made.transport, transport)
    assert.same({HOST, port, host = HOST, port = port}, transport:get_extra_info("peername"))
    finish(server, transport)
  end)

  it_connects("takes a port as text", function()
    local server, port = serve()
    local transport = connect(HOST, tostring(port))
    finish(server, transport)
  end)

  it_connects("asks nobody about an address", function() -- H1
    local server, port = serve()
    loop().getaddrinfo = function() error("asked") end
    finish(server, (connect(HOST, port)))
  end)

  it_connects("says which address refused", function()
    local port = dead_port()
    local err = raises(asyncio.ConnectionRefusedError, connect, HOST, port)
    assert.equal(("[Errno 111] Connect call failed ('%s', %d)"):format(HOST, port), err.message)
    assert.equal(111, err.errno)
  end)

  it_connects("tries all addresses in order", function() -- H2
    local server, port = serve("127.0.0.3")
    let_resolve{{"127.0.0.2"}, {"127.0.0.3"}, {"127.0.0.4"}}
    local transport = connect("several", port)
    assert.equal("127.0.0.3", transport:get_extra_info("peername").host)
    finish(server, transport)
  end)

  it_connects("raises the error that all addresses have in common", function() -- H5
    let_resolve{{HOST, dead_port()}}
    assert.equal("[Errno 111] Connect call failed", raises(asyncio.ConnectionRefusedError, connect, "several", 1).message:sub(1, 31))
    local port = dead_port()
    let_resolve{{HOST, port}, {HOST, port}}
    local err = raises(asyncio.ConnectionRefusedError, connect, "several", 1)
    assert.equal(("[Errno 111] Connect call failed ('%s', %d)"):format(HOST, port), err.message)
  end)

  it_connects("names all errors where they differ", function() -- H5
    local port = dead_port()
    let_resolve{{"127.0.0.2"}, {"127.0.0.3"}}
    local err = raises(asyncio.OSError, connect, "several", port)
    assert.equal(("Multiple exceptions: [Errno 111] Connect call failed ('127.0.0.2', %d), " ..
      "[Errno 111] Connect call failed ('127.0.0.3', %d)"):format(port, port), err.message)
  end)

  it_connects("with all_errors raises a group of them", function() -- H5
    let_resolve{{"127.0.0.2"}, {"127.0.0.3"}}
    local group = raises(asyncio.ExceptionGroup, connect, "several", dead_port(), {all_errors = true})
    assert.equal("create_connection failed", group.message:sub(1, 24))
    assert.equal(2, #group.exceptions)
    let_resolve{{"127.0.0.2"}}
    assert.equal(1, #raises(asyncio.ExceptionGroup, connect, "several", dead_port(), {all_errors = true}).exceptions)
  end)

  it_connects("raises where there is no address", function()
    let_resolve{}
    assert.equal("getaddrinfo() returned empty list", raises(asyncio.OSError, connect, "several", 1).message)
  end)

  it_connects("goes on to the next address where a family is unknown", function()
    local server, port = serve()
    let_resolve{{HOST, family = 12345}, {HOST}}
    finish(server, (connect("several", port)))
  end)

  it_connects("raises at once what is no OSError", function()
    let_resolve{{HOST, "no number"}, {HOST}}
    raises(asyncio.TypeError, connect, "several", 1)
  end)

  it_connects("binds to a local address", function()
    local server, port = serve()
    local transport = connect(HOST, port, {local_addr = {"127.0.0.9", 0}})
    assert.equal("127.0.0.9", transport:get_extra_info("sockname").host)
    finish(server, transport)
  end)

  it_connects("says which local address cannot be bound", function()
    local server, port = serve()
    local err = raises(asyncio.OSError, connect, HOST, port, {local_addr = {HOST, port}})
    assert.equal(98, err.errno)
    assert.equal(("[Errno 98] error while attempting to bind on address ('%s', %d): [errno 98] address already in use")
      :format(HOST, port), err.message)
    finish(server)
  end)

  it_connects("wants a local address of the same family", function()
    local err = raises(asyncio.OSError, connect, HOST, 1, {local_addr = {"::1", 0}})
    assert.equal("no matching local address with family=2 found", err.message)
  end)

  it_connects("whose factory raises closes the connection", function() -- P2
    local server, port = serve()
    local err = raises(asyncio.ValueError, await, loop():create_connection(function()
      error(asyncio.ValueError("no protocol"), 0)
    end, HOST, port))
    assert.equal("no protocol", err.message)
    finish(server)
  end)

  it_connects("wants a host or a port", function() -- H6
    local err = raises(asyncio.ValueError, connect)
    assert.equal("host and port was not specified and no sock specified", err.message)
  end)

  for name, arguments in pairs{
    ["a factory that is none"] = {5, HOST, 1},
    ["a host that is no text"] = {nothing, 5, 1},
    ["an option that it does not know"] = {nothing, HOST, 1, {sock = 5}},
    ["a local_addr that is no table"] = {nothing, HOST, 1, {local_addr = "here"}},
    ["a delay that is no number"] = {nothing, HOST, 1, {happy_eyeballs_delay = "soon"}},
    ["options that are no table"] = {nothing, HOST, 1, 7},
  } do
    it_connects("refuses " .. name, function()
      raises(asyncio.TypeError, loop().create_connection, loop(), table.unpack(arguments, 1, 4))
    end)
  end

  it("works on a virtual clock, which stands still meanwhile", function()
    testing.run(function()
      local server, port = serve()
      local transport = connect(HOST, port)
      assert.equal(0, loop():time())
      finish(server, transport)
    end)
  end)
end)

describe("a connect that is cancelled", function()
  it_connects("before it began opens nothing", function()
    local before = open_descriptors()
    local task = create_task(loop():create_connection(nothing, HOST, 1))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(before, open_descriptors())
  end)

  it_connects("while it pends closes its socket", function()
    busy_port(function(port)
      local before = open_descriptors()
      local task = create_task(loop():create_connection(nothing, HOST, port))
      for _ = 1, 5 do await(sleep(0)) end
      assert.is_false(task:done())
      assert.equal(before + 1, open_descriptors())
      task:cancel("enough")
      assert.equal("enough", raises(asyncio.CancelledError, await, task).message)
      assert.equal(before, open_descriptors())
    end)
  end)

  it_connects("by a timeout closes its socket", function()
    busy_port(function(port)
      raises(asyncio.TimeoutError, await, asyncio.wait_for(loop():create_connection(nothing, HOST, port), 0.02))
    end)
  end)

  it_connects("twice is cancelled once", function()
    busy_port(function(port)
      local task = create_task(loop():create_connection(nothing, HOST, port))
      for _ = 1, 3 do await(sleep(0)) end
      task:cancel("first")
      task:cancel("second")
      assert.equal("first", raises(asyncio.CancelledError, await, task).message)
      assert.equal(2, task:cancelling())
    end)
  end)

  -- Wherever the cancellation comes, nothing is left open.
  for turns = 0, 6 do
    it_connects(("after %d turns leaves nothing open"):format(turns), function()
      local server, port = serve()
      local task = create_task(loop():create_connection(nothing, HOST, port))
      for _ = 1, turns do await(sleep(0)) end
      local was_possible = task:cancel()
      local ok, result = pcall(await, task)
      if was_possible then
        assert.is_true(isinstance(result, asyncio.CancelledError))
      else
        assert.is_true(ok)
        result:close()
      end
      finish(server)
      await(sleep(0))
    end)
  end
end)

describe("a socket of the core", function()
  it_connects("connects one task at a time", function()
    busy_port(function(port)
      local socket = core.socket(INET, STREAM, 0)
      local task = create_task(core.sock_connect(socket, {HOST, port}))
      await(sleep(0))
      raises(asyncio.RuntimeError, await, core.sock_connect(socket, {HOST, port}))
      raises(asyncio.RuntimeError, socket.close, socket)
      task:cancel()
      raises(asyncio.CancelledError, await, task)
      socket:close()
      assert.equal(9, raises(asyncio.OSError, core.sock_connect, socket, {HOST, port}).errno)
    end)
  end)

  it("that connects goes with its loop", function()
    local before = open_descriptors()
    local other = asyncio.new_event_loop()
    other:set_exception_handler(function() end)
    other:run_until_complete(function()
      busy_port(function(port)
        create_task(loop():create_connection(nothing, HOST, port))
        for _ = 1, 3 do await(sleep(0)) end
      end)
    end)
    other:close()
    collectgarbage() collectgarbage()
    assert.equal(before, open_descriptors())
  end)

  it("that connects is collected with its loop", function()
    local before = open_descriptors()
    asyncio.log.logger.handler = function() end -- the task is reported as destroyed
    do
      local other = asyncio.new_event_loop()
      other:set_exception_handler(function() end)
      other:run_until_complete(function()
        busy_port(function(port)
          create_task(loop():create_connection(nothing, HOST, port))
          for _ = 1, 3 do await(sleep(0)) end
        end)
      end)
    end
    collectgarbage() collectgarbage() collectgarbage()
    asyncio.run(function() end)
    asyncio.log.logger.handler = nil
    assert.equal(before, open_descriptors())
  end)
end)

describe("happy eyeballs", function()
  it_connects("start the next attempt when one fails", function() -- H3
    local server, port = serve("127.0.0.3")
    let_resolve{{"127.0.0.2"}, {"127.0.0.3"}}
    local transport = connect("several", port, {happy_eyeballs_delay = LIMIT})
    assert.equal("127.0.0.3", transport:get_extra_info("peername").host)
    finish(server, transport)
  end)

  it_connects("start the next attempt when the delay is over, and end the others", function() -- H3
    local server, port = serve()
    busy_port(function(busy)
      let_resolve{{HOST, busy}, {HOST, port}}
      local transport = connect("several", port, {happy_eyeballs_delay = 0.02})
      assert.equal(port, transport:get_extra_info("peername").port)
      finish(server, transport)
    end)
  end)

  it_connects("raise all errors in the order of the addresses", function() -- H5
    let_resolve{{"127.0.0.2"}, {"127.0.0.3"}}
    local group = raises(asyncio.ExceptionGroup, connect, "several", dead_port(),
      {happy_eyeballs_delay = LIMIT, all_errors = true})
    assert.equal(2, #group.exceptions)
    assert.truthy(group.exceptions[1].message:find("127.0.0.2", 1, true))
  end)

  it_connects("that are cancelled end all attempts", function()
    busy_port(function(busy)
      local before = open_descriptors()
      let_resolve{{HOST, busy}, {HOST, busy}}
      local task = create_task(loop():create_connection(nothing, "several", 1, {happy_eyeballs_delay = 0}))
      while open_descriptors() < before + 2 do await(sleep(0.001)) end
      task:cancel()
      raises(asyncio.CancelledError, await, task)
      assert.equal(before, open_descriptors())
    end)
  end)

  it_connects("order the addresses by family in turn", function() -- H3, H4
    local INET6 = 10
    local function order(opts)
      local tried = {}
      let_resolve{{"a", family = INET}, {"b", family = INET}, {"c", family = INET}, {"d", family = INET6}, {"e", family = INET6}}
      local real = core.socket
      core.socket = function(family)
        tried[#tried + 1] = family == INET and "4" or "6"
        error(asyncio.OSError("no socket"), 0)
      end
      local ok = pcall(connect, "several", 1, opts)
      core.socket = real
      assert.is_false(ok)
      return table.concat(tried)
    end
    assert.equal("44466", order())
    assert.equal("46464", order{interleave = 1})
    assert.equal("44646", order{interleave = 2})
    assert.equal("44466", order{interleave = 9})
    assert.equal("46464", order{happy_eyeballs_delay = LIMIT})
    assert.equal("44466", order{happy_eyeballs_delay = LIMIT, interleave = 0})
  end)
end)
