-- SPDX-License-Identifier: MIT
-- A queue of cqueues' condition variables, as its users write them.
local harness = require "harness"
local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local messages = harness.args()
local loop = cqueues.new()
local size, first, last, items = 1, 1, 0, {}
local not_empty, not_full = condition.new(), condition.new()

local function put(item)
  while last - first + 1 >= size do not_full:wait() end
  last = last + 1
  items[last] = item
  not_empty:signal(1)
end

local function get()
  while last < first do not_empty:wait() end
  local item = items[first]
  items[first] = nil
  first = first + 1
  not_full:signal(1)
  return item
end

local start = harness.clock()
loop:wrap(function()
  for i = 1, messages do put(i) end
end)
loop:wrap(function()
  for _ = 1, messages do get() end
end)
assert(loop:loop())
harness.report(messages, harness.clock() - start)
