-- wait_for() gives up after a time: it cancels what it waits for and raises TimeoutError.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local eternity = async(function()
  await(asyncio.sleep(3600))
  print("yay!")
end)

asyncio.run(function()
  local ok, err = pcall(await, asyncio.wait_for(eternity(), 1))
  if not ok and asyncio.isinstance(err, asyncio.TimeoutError) then
    print("timeout!")
  end
end)
