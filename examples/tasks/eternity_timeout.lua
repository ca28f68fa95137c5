-- timeout() bounds a block; the deadline may be moved while the block runs.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local eternity = async(function()
  await(asyncio.sleep(3600))
  print("yay!")
end)

asyncio.run(function()
  local ok, err = pcall(asyncio.with, asyncio.timeout(1), function()
    await(eternity())
  end)
  print(ok, err)

  -- The deadline is not known at first: nil is never.
  local scope = asyncio.timeout(nil)
  pcall(asyncio.with, scope, function(active)
    active:reschedule(asyncio.get_running_loop():time() + 2)
    await(eternity())
  end)
  if scope:expired() then print("looks like we haven't finished on time") end
end)
