-- Awaiting a coroutine object runs it to its end before the next line: three seconds in all.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local say_after = async(function(delay, what)
  await(asyncio.sleep(delay))
  print(what)
end)

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local started = loop:time()
  await(say_after(1, "hello"))
  await(say_after(2, "world"))
  print(("took %.0f seconds"):format(loop:time() - started))
end)
