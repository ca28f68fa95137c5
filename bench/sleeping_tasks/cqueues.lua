-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"

local tasks, seconds = harness.args()
local loop = cqueues.new()
local delay = harness.delays()

local start = harness.clock()
for _ = 1, tasks do loop:wrap(cqueues.sleep, delay() * seconds) end
assert(loop:loop())
harness.report(tasks, harness.clock() - start)
io.stdout:flush()
os.exit(true, false)
