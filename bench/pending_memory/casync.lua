-- SPDX-License-Identifier: MIT
-- What does a task that sleeps for an hour weigh, and what does it cost to
-- get it there?
local harness = require "harness"
local asyncio = require "casync"
local await, sleep = asyncio.await, asyncio.sleep

local tasks = harness.args()

local function body() await(sleep(3600)) end

asyncio.run(function()
  await(sleep(0))
  collectgarbage()
  local before = harness.rss_kb()
  local start = harness.clock()
  for _ = 1, tasks do asyncio.create_task(body) end
  await(sleep(0)) -- all sleep
  local seconds = harness.clock() - start
  local bytes = (harness.rss_kb() - before) * 1024 / tasks
  harness.report(tasks, seconds, string.format("bytes=%.0f", bytes))
  io.stdout:flush()
  os.exit(true, false) -- without waking them all
end)
