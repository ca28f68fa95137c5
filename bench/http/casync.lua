-- SPDX-License-Identifier: MIT
-- A hello server over HTTP/1.1 with keep-alive and a parser by hand.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local port, style = harness.args()

local hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!"
local request_line = "^(%u+) (%S+) HTTP/1%.1\r\n$"

local function handle(reader, writer)
  while true do
    local request = await(reader:readline())
    if request == "" then break end
    repeat local header = await(reader:readline()) until header == "\r\n" or header == ""
    if request:match(request_line) ~= "GET" then break end
    writer:write(hello)
    await(writer:drain())
  end
  writer:close()
end

local function streams() return await(asyncio.start_server(handle, "127.0.0.1", port)) end

-- Nothing is left over as a rule: the usual request takes no copy.
local Hello = asyncio.Protocol:subclass("Hello", {
  init = function(self) self.rest = "" end,
  connection_made = function(self, transport) self.transport = transport end,
  data_received = function(self, data)
    if self.rest ~= "" then data = self.rest .. data end
    local from = 1
    while true do
      local _, stop = data:find("\r\n\r\n", from, true)
      if not stop then break end
      if data:match("^(%u+) (%S+) HTTP/1%.1\r\n", from) ~= "GET" then return self.transport:close() end
      self.transport:write(hello)
      from = stop + 1
    end
    self.rest = from <= #data and data:sub(from) or ""
  end,
})

local function protocol()
  return await(asyncio.get_running_loop():create_server(Hello, "127.0.0.1", port))
end

asyncio.run(function()
  local server <close> = (style == "streams" and streams() or protocol()):enter()
  await(server:serve_forever())
end)
