-- SPDX-License-Identifier: MIT
-- The answer to `casync ps` and `casync pstree`: what the loops of this Lua state do, as JSON. Loaded when somebody asks.
-- Not here: who asks, and how (the core's ps/); what a task says of itself (snapshot.lua); what the command prints (host/ps.lua).
-- Invariant: reads state and never changes it. It is called between two iterations of a loop, or between any two instructions of
-- code that is busy.
local core = require "casync.core"
local json = require "casync.debug.json"
local snapshot = require "casync.debug.snapshot"

local OWN_FILES = debug.getinfo(1, "S").source:gsub("debug/ps%.lua$", "")

-- The line at which code is busy that calls this function: "file:12", without the library's own frames; nil if there is none.
local function busy_line()
  for level = 2, math.huge do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    local is_own = info.source:sub(1, #OWN_FILES) == OWN_FILES
    if info.currentline > 0 and not is_own then return info.short_src .. ":" .. info.currentline end
  end
end

-- Loops that are open and run, or have tasks; the running one first.
local function loops_of(state_loops)
  local running, list = core.running_loop(), {}
  for _, loop in pairs(state_loops) do
    if not loop:is_closed() then
      local tasks = snapshot.tasks(loop)
      local entry = {running = loop == running, time = loop:time(), tasks = tasks}
      if loop == running then table.insert(list, 1, entry) elseif #tasks > 0 then list[#list + 1] = entry end
    end
  end
  return list
end

--- The text for who asks. state_loops: a table whose values are the Loops of this state; is_busy: whether this is called from code
--- that is busy.
return function(state_loops, is_busy)
  return json{
    version = core.version,
    state = is_busy and "busy" or "idle",
    line = is_busy and busy_line() or nil,
    loops = loops_of(state_loops),
  }
end
