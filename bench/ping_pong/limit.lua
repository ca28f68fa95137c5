-- SPDX-License-Identifier: MIT
local harness = require "harness"
local mini = require "mini"
local future, set_result, wait = mini.future, mini.set_result, mini.wait

local messages = harness.args()

mini.run(function()
  local slots = {future(), future()}

  local function ping()
    for i = 1, messages // 2 do
      local answer = future()
      slots[1] = answer
      set_result(slots[2], i)
      wait(answer)
    end
  end

  local function pong()
    for i = 1, messages // 2 do
      wait(slots[2])
      slots[2] = future()
      set_result(slots[1], i)
    end
  end

  local start = harness.clock()
  mini.gather{mini.spawn(ping), mini.spawn(pong)}
  harness.report(messages // 2 * 2, harness.clock() - start)
end)
