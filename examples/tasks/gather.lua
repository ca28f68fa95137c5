-- gather() runs awaitables side by side and gives the list of their results in the order of the arguments.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local say_after = async(function(delay, what)
  await(asyncio.sleep(delay))
  print(what)
  return #what
end)

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local started = loop:time()
  local lengths = await(asyncio.gather(say_after(2, "world"), say_after(1, "hello, dear")))
  print(table.concat(lengths, " "))
  print(("took %.0f seconds"):format(loop:time() - started))
end)
