-- Runs one of the programs, in a process of its own whose heap is small, with a full collection at every N-th instruction
-- and a collector that works at every allocation:  lua5.4 spec/support/collect.lua NUMBER N
-- As a busted helper (--helper=spec/support/collect.lua): the second of the two for all the specs.
local hard = require "hard"

hard.collect_always()
if arg[0] and arg[0]:find("support/collect%.lua$") then
  local asyncio = require "casync"
  local program = require("spec.support.programs")[tonumber(arg[1])]
  hard.collect_every(tonumber(arg[2]))
  asyncio.testing.run(program[2])
  hard.collect_every(0)
  collectgarbage()
end
