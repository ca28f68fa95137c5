-- SPDX-License-Identifier: MIT
-- A coroutine and a timer handle each.
local harness = require "harness"
local uv = require "luv"

local tasks = harness.args()
local running, yield = coroutine.running, coroutine.yield

local function sleep(seconds)
  local co = running()
  local timer = uv.new_timer()
  timer:start(seconds * 1000, 0, function()
    timer:close()
    coroutine.resume(co)
  end)
  yield()
end

local function body() sleep(3600) end

collectgarbage()
local before = harness.rss_kb()
local start = harness.clock()
for _ = 1, tasks do coroutine.resume(coroutine.create(body)) end
local seconds = harness.clock() - start
local bytes = (harness.rss_kb() - before) * 1024 / tasks
harness.report(tasks, seconds, string.format("bytes=%.0f", bytes))
io.stdout:flush()
os.exit(true, false)
