-- A task group has no method to stop it: a task that raises an error of your own ends it.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local TerminateTaskGroup = asyncio.Exception:subclass("TerminateTaskGroup")

local force_terminate_task_group = async(function()
  error(TerminateTaskGroup())
end)

local job = async(function(number, seconds)
  print(("Task %d: start"):format(number))
  await(asyncio.sleep(seconds))
  print(("Task %d: done"):format(number))
end)

asyncio.run(function()
  local ok, err = pcall(asyncio.with, asyncio.TaskGroup(), function(group)
    group:create_task(job(1, 0.5))
    group:create_task(job(2, 1.5))
    await(asyncio.sleep(1))
    group:create_task(force_terminate_task_group())
  end)
  local mine, others
  if not ok then mine, others = err:split(TerminateTaskGroup) end
  if others then error(others, 0) end
  print(("terminated by %d error"):format(#mine.exceptions))
end)
