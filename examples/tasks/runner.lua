-- A Runner is run() in pieces: several runs in one loop and one context, which close() ends.
local asyncio = require "casync"
local await = asyncio.await

local visits = asyncio.contextvars.ContextVar("visits", {default = 0})

local function visit(name)
  visits:set(visits:get() + 1)
  await(asyncio.sleep(1))
  return ("%s is visitor %d"):format(name, visits:get())
end

do
  local runner <close> = asyncio.Runner():enter()
  print(runner:run(visit, "ann"))
  print(runner:run(visit, "bob"))
  print(("the loop is open: %s"):format(not runner:get_loop():is_closed()))
end
