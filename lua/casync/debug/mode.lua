-- SPDX-License-Identifier: MIT
-- Debug mode: fills in the hooks that the core calls while a loop in debug mode runs, and tells of callbacks that take long.
-- Not here: turning it on (Loop:set_debug), what each hook does (mode/). Loaded by the first loop
-- that is in debug mode.
-- Invariant: filled in once in a Lua state.
local core = require "casync.core"

local hooks = core.hooks
if hooks.made then return {} end

local class = require "casync.class"
local locks = require "casync.debug.mode.locks"
local log = require "casync.log"
local made = require "casync.debug.mode.made"
local repr = require "casync.debug.repr"
local swallowed = require "casync.debug.mode.swallowed"

-- A Handle has forgotten its function by now; a method is that of a protocol which the loop called.
local function described(object, f, method)
  if class.isinstance(object, core.Task) then return repr.safe_tostring(object) end
  local parts = {object and class.of(object).__name or "Handle"}
  if method then parts[#parts + 1] = method .. "()" end
  if f ~= nil then parts[#parts + 1] = repr.value(f) end
  local at = object and made.created_at(object)
  if at then parts[#parts + 1] = "created at " .. at end
  return "<" .. table.concat(parts, " ") .. ">"
end

function hooks.ran(loop, seconds, object, f, method)
  local limit = loop.slow_callback_duration
  if limit and seconds >= limit then
    log.logger:warning(("Executing %s took %.3f seconds"):format(described(object, f, method), seconds))
  end
  if object == nil then return end
  swallowed.ran(object)
  if object.done and object:done() then locks.ended(object) end
end

function hooks.running(handle) hooks.current_handle = handle end

function hooks.unclosed(kind, object) return ("unclosed %s %s"):format(kind, repr.safe_tostring(object)) end

hooks.cancelling, hooks.ended = swallowed.cancelling, locks.ended
hooks.taken, hooks.released = locks.taken, locks.released
hooks.source, core.created_at = made.source, made.created_at
hooks.made = made.note

return {}
