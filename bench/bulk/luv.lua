-- SPDX-License-Identifier: MIT
local harness = require "harness"
local uv = require "luv"

local port, mebibytes = harness.args()
local total, start = 0, nil

local client = uv.new_tcp()
client:connect("127.0.0.1", port, function(failure)
  assert(not failure, failure)
  start = harness.clock()
  client:read_start(function(_, data)
    if data then total = total + #data else client:close() end
  end)
end)
uv.run()
assert(total == mebibytes << 20)
harness.report(mebibytes, harness.clock() - start)
