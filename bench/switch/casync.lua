-- SPDX-License-Identifier: MIT
-- How long does await(sleep(0)) take, with N tasks taking turns?
local harness = require "harness"
local asyncio = require "casync"
local await, sleep = asyncio.await, asyncio.sleep

local tasks, ops = harness.args()
local turns = ops // tasks

local function body()
  for _ = 1, turns do await(sleep(0)) end
end

asyncio.run(function()
  local all = {}
  for i = 1, tasks do all[i] = asyncio.create_task(body) end
  await(sleep(0)) -- each has begun
  local start = harness.clock()
  await(asyncio.gather(all))
  harness.report(turns * tasks, harness.clock() - start)
end)
