-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"

local tasks = harness.args()
local loop = cqueues.new()

local function body() cqueues.sleep(3600) end

collectgarbage()
local before = harness.rss_kb()
local start = harness.clock()
for _ = 1, tasks do loop:wrap(body) end
assert(loop:step(0))
local seconds = harness.clock() - start
local bytes = (harness.rss_kb() - before) * 1024 / tasks
harness.report(tasks, seconds, string.format("bytes=%.0f", bytes))
io.stdout:flush()
os.exit(true, false)
