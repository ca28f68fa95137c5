-- SPDX-License-Identifier: MIT
-- Which loop: the one that runs, the one that was set for this Lua state, a new one (asyncio's events.py).
-- Not here: running a loop (loop.lua) and the life of one (runners.lua).
-- Invariant: core.hooks.event_loop is the loop that set_event_loop was given last, or nil; only this file and runners.lua write it.
local core = require "casync.core"
local exceptions = require "casync.exceptions"
require "casync.loop.loop"

local M = {}

--- The loop that runs now (asyncio.get_running_loop). RuntimeError if none does.
function M.get_running_loop()
  local loop = core.running_loop()
  if not loop then error(exceptions.RuntimeError("no running event loop"), 0) end
  return loop
end

--- The loop that runs now, else the one that was set (asyncio.get_event_loop). RuntimeError if there is neither: no loop is made.
function M.get_event_loop()
  return require("casync.tasks.ensure").event_loop()
end

--- Sets the loop that get_event_loop gives while none runs, nil for none (asyncio.set_event_loop).
function M.set_event_loop(loop)
  if loop ~= nil and not require("casync.class").isinstance(loop, core.Loop) then
    require("casync.options").typeerror(1, "set_event_loop", "Loop", loop)
  end
  core.hooks.event_loop = loop
end

--- A new loop, not running, not set (asyncio.new_event_loop).
function M.new_event_loop()
  return core.new_loop{}
end

return M
