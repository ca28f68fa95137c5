-- SPDX-License-Identifier: MIT
-- cqueues joins by a count and a condition variable.
local harness = require "harness"
local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local tasks, size = harness.args()
local loop = cqueues.new()

loop:wrap(function()
  local start = harness.clock()
  for _ = 1, tasks // size do
    local results, left, done = {}, size, condition.new()
    for i = 1, size do
      loop:wrap(function(x)
        results[x] = x
        left = left - 1
        if left == 0 then done:signal() end
      end, i)
    end
    done:wait()
    assert(results[size] == size)
  end
  harness.report(tasks // size * size, harness.clock() - start)
end)
assert(loop:loop())
