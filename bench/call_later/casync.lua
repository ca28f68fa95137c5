-- SPDX-License-Identifier: MIT
-- What does a call_later callback cost, from the call to the callback, with
-- many pending at pseudo-random times?
local harness = require "harness"
local asyncio = require "casync"

local timers, seconds = harness.args()

asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local all_fired, left = loop:create_future(), timers
  local function fire()
    left = left - 1
    if left == 0 then all_fired:set_result(true) end
  end
  local delay = harness.delays()
  local start = harness.clock()
  for _ = 1, timers do loop:call_later(delay() * seconds, fire) end
  asyncio.await(all_fired)
  harness.report(timers, harness.clock() - start)
end)
