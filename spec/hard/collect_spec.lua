-- The collector at work between any two instructions: nothing that casync still needs may be garbage.
local programs = require "spec.support.programs"

-- The interpreter that runs busted.
local function interpreter()
  local lowest = 0
  while arg[lowest - 1] do lowest = lowest - 1 end
  return arg[lowest]
end

describe("with a collection at every step", function()
  for number, program in ipairs(programs) do
    it(program[1] .. " ends well", function()
      local command = ("'%s' spec/support/collect.lua %d 1 2>&1"):format(interpreter(), number)
      local pipe = assert(io.popen(command))
      local said = pipe:read("a")
      assert(pipe:close(), said)
      assert.equal("", said)
    end)
  end
end)
