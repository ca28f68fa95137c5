-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local port, mebibytes = harness.args()
local loop = cqueues.new()

loop:wrap(function()
  local client = assert(socket.connect{host = "127.0.0.1", port = port})
  client:setmode("bf", "bn")
  client:setbufsiz(262144)
  assert(client:connect())
  local start = harness.clock()
  local total = 0
  while true do
    local data = client:read(-262144)
    if not data then break end
    total = total + #data
  end
  assert(total == mebibytes << 20)
  harness.report(mebibytes, harness.clock() - start)
end)
assert(loop:loop())
