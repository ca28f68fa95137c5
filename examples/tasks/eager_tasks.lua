-- Eager tasks start inside create_task(); one that need not wait never visits the loop.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local cache = {}

local look_up = async(function(key)
  if cache[key] then return cache[key] end
  print("looking up " .. key)
  await(asyncio.sleep(1))
  cache[key] = key:upper()
  return cache[key]
end)

asyncio.run(function()
  asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
  local first = asyncio.create_task(look_up("a"))
  print("first is done: " .. tostring(first:done()))
  print(await(first))
  local second = asyncio.create_task(look_up("a"))
  print("second is done: " .. tostring(second:done()))
  print(await(second))
end)
