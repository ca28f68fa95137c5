-- Starts busted under the Lua that runs this file; Debian's own /usr/bin/busted starts whatever `lua` stands for.
-- Any other version than 5.4 is a loud failure, never a silent run.
if _VERSION ~= "Lua 5.4" then
  io.stderr:write("the specs need Lua 5.4, but this is ", _VERSION, ": run script/test\n")
  os.exit(1)
end
table.insert(arg, 1, "--ignore-lua")
require "busted.runner" {standalone = false}
