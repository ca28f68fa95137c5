-- SPDX-License-Identifier: MIT
-- How many tasks a second can be made, run and gathered, a thousand at a time?
local harness = require "harness"
local asyncio = require "casync"
local await, create_task, gather = asyncio.await, asyncio.create_task, asyncio.gather

local tasks, size = harness.args()

local function body(x) return x end

asyncio.run(function()
  local start = harness.clock()
  for _ = 1, tasks // size do
    local all = {}
    for i = 1, size do all[i] = create_task(body, i) end
    assert(await(gather(all))[size] == size)
  end
  harness.report(tasks // size * size, harness.clock() - start)
end)
