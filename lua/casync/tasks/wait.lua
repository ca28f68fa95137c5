-- SPDX-License-Identifier: MIT
-- wait and its three constants (asyncio's tasks.py).
-- Not here: waiting for results (gather.lua, as_completed.lua).
-- Invariant: nothing is cancelled, and no callback of ours stays on a future when the wait is over.
local core = require "casync.core"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local ensure = require "casync.tasks.ensure"
local options = require "casync.options"

local ValueError, TypeError = exceptions.ValueError, exceptions.TypeError

local M = {
  FIRST_COMPLETED = "FIRST_COMPLETED",
  FIRST_EXCEPTION = "FIRST_EXCEPTION",
  ALL_COMPLETED = "ALL_COMPLETED",
}

local OPTIONS = {timeout = "number", return_when = true}

local function check_element(value, place)
  if core.isfuture(value) then return end
  if core.iscoroutine(value) or type(value) == "function" then
    error(TypeError("Passing coroutines is forbidden, use tasks explicitly."), 0)
  end
  options.typeerror(1, "wait", ("Future at place %d"):format(place), value)
end

-- The futures of a list, each once, in order.
local function distinct(list, n)
  local futures, seen = {}, {}
  for i = 1, n do
    local future = list[i]
    check_element(future, i)
    if not seen[future] then
      seen[future] = true
      futures[#futures + 1] = future
    end
  end
  return futures
end

local function release_waiter(waiter)
  if not waiter:done() then waiter:set_result() end
end

local function failed(future)
  return not future:cancelled() and future:exception() ~= nil
end

-- The done callback of the futures, held while the wait goes on; its closing stops the timer and takes the callbacks back.
local Watch = {__name = "wait"}

function Watch.__call(watch, future)
  local left, return_when = watch.left - 1, watch.return_when
  watch.left = left
  if left <= 0 or return_when == M.FIRST_COMPLETED or return_when == M.FIRST_EXCEPTION and failed(future) then
    if watch.handle then watch.handle:cancel() end
    release_waiter(watch.waiter)
  end
end

function Watch.__close(watch)
  if watch.handle then watch.handle:cancel() end
  for _, future in ipairs(watch.futures) do future:remove_done_callback(watch) end
end

-- For the call graph (debug/graph.lua).
function Watch.__awaited_by(watch) return watch.task end
function Watch.__awaits(watch, future) return not future and watch.futures or nil, "wait" end

-- Suspends until the condition holds or time is up.
local function wait_until(futures, timeout, return_when)
  local loop = ensure.running_loop()
  local waiter = loop:create_future()
  local handle = timeout and loop:call_later(timeout, release_waiter, waiter)
  local watch = setmetatable({handle = handle, futures = futures, left = #futures, return_when = return_when,
    task = core.current_task(loop), waiter = waiter}, Watch)
  for _, future in ipairs(futures) do future:add_done_callback(watch) end
  local _ <close> = watch
  await(waiter)
end

local function wait(list, opts)
  local n = list.n or #list
  local return_when = opts.return_when or M.ALL_COMPLETED
  if n == 0 then error(ValueError("Set of Tasks/Futures is empty."), 0) end
  if M[return_when] ~= return_when then error(ValueError("Invalid return_when value: " .. tostring(return_when)), 0) end
  local futures = distinct(list, n)
  wait_until(futures, opts.timeout, return_when)
  local done, pending = {}, {}
  for _, future in ipairs(futures) do
    local set = future:done() and done or pending
    set[#set + 1] = future
  end
  return done, pending
end
core.name(wait, "wait")

--- Coroutine: waits for a list of futures; returns the list of those done and the list of those not (asyncio.wait).
--- Options: timeout in seconds, return_when.
function M.wait(list, opts)
  ensure.check_list("wait", "futures", list)
  return core.coroutine(wait, list, options.get(2, "wait", OPTIONS, opts))
end

return M
