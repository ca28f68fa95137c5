-- asyncio's "TCP echo client using streams": sends one message and prints what comes back.
--   lua5.4 examples/streams/tcp_echo_client.lua [PORT [MESSAGE]]
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local tcp_echo_client = async("tcp_echo_client", function(port, message)
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))

  print(("Send: %q"):format(message))
  writer:write(message)
  await(writer:drain())

  local data = await(reader:read(100))
  print(("Received: %q"):format(data))

  print("Close the connection")
  writer:close()
  await(writer:wait_closed())
end)

asyncio.run(tcp_echo_client(tonumber(arg[1]) or 8888, arg[2] or "Hello World!"))
