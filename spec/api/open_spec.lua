-- casync/lua.h: opening, closing, refusing (open.c).
local compile, each = require("spec.support.package").tests "open"

describe("the C interface: opening, closing, refusing", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
