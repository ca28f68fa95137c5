-- SPDX-License-Identifier: MIT
-- A promise for what is waited for, got with a timeout.
local harness = require "harness"
local cqueues = require "cqueues"
local promise = require "cqueues.promise"

local ops, what = harness.args()
local loop = cqueues.new()

local function body() return 1 end

loop:wrap(function()
  local start = harness.clock()
  if what == "done" then
    local p = promise.new(body)
    p:get()
    start = harness.clock()
    for _ = 1, ops do p:get(10) end
  else
    for _ = 1, ops do promise.new(body):get(10) end
  end
  harness.report(ops, harness.clock() - start)
end)
assert(loop:loop())
