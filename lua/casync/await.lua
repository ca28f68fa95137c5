-- SPDX-License-Identifier: MIT
-- async, await, and coroutine objects by hand: the only switch on kinds of awaitable.
-- Not here: suspending (the core), tasks, what gather and the like accept (tasks/ensure.lua).
-- Invariant: no C function stands between await and the function of a coroutine object, so that awaits nest as deep as Lua calls
-- do; a coroutine object runs at most once.
local core = require "casync.core"

local take, args, suspend, turn = core.take, core.args, core.suspend, core.turn
local sleep0 = core.sleep(0) -- one object for all; that path matters
local getmetatable, type, rawget = getmetatable, type, rawget

local M = {async = core.async}

-- Awaitables that are neither futures, coroutine objects, functions nor ops: Lua threads and objects with __await.
local function await_other(awaitable)
  if type(awaitable) == "thread" then return core.hooks.await_thread(awaitable) end
  local meta = getmetatable(awaitable)
  local method = type(meta) == "table" and rawget(meta, "__await")
  if method then return method(awaitable) end
  return require("casync.options").typeerror(1, "await", "awaitable", awaitable)
end

--- Suspends the running task until `awaitable` is done; returns its results or raises its error. What is done already does
--- not suspend. (Python's await.)
local function await(awaitable)
  if awaitable == sleep0 then
    turn()
    return
  end
  local f = take(awaitable)
  if f then return f(args(awaitable)) end
  if f == nil then return suspend(awaitable) end
  return await_other(awaitable)
end
M.await = await

-- Runs a Lua thread that has not started to its end; its own yields give up one iteration each.
function core.hooks.await_thread(...) return require "casync.await_thread"(...) end

for _, class in ipairs{core.Future, core.Task, core.GatheringFuture, core.Coroutine, core.Op} do
  class.await = await
end

-- send, throw and close of coroutine objects and ops are seldom used: loaded on first use.
for _, name in ipairs{"send", "throw", "close"} do
  local function first_use(...) return require "casync.by_hand"[name](...) end
  core.Coroutine[name], core.Op[name] = first_use, first_use
end

return M
