-- The table of coverage.md: every statement with evidence R, and the scenarios that show it or the reason why none does.
-- lua5.4 spec/parity/coverage.lua writes it again.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]") or "."
local replay = dofile(folder .. "/replay.lua")
local ids = dofile(folder .. "/ids.lua")

local M = {path = folder .. "/coverage.md"}

local HEAD = [[
# Which scenario shows which statement

Every statement of the semantics that was run in CPython (evidence R), with up to %d of the recorded scenarios that show it. IT1 to
IT24 are the cells of the table of iteration counts. Made by `lua5.4 spec/parity/coverage.lua`; `coverage_spec.lua` fails while a
statement has neither a scenario nor a reason, or this table is not what the stored scenarios say.

| statement | shown by | remark |
| --- | --- | --- |
]]

local MOST = 3 -- scenarios that are named

--- The names of the scenarios that show each statement, in the order in which they are stored.
function M.shown()
  local shown = {}
  for _, path in ipairs(replay.stored_files()) do
    for _, program in ipairs(replay.programs(path)) do
      for _, id in ipairs(program.shows) do
        shown[id] = shown[id] or {}
        table.insert(shown[id], program.name)
      end
    end
  end
  return shown
end

local function named(names)
  if not names then return "nothing" end
  return "`" .. table.concat(names, "`, `", 1, math.min(MOST, #names)) .. "`"
end

--- The text of coverage.md, for what shown() has given.
function M.text(shown)
  local lines = {HEAD:format(MOST)}
  for id in ids.required:gmatch("%w+") do
    lines[#lines + 1] = ("| %s | %s | %s |\n"):format(id, named(shown[id]), ids.elsewhere[id] or ids.changed[id] or "")
  end
  return table.concat(lines)
end

local function write()
  local file <close> = assert(io.open(M.path, "w"))
  assert(file:write(M.text(M.shown())))
end

if arg and arg[0] and arg[0]:match("coverage%.lua$") then write() end

return M
