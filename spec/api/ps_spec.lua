-- casync/lua.h: answering `casync ps` (ps.c).
local compile, each = require("spec.support.package").tests("ps", {is_static = true})

describe("the C interface: answering casync ps", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
