-- SPDX-License-Identifier: MIT
-- An echo server whose connections fall silent, each with a task in
-- reader:read(). Asked to count, it collects its garbage and tells what Lua holds.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local port = harness.args()

local function serve(reader, writer)
  while true do
    local data = await(reader:read(65536))
    if data == "" then break end
    writer:write(data == "count\n" and harness.lua_kb() .. "\n" or data)
    await(writer:drain())
  end
  writer:close()
end

asyncio.run(function()
  local server <close> = await(asyncio.start_server(serve, "127.0.0.1", port)):enter()
  await(server:serve_forever())
end)
