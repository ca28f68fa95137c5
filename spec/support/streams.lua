-- Connections for the specs of streams: both ends in one loop, on loopback, with bounded waits.
local asyncio = require "casync"
local fds = require "fds"
local await = asyncio.await

local streams = {}

local PATIENCE = 15 -- seconds after which a test has failed

--- A test that awaits on a real loop, ends in any case and leaves nothing behind. f gets a list `reports` that the loop's
--- exception handler fills with contexts; a test that does not look at it (reports.expected) may have none.
function streams.test(f)
  return asyncio.testing.async(function()
    local reports = {}
    asyncio.get_running_loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    f(reports)
    if not reports.expected and reports[1] then
      error(("reported: %s: %s"):format(reports[1].message, tostring(reports[1].exception)), 0)
    end
  end, {loop_factory = asyncio.new_event_loop, timeout = PATIENCE})
end

--- A server on a free port of loopback and its port; options as start_server's.
function streams.serve(handler, options)
  local server = await(asyncio.start_server(handler, "127.0.0.1", 0, options))
  return server, server.sockets[1]:getsockname().port
end

--- Two ends of a connection: {reader, writer, transport}, the client's and the server's. Options as start_server's.
function streams.pair(options)
  local accepted = asyncio.get_running_loop():create_future()
  local server, port = streams.serve(function(reader, writer) accepted:set_result(reader, writer) end, options)
  local function ends(reader, writer) return {reader = reader, writer = writer, transport = writer.transport} end
  local near = ends(await(asyncio.open_connection("127.0.0.1", port, options)))
  local far = ends(await(accepted))
  server:close()
  return near, far
end

--- Breaks the connection: the peer gets ECONNRESET.
function streams.break_off(side)
  fds.reset_at_close(side.writer:get_extra_info("socket"):fileno())
  side.transport:abort()
end

--- Waits until a question is answered with true.
function streams.until_true(question)
  while not question() do await(asyncio.sleep(0.001)) end
end

--- Awaits something that must raise an error of the class; returns the error.
function streams.raises(class, awaitable)
  local ok, err = pcall(await, awaitable)
  assert(not ok, "no error")
  assert(asyncio.isinstance(err, class), tostring(err))
  return err
end

return streams
