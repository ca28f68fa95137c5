-- asyncio's "TCP echo server using streams": answers one message of each client with the same message.
--   lua5.4 examples/streams/tcp_echo_server.lua [PORT]     8888 unless told; 0 takes a free one
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local handle_echo = async("handle_echo", function(reader, writer)
  local message = await(reader:read(100))
  local addr = writer:get_extra_info("peername")
  print(("Received %q from %s"):format(message, addr.host))

  print(("Send: %q"):format(message))
  writer:write(message)
  await(writer:drain())

  print("Close the connection")
  writer:close()
  await(writer:wait_closed())
end)

io.stdout:setvbuf("line")
asyncio.run(function()
  local server = await(asyncio.start_server(handle_echo, "127.0.0.1", tonumber(arg[1]) or 8888))
  print(("Serving on %s:%d"):format(table.unpack(server.sockets[1]:getsockname())))

  local _ <close> = server:enter()
  await(server:serve_forever())
end)
