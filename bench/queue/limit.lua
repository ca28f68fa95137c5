-- SPDX-License-Identifier: MIT
local harness = require "harness"
local mini = require "mini"
local put, get = mini.put, mini.get

local messages = harness.args()

mini.run(function()
  local queue = mini.queue(1)

  local function producer()
    for i = 1, messages do put(queue, i) end
  end

  local function consumer()
    for _ = 1, messages do get(queue) end
  end

  local start = harness.clock()
  mini.gather{mini.spawn(producer), mini.spawn(consumer)}
  harness.report(messages, harness.clock() - start)
end)
