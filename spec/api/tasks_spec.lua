-- casync/lua.h: running and spawning (tasks.c).
local compile, each = require("spec.support.package").tests "tasks"

describe("the C interface: tasks", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
