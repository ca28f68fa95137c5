-- casync/lua.h: C functions that await, operations, errors (awaits.c).
local compile, each = require("spec.support.package").tests "awaits"

describe("the C interface: awaiting, operations, errors", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
