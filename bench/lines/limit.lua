-- SPDX-License-Identifier: MIT
local harness = require "harness"
local reader = require "reader"
local readline = reader.readline

local port, expected = harness.args()
reader.connect(port)

local start = harness.clock()
local count = 0
while readline() do count = count + 1 end
assert(count == expected)
harness.report(count, harness.clock() - start)
