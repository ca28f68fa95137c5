-- In debug mode, what is collected unclosed is told of: servers with their sockets, transports, loops.
local asyncio = require "casync"
local debugging = require "spec.support.debugging"
local no_leaks = require "spec.support.no_leaks"
local await = asyncio.await

local HERE = "spec/unit/debug/unclosed_spec%.lua"
local HOST = "127.0.0.1"

local function loop() return asyncio.get_running_loop() end

local function line() return debug.getinfo(2, "l").currentline end

local function no_protocol() return {} end

local function port_of(server) return server.sockets[1]:getsockname().port end

local function collect()
  collectgarbage()
  collectgarbage()
  await(asyncio.sleep(0))
end

describe("what is collected unclosed", function()
  no_leaks(before_each, after_each)

  it("is told of: a server that does not serve yet", function()
    local made
    local reports = debugging(function()
      made = line() + 1
      await(loop():create_server(no_protocol, HOST, 0, {start_serving = false}))
      collect()
    end)
    assert.equal(1, #reports)
    assert.matches("^unclosed server <Server sockets=%(<asyncio.TransportSocket fd=%d+, .*laddr=%('127.0.0.1', %d+%)>%)>$",
      reports[1].message)
    assert.matches(("^\t%s:%d: in "):format(HERE, made), reports[1].source_traceback)
    assert.is_true(asyncio.isinstance(reports[1].server, asyncio.Server))
  end)

  it("is told of: a server that serves when the loop closes", function()
    local reports = debugging(function() await(asyncio.start_server(function() end, HOST, 0)) end)
    assert.equal(1, #reports)
    assert.matches("^unclosed server <Server sockets=%(<asyncio.TransportSocket fd=%d+,", reports[1].message)
  end)

  it("is told of: both transports of a connection when the loop closes", function()
    local made, mine
    local reports = debugging(function()
      local server = await(loop():create_server(no_protocol, HOST, 0))
      made = line() + 1
      mine = await(loop():create_connection(no_protocol, HOST, port_of(server)))
      server:close()
      await(asyncio.sleep(0.01))
    end)
    assert.equal(2, #reports)
    for _, report in ipairs(reports) do
      assert.matches("^unclosed transport <SocketTransport fd=%d+ read=polling write=<idle, bufsize=0>>$", report.message)
      if report.transport == mine then
        assert.matches(("^\t%s:%d: in "):format(HERE, made), report.source_traceback)
      end
    end
    assert.is_true(reports[1].transport == mine or reports[2].transport == mine)
  end)

  it("is told of: a StreamWriter, with where the connection was opened", function()
    local made
    local reports = debugging(function()
      local server = await(asyncio.start_server(function(reader, writer)
        await(reader:read())
        writer:close()
      end, HOST, 0))
      made = line() + 1
      await(asyncio.open_connection(HOST, port_of(server)))
      collect()
      server:close()
      await(server:wait_closed())
    end)
    assert.equal(1, #reports)
    assert.equal("unclosed StreamWriter", reports[1].message)
    assert.matches(("^\t%s:%d: in "):format(HERE, made), reports[1].source_traceback)
  end)

  it("is told of: a loop", function()
    local reports = debugging(function()
      asyncio.testing.new_event_loop():set_debug(true)
      collect()
    end)
    assert.equal(1, #reports)
    assert.equal("unclosed event loop <Loop running=false closed=false debug=true>", reports[1].message)
  end)

  local function everything()
    do
      local server = await(asyncio.start_server(function(_, writer) writer:close() end, HOST, 0))
      local idle = await(loop():create_server(no_protocol, HOST, 0, {start_serving = false}))
      local _, writer = await(asyncio.open_connection(HOST, port_of(server)))
      writer:close()
      await(writer:wait_closed())
      for _, each in ipairs{server, idle} do
        each:close()
        await(each:wait_closed())
      end
      asyncio.new_event_loop():close()
    end
    collect()
  end

  it("is not told of when it was closed", function()
    assert.same({}, (debugging(everything)))
  end)

  it("is not told of out of debug mode", function()
    assert.same({}, (debugging(function()
      await(loop():create_server(no_protocol, HOST, 0, {start_serving = false}))
      local server = await(loop():create_server(no_protocol, HOST, 0))
      await(loop():create_connection(no_protocol, HOST, port_of(server)))
      asyncio.new_event_loop()
      collect()
    end, {debug = false})))
  end)
end)
