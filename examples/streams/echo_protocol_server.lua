-- asyncio's "TCP echo server" with a protocol: callbacks on a transport instead of a task with streams.
--   lua5.4 examples/streams/echo_protocol_server.lua [PORT]     8888 unless told; 0 takes a free one
local asyncio = require "casync"
local await = asyncio.await

local EchoServerProtocol = asyncio.Protocol:subclass("EchoServerProtocol")

function EchoServerProtocol:connection_made(transport)
  print("Connection from " .. transport:get_extra_info("peername").host)
  self.transport = transport
end

function EchoServerProtocol:data_received(data)
  print(("Data received: %q"):format(data))

  print(("Send: %q"):format(data))
  self.transport:write(data)

  print("Close the client socket")
  self.transport:close()
end

io.stdout:setvbuf("line")
asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local port = tonumber(arg[1]) or 8888
  -- A class is called for each connection, as a function that makes a protocol would be.
  local server <close> = await(loop:create_server(EchoServerProtocol, "127.0.0.1", port)):enter()
  print(("Serving on %s:%d"):format(table.unpack(server.sockets[1]:getsockname())))
  await(server:serve_forever())
end)
