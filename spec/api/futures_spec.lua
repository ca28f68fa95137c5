-- casync/lua.h: futures, completers, work (futures.c).
local compile, each = require("spec.support.package").tests "futures"

describe("the C interface: futures, completers, work", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
