-- cancel() raises CancelledError where the task waits; it may clean up, and raises it again.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local cancel_me = async(function()
  print("cancel_me(): before sleep")
  local _ <close> = setmetatable({}, {__close = function() print("cancel_me(): after sleep") end})
  local ok, err = pcall(await, asyncio.sleep(3600))
  if not ok and asyncio.isinstance(err, asyncio.CancelledError) then
    print("cancel_me(): cancel sleep")
    error(err, 0)
  end
end)

asyncio.run(function()
  local task = asyncio.create_task(cancel_me())
  await(asyncio.sleep(1))
  task:cancel()
  local ok, err = pcall(await, task)
  if not ok and asyncio.isinstance(err, asyncio.CancelledError) then
    print("main(): cancel_me is cancelled now")
  end
end)
