-- Calling a coroutine function makes a coroutine object; nothing runs until it is awaited.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local nested = async("nested", function()
  return 42
end)

asyncio.run(function()
  -- This alone does nothing, and is reported: "coroutine 'nested' was never awaited".
  nested()

  -- This runs it.
  print(await(nested()))
end)
