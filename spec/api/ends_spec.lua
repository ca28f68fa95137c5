-- casync/lua.h: guests, the end in any order, memory that runs out (ends.c).
local compile, each = require("spec.support.package").tests("ends",
  {is_static = true, flags = "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc"})

describe("the C interface: guests, the end, memory", function()
  lazy_setup(compile)
  for name, test in each do it(name, test) end
end)
