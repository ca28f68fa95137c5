-- The collector at work between any two instructions: nothing that casync still needs may be garbage.
local hard_run = require "spec.support.hard_run"
local programs = require "spec.support.programs"

describe("with a collection at every step", function()
  for number, program in ipairs(programs) do
    it(program[1] .. " ends well", function()
      local ok, said = hard_run("spec/support/collect.lua", number, 1)
      assert(ok, said)
      assert.equal("", said)
    end)
  end
end)
