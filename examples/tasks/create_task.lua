-- Tasks run side by side: what took three seconds in one_after_the_other.lua takes two.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local say_after = async(function(delay, what)
  await(asyncio.sleep(delay))
  print(what)
end)

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local started = loop:time()
  local hello = asyncio.create_task(say_after(1, "hello"))
  local world = asyncio.create_task(say_after(2, "world"))
  -- Both have been scheduled; waiting for one lets the other run too.
  await(hello)
  await(world)
  print(("took %.0f seconds"):format(loop:time() - started))
end)
