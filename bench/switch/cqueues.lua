-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"

local tasks, ops = harness.args()
local turns = ops // tasks
local sleep = cqueues.sleep
local loop = cqueues.new()
local begun, start = 0, nil

local function body()
  begun = begun + 1
  if begun == tasks then start = harness.clock() end
  for _ = 1, turns do sleep(0) end
end

for _ = 1, tasks do loop:wrap(body) end
assert(loop:loop())
harness.report(turns * tasks, harness.clock() - start)
