-- casync does what CPython 3.14.2 did: every stored program gives the recorded trace.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]")
local replay = dofile(folder .. "/replay.lua")

for _, path in ipairs(replay.stored_files()) do
  describe("the traces of " .. path:match("([^/\\]+)%.lua$"), function()
    for _, program in ipairs(replay.programs(path)) do
      it(program.name:gsub("_", " "), function()
        local difference = replay.check(program)
        if difference then error(difference, 0) end
      end)
    end
  end)
end
