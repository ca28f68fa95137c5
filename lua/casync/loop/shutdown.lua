-- SPDX-License-Identifier: MIT
-- What a loop that ends still has to end: tasks that are left, generators that are open. Loaded where there are some.
-- Not here: when this is done (runners.lua) and closing (loop.lua).
-- Invariant: everything is cancelled or closed once, in the order of making, and waited for; failures are reported.
local core = require "casync.core"

local M = {}

--- Cancels tasks, runs their loop until they are done, reports those that failed (asyncio's runners._cancel_all_tasks).
function M.cancel_tasks(loop, tasks)
  for _, task in ipairs(tasks) do task:cancel() end
  -- The gather keeps the list it is given.
  loop:run_until_complete(core.gather(table.move(tasks, 1, #tasks, 1, {}), #tasks, true, loop))
  for _, task in ipairs(tasks) do
    local err
    if not task:cancelled() then err = task:exception() end
    if err ~= nil then
      loop:call_exception_handler{
        message = "unhandled exception during asyncio.run() shutdown",
        exception = err,
        task = task,
        traceback = core.task_traceback(task),
      }
    end
  end
end

-- The open generators of a loop in the order in which they began: `_asyncgens` maps each one to its number.
local function take_open_generators(loop)
  local open, list = loop._asyncgens, {}
  for generator in next, open do list[#list + 1] = generator end
  table.sort(list, function(a, b) return open[a] < open[b] end)
  loop._asyncgens = nil
  return list
end

--- Closes all open generators at once, waits for them, reports those that failed. Called inside a task.
function M.close_generators(loop)
  local generators, closings = take_open_generators(loop), {}
  for i, generator in ipairs(generators) do closings[i] = loop:create_task(generator:aclose()) end
  local results = require("casync.await").await(core.gather(closings, #closings, true, loop))
  for i, generator in ipairs(generators) do
    if results.failed[i] and require("casync.exceptions").is_exception(results[i]) then
      loop:call_exception_handler{
        message = "an error occurred during closing of asynchronous generator " .. tostring(generator),
        exception = results[i],
        asyncgen = generator,
      }
    end
  end
end

return M
