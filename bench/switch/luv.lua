-- SPDX-License-Identifier: MIT
-- luv has no tasks: coroutines in a ready list that an idle handle runs, one
-- batch an iteration.
local harness = require "harness"
local uv = require "luv"

local tasks, ops = harness.args()
local turns = ops // tasks
local yield, resume, running = coroutine.yield, coroutine.resume, coroutine.running
local ready, live = {}, tasks

local function switch()
  ready[#ready + 1] = running()
  yield()
end

local function body()
  for _ = 1, turns do switch() end
  live = live - 1
end

for i = 1, tasks do ready[i] = coroutine.create(body) end
local idle = uv.new_idle()
local start
idle:start(function()
  local batch = ready
  ready = {}
  for i = 1, #batch do assert(resume(batch[i])) end
  start = start or harness.clock()
  if live == 0 then idle:close() end
end)
uv.run()
harness.report(turns * tasks, harness.clock() - start)
