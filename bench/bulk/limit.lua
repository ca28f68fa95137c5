-- SPDX-License-Identifier: MIT
local harness = require "harness"
local reader = require "reader"

local port, mebibytes, style = harness.args()
reader.connect(port)
if style == "kept" then reader.keep_memory() end

local total = 0
local start = harness.clock()
if style ~= "buffer" then
  local read = reader.read
  for data in read do total = total + #data end
else
  local scan = reader.scan
  for n in scan do total = total + n end
end
assert(total == mebibytes << 20)
harness.report(mebibytes, harness.clock() - start)
