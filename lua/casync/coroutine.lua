-- SPDX-License-Identifier: MIT
-- The coroutine library through which awaits pass: as Lua's own, with resume, wrap, close, status and yield from the core.
-- Not here: putting it in the place of the global one (init.lua).
local core = require "casync.core"

local M = {}
for name, f in pairs(coroutine) do M[name] = f end
for name, f in pairs(core.coroutine_library) do M[name] = f end
M.yield = core.yield
return M
