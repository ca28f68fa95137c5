-- SPDX-License-Identifier: MIT
local harness = require "harness"
local mini = require "mini"
local switch = mini.switch

local tasks, ops = harness.args()
local turns = ops // tasks

local function body()
  for _ = 1, turns do switch() end
end

mini.run(function()
  local all = {}
  for i = 1, tasks do all[i] = mini.spawn(body) end
  switch()
  local start = harness.clock()
  mini.gather(all)
  harness.report(turns * tasks, harness.clock() - start)
end)
