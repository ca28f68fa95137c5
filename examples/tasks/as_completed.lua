-- as_completed() hands out awaitables in the order in which they finish.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local connect = async(function(host, seconds)
  await(asyncio.sleep(seconds))
  return host
end)

asyncio.run(function()
  -- The head of the loop waits; the items are the tasks themselves, finished.
  local slow = asyncio.create_task(connect("slow", 3))
  local quick = asyncio.create_task(connect("quick", 1))
  for task in asyncio.as_completed{slow, quick} do
    print(("connected to %s%s"):format(task:result(), task == quick and ", first" or ""))
  end

  -- Python's plain `for`: the items are coroutine objects of the next results, waited for in the body.
  for next_result in asyncio.as_completed({connect("far", 2), connect("near", 1)}):plain() do
    print("connected to " .. await(next_result))
  end
end)
