-- SPDX-License-Identifier: MIT
-- Two tasks wake each other by futures: one new future, one result and one
-- switch a message.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local messages = harness.args()

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local slots = {loop:create_future(), loop:create_future()}

  local function ping()
    for i = 1, messages // 2 do
      local answer = loop:create_future()
      slots[1] = answer
      slots[2]:set_result(i)
      await(answer)
    end
  end

  local function pong()
    for i = 1, messages // 2 do
      await(slots[2])
      slots[2] = loop:create_future()
      slots[1]:set_result(i)
    end
  end

  local start = harness.clock()
  await(asyncio.gather(asyncio.create_task(ping), asyncio.create_task(pong)))
  harness.report(messages // 2 * 2, harness.clock() - start)
end)
