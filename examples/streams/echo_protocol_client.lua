-- asyncio's "TCP echo client" with a protocol: sends one message, prints what comes back, ends when the server closes.
--   lua5.4 examples/streams/echo_protocol_client.lua [PORT [MESSAGE]]
local asyncio = require "casync"
local await = asyncio.await

local EchoClientProtocol = asyncio.Protocol:subclass("EchoClientProtocol")

function EchoClientProtocol:init(message, on_con_lost)
  self.message, self.on_con_lost = message, on_con_lost
end

function EchoClientProtocol:connection_made(transport)
  transport:write(self.message)
  print(("Data sent: %q"):format(self.message))
end

function EchoClientProtocol:data_received(data)
  print(("Data received: %q"):format(data))
end

function EchoClientProtocol:connection_lost()
  print("The server closed the connection")
  self.on_con_lost:set_result(true)
end

asyncio.run(function()
  -- A future joins the world of callbacks and that of tasks.
  local loop = asyncio.get_running_loop()
  local on_con_lost = loop:create_future()
  local message = arg[2] or "Hello World!"
  local transport = await(loop:create_connection(function()
    return EchoClientProtocol(message, on_con_lost)
  end, "127.0.0.1", tonumber(arg[1]) or 8888))

  await(on_con_lost)
  transport:close()
end)
