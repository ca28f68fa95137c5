-- luacheck decides about unused names, globals and line lengths: no waiver without a reason beside it.
std = "lua54"
max_line_length = 140
include_files = {"**/*.lua", "*.rockspec", ".luacheckrc", ".busted"}
exclude_files = {"build", "build.luarocks", "spec/parity/traces"} -- traces are data
self = false -- a method may leave `self` alone: the class's shape asks for it

files["spec"] = {std = "+busted"}
files["*.rockspec"] = {std = "+rockspec"}
files[".luacheckrc"] = {std = "+luacheckrc"}

-- The one place that puts casync's coroutine library into the global one, and the specs that look at that.
files["lua/casync/init.lua"] = {globals = {"coroutine"}}
