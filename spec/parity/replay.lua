-- Runs stored programs over casync and compares traces. As a script: lua5.4 spec/parity/replay.lua [FILE ...] replays the
-- files or all stored ones, prints the differences (after --first just one), and its exit status tells whether there were any.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]") or "."
local interpreter = dofile(folder .. "/interpreter.lua")
local World = dofile(folder .. "/world.lua")

local M = {folder = folder, styles = {"with", "close"}}

local function run(program, world, style)
  local main = interpreter.load(program, world:names(), {asyncio = world.asyncio, style = style,
    error = function(err) return world:error(err) end})
  if not program.async then return main() end
  return world:new_loop():run_until_complete(main())
end

--- The trace of a program over casync; style is one of M.styles.
function M.trace(program, style)
  local asyncio = require "casync"
  local logger = asyncio.log.logger
  local world, handler = World.new(asyncio, asyncio.testing), logger.handler
  logger.handler = function() end -- warnings are no part of a trace
  local ok, result = pcall(run, program, world, style)
  world:log(ok and "result" or "raised", ok and result or world:error(result))
  world:finish()
  logger.handler = handler
  return world.trace
end

local CONTEXT = 6

local function window(title, lines, from, to, at)
  local parts = {title}
  for i = from, to do
    parts[#parts + 1] = (i == at and "  > " or "    ") .. (lines[i] or "(end)")
  end
  return table.concat(parts, "\n")
end

--- nil if the traces are equal, else a text that shows the first difference between them.
function M.difference(program, style, got)
  local want = program.trace
  for i = 1, math.max(#want, #got) do
    if want[i] ~= got[i] then
      local from, to = math.max(1, i - CONTEXT), math.min(math.max(#want, #got), i + CONTEXT)
      return ("%s (%s form) differs at line %d\n%s\n%s%s"):format(program.name, style, i,
        window("CPython:", want, from, to, i), window("casync:", got, from, to, i),
        program.source and "\nprogram:\n" .. program.source or "")
    end
  end
end

local function has_with(node)
  if type(node) ~= "table" then return false end
  if node[1] == "with" then return true end
  for _, part in ipairs(node) do
    if has_with(part) then return true end
  end
  return false
end

--- Replays one program in every form that makes a difference to it; nil or the first difference.
function M.check(program)
  for i, style in ipairs(M.styles) do
    if i > 1 and not has_with(program.body()) then return nil end
    local difference = M.difference(program, style, M.trace(program, style))
    if difference then return difference end
  end
end

--- The programs of a stored file.
function M.programs(path) return assert(loadfile(path, "t", {}))() end

-- The files of traces/: scenarios by area, the matrix of cancellations, random programs.
local STORED = {"iterations", "loop", "handler", "future", "task", "cancel", "gather", "wait", "timeout", "group", "runner",
  "context", "matrix", "random", "stream", "stream_matrix", "stream_random", "sync", "sync_matrix", "sync_random", "queue",
  "agen", "queue_matrix", "queue_random", "writer", "misuse", "exceptions", "mixed_random", "callgraph", "found"}

function M.stored_files()
  local paths = {}
  for i, name in ipairs(STORED) do paths[i] = ("%s/traces/%s.lua"):format(folder, name) end
  return paths
end

local function main(files)
  local only_first = files[1] == "--first"
  if only_first then table.remove(files, 1) end
  if #files == 0 then files = M.stored_files() end
  local passed, failed = 0, 0
  for _, file in ipairs(files) do
    for _, program in ipairs(M.programs(file)) do
      local difference = M.check(program)
      if difference then
        failed = failed + 1
        print(difference .. "\n")
        if only_first then os.exit(false) end
      else
        passed = passed + 1
      end
    end
  end
  print(("%d passed, %d failed"):format(passed, failed))
  os.exit(failed == 0)
end

if arg and arg[0] and arg[0]:match("replay%.lua$") then main(arg) end

return M
