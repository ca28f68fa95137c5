-- SPDX-License-Identifier: MIT
-- A thousand tasks to look at from outside, until Ctrl-C:
--
--     casync examples/thousand_tasks.lua &
--     casync ps $!
--     casync pstree $!
--
-- Of the workers one has a job and the lock, one has a job and wants the lock, all others wait for a job.
local asyncio = require "casync"
local await, sleep = asyncio.await, asyncio.sleep

local jobs, lock = asyncio.Queue(), asyncio.Lock()

local worker = asyncio.async("worker", function()
  while true do
    local seconds = await(jobs:get())
    local _ <close> = lock:enter()
    await(sleep(seconds))
  end
end)

local feeder = asyncio.async("feeder", function()
  while true do
    await(jobs:put(86400))
    await(jobs:put(86400))
    await(sleep(86400))
  end
end)

local main = asyncio.async("main", function()
  local group <close> = asyncio.TaskGroup():enter()
  for i = 1, 998 do group:create_task(worker(), {name = "worker-" .. i}) end
  group:create_task(feeder(), {name = "feeder"})
  await(sleep(0.2)) -- by now it can be asked
  print("ready")
  io.stdout:flush()
end)

asyncio.run(main())
