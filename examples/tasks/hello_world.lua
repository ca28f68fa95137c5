-- The smallest program: run() makes a loop, runs a coroutine in it, and cleans up.
local asyncio = require "casync"
local await = asyncio.await

asyncio.run(function()
  print("hello")
  await(asyncio.sleep(1))
  print("world")
end)
