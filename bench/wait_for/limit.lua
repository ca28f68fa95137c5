-- SPDX-License-Identifier: MIT
-- limit.lua N coroutine: a child task that finishes at once, and a timer.
-- limit.lua N done: a timer started and stopped around a finished task.
local harness = require "harness"
local mini = require "mini_ev"
local wait_for = mini.wait_for

local ops, what = harness.args()

mini.run(function()
  local function body() return 1 end
  local aw = body
  if what == "done" then
    aw = mini.spawn(body)
    mini.await(aw)
  end
  local start = harness.clock()
  for _ = 1, ops do wait_for(aw, 10) end
  harness.report(ops, harness.clock() - start)
end)
