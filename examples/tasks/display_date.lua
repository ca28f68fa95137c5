-- The time of day, each second, for five seconds.
local asyncio = require "casync"
local await = asyncio.await

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local end_time = loop:time() + 5
  while true do
    print(os.date("%H:%M:%S"))
    if loop:time() + 1 >= end_time then break end
    await(asyncio.sleep(1))
  end
end)
