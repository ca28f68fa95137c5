-- A future joins code made of callbacks with code that awaits.
local asyncio = require "casync"
local await = asyncio.await

local function set_after(future, delay, value)
  asyncio.get_running_loop():call_later(delay, future.set_result, future, value)
end

asyncio.run(function()
  local future = asyncio.get_running_loop():create_future()
  set_after(future, 1, "... world")
  print("hello ...")
  -- Suspends until somebody sets the result.
  print(await(future))
end)
