-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local port = harness.args()
local loop = cqueues.new()

loop:wrap(function()
  local server = assert(socket.listen{host = "127.0.0.1", port = port, nodelay = true, reuseaddr = true})
  for client in server:clients() do
    client:setmode("bf", "bn")
    loop:wrap(function()
      while true do
        local data = client:read(-262144)
        if not data then break end
        client:write(data)
      end
      client:close()
    end)
  end
end)
assert(loop:loop())
