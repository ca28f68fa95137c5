-- SPDX-License-Identifier: MIT
-- As many bytes as will come: as Lua strings, or into one buffer, searched.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local port, mebibytes, style = harness.args()

local function strings()
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
  local start = harness.clock()
  local total = 0
  while true do
    local data = await(reader:read(262144))
    if data == "" then break end
    total = total + #data
  end
  local seconds = harness.clock() - start
  writer:close()
  return total, seconds
end

local Scan = asyncio.BufferedProtocol:subclass("Scan", {
  init = function(self)
    self.buffer = asyncio.Buffer(262144)
    self.total = 0
    self.ended = asyncio.get_running_loop():create_future()
  end,
  get_buffer = function(self) return self.buffer end,
  buffer_updated = function(self, n)
    local bytes = n == #self.buffer and self.buffer or self.buffer:view(1, n)
    assert(not bytes:find("\n"))
    self.total = self.total + n
  end,
  connection_lost = function(self) self.ended:set_result() end,
})

local function buffer()
  local loop = asyncio.get_running_loop()
  local _, scan = await(loop:create_connection(Scan, "127.0.0.1", port))
  local start = harness.clock()
  await(scan.ended)
  return scan.total, harness.clock() - start
end

asyncio.run(function()
  local total, seconds = (style == "strings" and strings or buffer)()
  assert(total == mebibytes << 20)
  harness.report(mebibytes, seconds)
end)
