-- shield() lets a cancellation reach who waits, but not what is waited for.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local save = async(function()
  print("saving ...")
  await(asyncio.sleep(2))
  print("saved")
  return 7
end)

local waiter = async(function(saving)
  local ok, err = pcall(await, asyncio.shield(saving))
  if not ok then
    print("waiter: " .. tostring(err))
    error(err, 0)
  end
end)

asyncio.run(function()
  local saving = asyncio.create_task(save())
  local waiting = asyncio.create_task(waiter(saving))
  await(asyncio.sleep(1))
  waiting:cancel()
  await(asyncio.wait{waiting})
  print("waiter cancelled: " .. tostring(waiting:cancelled()))
  print("saving gave " .. await(saving))
end)
