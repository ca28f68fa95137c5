-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"
local promise = require "cqueues.promise"

local messages = harness.args()
local loop = cqueues.new()
local slots = {promise.new(), promise.new()}

local start = harness.clock()
loop:wrap(function()
  for i = 1, messages // 2 do
    local answer = promise.new()
    slots[1] = answer
    slots[2]:set(true, i)
    answer:get()
  end
end)
loop:wrap(function()
  for i = 1, messages // 2 do
    slots[2]:get()
    slots[2] = promise.new()
    slots[1]:set(true, i)
  end
end)
assert(loop:loop())
harness.report(messages // 2 * 2, harness.clock() - start)
