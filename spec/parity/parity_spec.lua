-- casync does what CPython 3.14.2 did: every stored program gives the recorded trace.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]")
local replay = dofile(folder .. "/replay.lua")

-- A file's programs are loaded by its own test and dropped with it: each replay collects garbage, which takes long over all of them.
local function differences(path)
  local found = {}
  for _, program in ipairs(replay.programs(path)) do
    found[#found + 1] = replay.check(program)
  end
  return found
end

describe("every stored program gives CPython's trace:", function()
  for _, path in ipairs(replay.stored_files()) do
    it(path:match("([^/\\]+)%.lua$"), function()
      local found = differences(path)
      if #found > 0 then error(("%d programs differ\n%s"):format(#found, table.concat(found, "\n")), 0) end
    end)
  end
end)
