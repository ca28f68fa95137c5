-- SPDX-License-Identifier: MIT
-- C lua_resume: resume and yield of N coroutines with a Lua body. Already a
-- bare loop, so there is no other to compare it with.
local harness = require "harness"
local tasks, ops = harness.args()
harness.report_ns(require "bare".switch(tasks, ops), ops)
