-- A task group waits for its tasks where the scope ends: no task is forgotten, none outlives the block.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local say_after = async(function(delay, what)
  await(asyncio.sleep(delay))
  print(what)
end)

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local started = loop:time()
  do
    local group <close> = asyncio.TaskGroup():enter()
    group:create_task(say_after(1, "hello"))
    group:create_task(say_after(2, "world"))
  end
  print(("took %.0f seconds"):format(loop:time() - started))
end)
