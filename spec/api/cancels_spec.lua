-- casync/lua.h: operations written in C that are cancelled; bad arguments at the edges of the interface.
local compile, each = require("spec.support.package").tests "cancels"

describe("the C interface: an operation that is cancelled; bad arguments:", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
