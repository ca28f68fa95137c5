-- SPDX-License-Identifier: MIT
-- The same with an iterator, which makes no object for each message.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local messages = harness.args()

asyncio.run(function()
  local queue = asyncio.Queue(1)

  local function producer()
    for i = 1, messages do await(queue:put(i)) end
    queue:shutdown()
  end

  local function consumer()
    local n = 0
    for _ in queue:items() do n = n + 1 end
    assert(n == messages)
  end

  local start = harness.clock()
  await(asyncio.gather(asyncio.create_task(producer), asyncio.create_task(consumer)))
  harness.report(messages, harness.clock() - start)
end)
