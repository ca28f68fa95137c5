-- SPDX-License-Identifier: MIT
-- limit.lua N suspended: C suspended coroutine, the least memory.
-- limit.lua N task: C coroutine + Task + ev_timer, the least time.
-- limit.lua N bare: the calls of the second without a runtime.
local harness = require "harness"
local tasks, what = harness.args()

local function measure(create)
  collectgarbage()
  local before = harness.rss_kb()
  local start = harness.clock()
  local _ <const>, _ <const>, _ <const> = create()
  local seconds = harness.clock() - start
  local bytes = (harness.rss_kb() - before) * 1024 / tasks
  harness.report(tasks, seconds, string.format("bytes=%.0f", bytes))
  io.stdout:flush()
  os.exit(true, false)
end

if what == "suspended" then
  local bare = require "bare"
  measure(function() return bare.suspended(tasks) end)
elseif what == "bare" then
  local bare = require "bare"
  measure(function() return bare.create(tasks) end)
else
  local mini = require "mini_ev"
  local spawn, sleep = mini.spawn, mini.sleep
  local function body() sleep(3600) end
  mini.run(function()
    measure(function()
      for _ = 1, tasks do spawn(body) end
      mini.switch()
    end)
  end)
end
