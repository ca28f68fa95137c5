-- Loads casync and runs a program with it while the N-th allocation fails, then once more with all the memory it wants:
--   lua5.4 spec/support/first_use.lua N       N = 0: none fails; prints how many there are
local hard = require "hard"
local n = tonumber(arg[1])

local function use()
  local asyncio = require "casync"
  return asyncio.testing.run(function()
    local task = asyncio.create_task(function() asyncio.await(asyncio.sleep(1)) return 42 end)
    return asyncio.await(task)
  end)
end

hard.fail(n)
local ok, message = pcall(use)
local requests = hard.requests()
hard.fail(0)
assert(ok or message ~= nil, "an error without a value")
local result = use()
assert(result == 42, "the second use gave " .. tostring(result))
if n == 0 then print(requests) end
