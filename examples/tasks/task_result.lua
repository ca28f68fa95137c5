-- A task runs soon, beside its maker; awaiting it gives its results, and there may be several.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local nested = async(function()
  return 42, "the answer"
end)

asyncio.run(function()
  local task = asyncio.create_task(nested(), {name = "asker"})
  print(task:get_name(), task:done())
  print(await(task))
  print(task:done(), (task:result()))
end)
