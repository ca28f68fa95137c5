-- A task runs in a copy of its maker's context: a value set before is seen by it, a value set in it by nobody else.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local client = asyncio.contextvars.ContextVar("client", {default = "nobody"})

-- However deep the call, the request need not be passed along.
local function log(message)
  print(client:get() .. ": " .. message)
end

local handle_request = async(function(name, seconds)
  client:set(name)
  log("hello")
  await(asyncio.sleep(seconds))
  log("goodbye")
end)

asyncio.run(function()
  await(asyncio.gather(handle_request("ann", 2), handle_request("bob", 1)))
  log("idle")
  -- A context of one's own, used for two tasks.
  local shared = asyncio.contextvars.copy_context()
  await(asyncio.create_task(handle_request("eve", 1), {context = shared}))
  await(asyncio.create_task(function() log("once more") end, asyncio.kw{context = shared}))
end)
