-- SPDX-License-Identifier: MIT
local harness = require "harness"
local uv = require "luv"

local timers, seconds = harness.args()
local delay = harness.delays()
local start = harness.clock()
for _ = 1, timers do
  local timer = uv.new_timer()
  timer:start(math.ceil(delay() * seconds * 1000), 0, function() timer:close() end)
end
uv.run()
harness.report(timers, harness.clock() - start)
