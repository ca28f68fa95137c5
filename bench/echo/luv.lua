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
    if data then client:write(data) else client:close() end
  end)
end))
uv.run()
