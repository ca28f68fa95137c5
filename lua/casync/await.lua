-- SPDX-License-Identifier: MIT
-- async, await and the methods of coroutine objects: names for what the core does.
-- Not here: the switch on kinds of awaitable (the core's await.c), tasks, what gather and the like accept (tasks/ensure.lua).
-- Invariant: what is seldom used is loaded on first use.
local core = require "casync.core"

-- Runs a Lua thread that has not started to its end; its own yields give up one iteration each.
function core.hooks.await_thread(...) return require "casync.await_thread"(...) end

for _, class in ipairs{core.Future, core.Task, core.GatheringFuture, core.Coroutine, core.Op} do
  class.await = core.await
end

for _, name in ipairs{"send", "throw", "close"} do
  local function first_use(...) return require "casync.by_hand"[name](...) end
  core.Coroutine[name], core.Op[name] = first_use, first_use
end

for _, name in ipairs{"get_stack", "print_stack"} do
  core.Task[name] = function(...) return require "casync.debug.stack"[name](...) end
end

return {async = core.async, await = core.await}
