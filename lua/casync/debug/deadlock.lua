-- SPDX-License-Identifier: MIT
-- The error of a loop that nothing can wake any more.
-- Not here: who finds that out (the core's pollers and loop/host.c). Loaded when it has happened.
local exceptions = require "casync.exceptions"
local snapshot = require "casync.debug.snapshot"

local TEXT = "deadlock: nothing is ready and no timer is left, so nothing can ever happen"

--- A RuntimeError with the tree of the loop's tasks.
return function(loop)
  local tasks = snapshot.tasks(loop)
  if #tasks == 0 then return exceptions.RuntimeError(TEXT .. "; there are no tasks") end
  return exceptions.RuntimeError(TEXT .. "; the tasks:\n" .. snapshot.tree(tasks):gsub("\n$", ""))
end
