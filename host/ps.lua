-- SPDX-License-Identifier: MIT
-- `casync ps PID` and `casync pstree PID`: the tasks of another process, as a table, as a tree or as JSON.
-- Not here: asking for them (ask.lua), the table and the tree themselves (casync.debug.snapshot).
-- Invariant: what another process says is shown, never obeyed: no control character of it reaches the terminal.
local ask = require "casync.host.ask"
local read_json = require "casync.host.json"
local snapshot = require "casync.debug.snapshot"

local USAGE = [[
usage: casync ps [--json] PID
       casync pstree [--json] PID
Shows the tasks of a running process: ps as a table, pstree as a tree of who awaits whom.
]]

local function refuse(message)
  io.stderr:write("casync: ", message, "\n", USAGE)
  return 1
end

-- The options and the process; nil and what is wrong.
local function parse(arguments)
  local options = {}
  for _, argument in ipairs(arguments) do
    local pid = argument:find("^%d+$") and math.tointeger(tonumber(argument))
    if argument == "--json" then
      options.json = true
    elseif argument == "--help" then
      options.help = true
    elseif argument:find("^%-") then
      return nil, ("unrecognized option '%s'"):format(argument)
    elseif not pid or pid < 1 or pid > 0x7fffffff or options.pid then
      return nil, options.pid and "one process at a time" or ("'%s' is no process number"):format(argument)
    else
      options.pid = pid
    end
  end
  if not options.pid and not options.help then return nil, "which process?" end
  return options
end

-- Control characters as dots, wherever they are.
local function cleaned(value)
  if type(value) == "string" then return (value:gsub("%c", ".")) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for name, item in pairs(value) do copy[cleaned(name)] = cleaned(item) end
  return copy
end

local function count(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

local function title_of(part, loop)
  local title = count(#loop.tasks, "task")
  if not loop.running then return title .. ", in a loop that stands still" end
  if part.state ~= "busy" then return title end
  return title .. ", busy" .. (part.line and " at " .. part.line or "")
end

local function print_part(part, format)
  for _, loop in ipairs(part.loops) do
    io.write(title_of(part, loop), "\n", #loop.tasks > 0 and format(loop.tasks) or "")
  end
end

local function print_all(pid, answer, command)
  local format = command == "ps" and snapshot.table_text or snapshot.tree
  for _, text in ipairs(answer.parts) do
    local ok, err = pcall(function() print_part(cleaned(read_json(text)), format) end)
    if not ok then table.insert(answer.failed, "what it said is not understood: " .. tostring(err)) end
  end
  for _, message in ipairs(answer.failed) do
    io.stderr:write(("casync: a Lua state of process %d failed to answer: %s\n"):format(pid, cleaned(message)))
  end
  if answer.missing > 0 then
    io.stderr:write(("casync: %s of process %d %s busy and said nothing\n"):format(count(answer.missing, "Lua state"), pid,
      answer.missing == 1 and "is" or "are"))
  end
  return (#answer.failed > 0 or answer.missing > 0) and 1 or 0
end

-- The parts are JSON already.
local function print_json(pid, answer)
  local failed = {}
  for i, message in ipairs(answer.failed) do failed[i] = message end
  local texts = {('{"failed":%s'):format(require "casync.debug.json"(failed)), ('"missing":%d'):format(answer.missing),
    ('"pid":%d'):format(pid), ('"states":[%s]}'):format(table.concat(answer.parts, ","))}
  io.write(table.concat(texts, ","), "\n")
  return (#failed > 0 or answer.missing > 0) and 1 or 0
end

--- Runs the command with its arguments; returns the exit status.
return function(command, arguments)
  local options, message = parse(arguments)
  if not options then return refuse(message) end
  if options.help then
    io.write(USAGE)
    return 0
  end
  local answer
  answer, message = ask(options.pid)
  if not answer then
    io.stderr:write("casync: ", message, "\n")
    return 1
  end
  if options.json then return print_json(options.pid, answer) end
  return print_all(options.pid, answer, command)
end
