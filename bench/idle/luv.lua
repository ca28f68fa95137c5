-- SPDX-License-Identifier: MIT
local harness = require "harness"
local uv = require "luv"

local port = harness.args()
local server = uv.new_tcp()
assert(server:bind("127.0.0.1", port))
assert(server:listen(4096, function()
  local client = uv.new_tcp()
  server:accept(client)
  client:nodelay(true)
  client:read_start(function(_, data)
    if not data then return client:close() end
    client:write(data == "count\n" and harness.lua_kb() .. "\n" or data)
  end)
end))
uv.run()
