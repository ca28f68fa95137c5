-- SPDX-License-Identifier: MIT
-- The loop's methods about errors that nobody else gets, loaded on first use; where reports go without a loop; debug mode's hooks.
-- Not here: what they do (loop/handler.lua, debug/mode.lua), the texts (debug/report.lua). In the start path: keep it short.
-- Invariant: after the first call of one of them, all are loop/handler.lua's.
local core = require "casync.core"

local Loop = core.Loop

-- What stands there when this file is loaded again over the same class is kept: the other file may not be loaded again.
local function load_on_call(name)
  Loop[name] = rawget(Loop, name) or function(...)
    require "casync.loop.handler"
    return Loop[name](...)
  end
end

load_on_call "set_exception_handler"
load_on_call "get_exception_handler"
load_on_call "default_exception_handler"
load_on_call "call_exception_handler"

--- Seconds from which on debug mode tells of a callback (asyncio loop.slow_callback_duration).
Loop.slow_callback_duration = 0.1

core.hooks.debug_mode = function() require "casync.debug.mode" end
core.hooks.report = function(context) require "casync.debug.report".log(context) end
