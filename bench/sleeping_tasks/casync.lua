-- SPDX-License-Identifier: MIT
-- What does a task cost that sleeps once and ends, among many others?
local harness = require "harness"
local asyncio = require "casync"
local await, sleep = asyncio.await, asyncio.sleep

local tasks, seconds = harness.args()

local function body(delay) await(sleep(delay)) end

asyncio.run(function()
  local delay = harness.delays()
  local all = {}
  local start = harness.clock()
  for i = 1, tasks do all[i] = asyncio.create_task(body, delay() * seconds) end
  await(asyncio.gather(all))
  harness.report(tasks, harness.clock() - start)
  io.stdout:flush()
  os.exit(true, false)
end)
