-- SPDX-License-Identifier: MIT
-- What does wait_for cost where nothing has to be waited for?
-- casync.lua N coroutine: around a coroutine that finishes at once.
-- casync.lua N function: the same, given as a function.
-- casync.lua N done: around a task that is finished already.
local harness = require "harness"
local asyncio = require "casync"
local await, wait_for = asyncio.await, asyncio.wait_for

local ops, what = harness.args()

asyncio.run(function()
  local function body() return 1 end
  local start = harness.clock()
  if what == "coroutine" then
    local coroutine_function = asyncio.async(body)
    for _ = 1, ops do await(wait_for(coroutine_function(), 10)) end
  else
    local aw = body
    if what == "done" then
      aw = asyncio.create_task(body)
      await(aw)
    end
    for _ = 1, ops do await(wait_for(aw, 10)) end
  end
  harness.report(ops, harness.clock() - start)
end)
