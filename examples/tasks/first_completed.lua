-- wait() returns when something has happened, and says what is done and what is not; it cancels nothing.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local fetch = async(function(mirror, seconds)
  await(asyncio.sleep(seconds))
  return "answer of " .. mirror
end)

asyncio.run(function()
  local tasks = {
    asyncio.create_task(fetch("north", 3)),
    asyncio.create_task(fetch("south", 1)),
    asyncio.create_task(fetch("west", 2)),
  }
  local done, pending = await(asyncio.wait(tasks, {return_when = asyncio.FIRST_COMPLETED}))
  print(#done, done[1]:result())
  print(#pending, "still pending")
  for _, task in ipairs(pending) do task:cancel() end
end)
