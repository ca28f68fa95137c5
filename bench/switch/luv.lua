-- SPDX-License-Identifier: MIT
-- luv has no tasks: coroutines in a ready list that an idle handle runs, one
-- batch an iteration. A coroutine that yields is ready for the next batch.
local harness = require "harness"
local uv = require "luv"

local tasks, ops = harness.args()
local turns = ops // tasks
local yield, resume = coroutine.yield, coroutine.resume

local function body()
  for _ = 1, turns do yield(true) end
end

local batch, ready, count = {}, {}, tasks
for i = 1, tasks do ready[i] = coroutine.create(body) end

local idle = uv.new_idle()
local start
idle:start(function()
  batch, ready = ready, batch
  local n = count
  count = 0
  for i = 1, n do
    local co = batch[i]
    local _, again = resume(co)
    if again then
      count = count + 1
      ready[count] = co
    end
  end
  start = start or harness.clock()
  if count == 0 then idle:close() end
end)
uv.run()
harness.report(turns * tasks, harness.clock() - start)
