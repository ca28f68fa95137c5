-- SPDX-License-Identifier: MIT
-- Whatever comes goes back, in the three ways that asyncio has for it.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local port, style = harness.args()

local function streams()
  return await(asyncio.start_server(function(reader, writer)
    while true do
      local data = await(reader:read(262144))
      if data == "" then break end
      writer:write(data)
      await(writer:drain())
    end
    writer:close()
  end, "127.0.0.1", port))
end

local Echo = asyncio.Protocol:subclass("Echo", {
  connection_made = function(self, transport) self.transport = transport end,
  data_received = function(self, data) self.transport:write(data) end,
})

local BufferedEcho = asyncio.BufferedProtocol:subclass("BufferedEcho", {
  init = function(self) self.buffer = asyncio.Buffer(262144) end,
  connection_made = function(self, transport) self.transport = transport end,
  get_buffer = function(self) return self.buffer end,
  buffer_updated = function(self, n) self.transport:write(self.buffer:view(1, n)) end,
})

local function protocol(factory)
  return await(asyncio.get_running_loop():create_server(factory, "127.0.0.1", port))
end

asyncio.run(function()
  local server <close> = (style == "streams" and streams()
    or protocol(style == "protocol" and Echo or BufferedEcho)):enter()
  await(server:serve_forever())
end)
