-- SPDX-License-Identifier: MIT
local harness = require "harness"
local mini = require "mini_ev"
local spawn, sleep = mini.spawn, mini.sleep

local tasks, seconds = harness.args()

local function body(delay) sleep(delay) end

mini.run(function()
  local delay = harness.delays()
  local all = {}
  local start = harness.clock()
  for i = 1, tasks do all[i] = spawn(body, delay() * seconds) end
  mini.gather(all)
  harness.report(tasks, harness.clock() - start)
  io.stdout:flush()
  os.exit(true, false)
end)
