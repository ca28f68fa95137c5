-- Two tasks at once: after a second "hello", after another second "world".
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local say_after = async(function(delay, what)
  await(asyncio.sleep(delay))
  print(what)
end)

asyncio.run(function()
  local hello = asyncio.create_task(say_after(1, "hello"))
  local world = asyncio.create_task(say_after(2, "world"))
  await(hello)
  await(world)
end)
