-- SPDX-License-Identifier: MIT
local harness = require "harness"
local ops = harness.args()
harness.report_ns(require "bare".wait_for(ops), ops)
