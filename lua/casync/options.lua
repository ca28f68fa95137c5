-- SPDX-License-Identifier: MIT
-- Arguments as the whole library checks them: options in a last table, lists, argument errors in Lua's style.
-- Not here: what counts as an awaitable (await.lua). In the start path: the checks (check, optional, typeerror, argerror,
-- typename, is_options, pack) are in options/checks.lua, loaded on first use.
-- Invariant: a table with a metatable is a value, never options or a list, but for tables marked with kw. Every error
-- raised here is a TypeError object.
local core = require "casync.core"

-- What functions get that were called without options; nobody writes to it.
local NONE = {}

local M = {none = NONE}

setmetatable(M, {__index = function(_, name)
  M[name] = require "casync.options.checks"[name]
  return rawget(M, name)
end})

--- Whether a value can be called.
function M.callable(value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__call") ~= nil
end

--- Whether a value is a table without a metatable: options or a list, not a value.
function M.plain(value) return type(value) == "table" and getmetatable(value) == nil end

--- Checks a table of options, or nil, and returns it, or an empty one.
--- `allowed`: for each name true or a kind as in M.check. `position`: the argument's place, for messages.
function M.get(position, fname, allowed, given)
  if given == nil or M.plain(given) and next(given) == nil then return NONE end
  return M.get_given(position, fname, allowed, given)
end

--- For functions whose other arguments may be any value: the options marked with kw at the end of `…` (an empty table
--- if none), and how many arguments come before them.
function M.marked(fname, allowed, ...)
  local n = select("#", ...)
  if n == 0 or not core.iskw((select(n, ...))) then return NONE, n end
  return M.marked_given(fname, allowed, n, ...)
end

return M
