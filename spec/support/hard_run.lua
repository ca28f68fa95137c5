-- Runs a Lua file in a process of its own, under the interpreter that runs busted:  ok, said = hard_run(file, ...)
local function interpreter()
  local lowest = 0
  while arg[lowest - 1] do lowest = lowest - 1 end
  return arg[lowest]
end

return function(file, ...)
  local words = {"'" .. interpreter() .. "'", file, ...}
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local said = pipe:read("a")
  return pipe:close() == true, said
end
