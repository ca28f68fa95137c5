-- SPDX-License-Identifier: MIT
local cqueues = require "cqueues"
local loop = cqueues.new()
loop:wrap(function() end)
assert(loop:loop())
