-- SPDX-License-Identifier: MIT
-- Messages from one task to another through a queue with room for one.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local messages = harness.args()

asyncio.run(function()
  local queue = asyncio.Queue(1)

  local function producer()
    for i = 1, messages do await(queue:put(i)) end
  end

  local function consumer()
    for _ = 1, messages do await(queue:get()) end
  end

  local start = harness.clock()
  await(asyncio.gather(asyncio.create_task(producer), asyncio.create_task(consumer)))
  harness.report(messages, harness.clock() - start)
end)
