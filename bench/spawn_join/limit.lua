-- SPDX-License-Identifier: MIT
local harness = require "harness"
local mini = require "mini"
local spawn, gather = mini.spawn, mini.gather

local tasks, size = harness.args()

local function body(x) return x end

mini.run(function()
  local start = harness.clock()
  for _ = 1, tasks // size do
    local all = {}
    for i = 1, size do all[i] = spawn(body, i) end
    assert(gather(all)[size] == size)
  end
  harness.report(tasks // size * size, harness.clock() - start)
end)
