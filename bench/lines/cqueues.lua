-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local port, expected = harness.args()
local loop = cqueues.new()

loop:wrap(function()
  local client = assert(socket.connect{host = "127.0.0.1", port = port})
  client:setmode("bf", "bn")
  assert(client:connect())
  local start = harness.clock()
  local count = 0
  for _ in client:lines("*L") do count = count + 1 end
  assert(count == expected)
  harness.report(count, harness.clock() - start)
end)
assert(loop:loop())
