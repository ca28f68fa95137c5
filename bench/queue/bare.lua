-- SPDX-License-Identifier: MIT
local harness = require "harness"
local messages = harness.args()
harness.report_ns(require "bare".queue(messages), messages)
