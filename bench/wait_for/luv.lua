-- SPDX-License-Identifier: MIT
-- luv has no wait_for: a coroutine for what is waited for, a timer handle
-- around it, as one would write it by hand.
local harness = require "harness"
local uv = require "luv"

local ops = harness.args()

local function wait_for(f, seconds)
  local me, done, value = coroutine.running(), false, nil
  local timer = uv.new_timer()
  timer:start(seconds * 1000, 0, function()
    timer:close()
    coroutine.resume(me)
  end)
  local waiting = false
  coroutine.resume(coroutine.create(function()
    value = f()
    done = true
    timer:stop()
    timer:close()
    if waiting then coroutine.resume(me) end
  end))
  if not done then
    waiting = true
    coroutine.yield()
  end
  return value
end

local function body() return 1 end

-- The loop turns now and then, so that closed handles are given back.
local left = ops
local idle = uv.new_idle()
idle:start(function()
  local batch = math.min(left, 1000)
  left = left - batch
  coroutine.wrap(function()
    for _ = 1, batch do wait_for(body, 10) end
  end)()
  if left == 0 then idle:close() end
end)
local start = harness.clock()
uv.run()
harness.report(ops, harness.clock() - start)
