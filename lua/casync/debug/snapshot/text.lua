-- SPDX-License-Identifier: MIT
-- The tasks of a loop as text: a table, and a tree of who awaits whom.
-- Not here: where the data comes from (snapshot.lua).
-- Invariant: works on plain data, which may have come from another process: nothing of it is trusted to be consistent.
local M = {}

-- Nesting from which on a tree goes no further to the right.
local DEEPEST = 40

local function printable(text) return (tostring(text):gsub("%c", "?")) end

-- What a task does now: "awaits Queue.get at file.lua:12".
local function doing(task)
  local text = task.awaits and "awaits " .. task.awaits or task.state
  return printable(task.line and text .. " at " .. task.line or text)
end

-- The table

local COLUMNS = {"ID", "NAME", "COROUTINE", "STATE", "AWAITS", "AT", "AWAITED BY"}

local function by_id(tasks)
  local map = {}
  for _, task in ipairs(tasks) do map[task.id] = task end
  return map
end

local function names_of(ids, map)
  local names = {}
  for i, id in ipairs(ids) do names[i] = map[id] and map[id].name or "#" .. tostring(id) end
  return table.concat(names, ", ")
end

local function row_of(task, map)
  local row = {task.id, task.name, task.coro, task.state, task.awaits or "-", task.line or "-", names_of(task.awaited_by, map)}
  for i, cell in ipairs(row) do row[i] = printable(cell) end
  return row
end

local function width_of(text) return utf8.len(text) or #text end

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do widths[i] = math.max(widths[i] or 0, width_of(cell)) end
  end
  return widths
end

local function padded(row, widths)
  local cells = {}
  for i, cell in ipairs(row) do cells[i] = cell .. (" "):rep(widths[i] - width_of(cell)) end
  return (table.concat(cells, "  "):gsub(" +$", ""))
end

--- A line for each task, below one of titles.
function M.table_text(tasks)
  local rows, map = {COLUMNS}, by_id(tasks)
  for _, task in ipairs(tasks) do rows[#rows + 1] = row_of(task, map) end
  local widths = widths_of(rows)
  for i, row in ipairs(rows) do rows[i] = padded(row, widths) end
  return table.concat(rows, "\n") .. "\n"
end

-- The tree

local function line_of(task, note)
  local title = printable(task.name == task.coro and task.name or task.name .. " " .. task.coro)
  return note and ("%s (%s)"):format(title, note) or title .. ": " .. doing(task)
end

local function below(task, map)
  local list = {}
  for _, id in ipairs(task.awaits_ids) do list[#list + 1] = map[id] end
  return list
end

-- `path` holds the tasks that are being printed, `seen` those that were. The last of several at one place gets another branch.
local function add(lines, map, task, seen, path, indent, branch, depth)
  if seen[task.id] then
    lines[#lines + 1] = indent .. branch .. line_of(task, path[task.id] and "a cycle: see above" or "see above")
    return
  end
  seen[task.id], path[task.id] = true, true
  lines[#lines + 1] = indent .. branch .. line_of(task)
  if depth > 0 and depth < DEEPEST then indent = indent .. (branch == "├── " and "│   " or "    ") end
  local list = below(task, map)
  for i, other in ipairs(list) do
    add(lines, map, other, seen, path, indent, i < #list and "├── " or "└── ", depth + 1)
  end
  path[task.id] = nil
end

--- A tree: on top the tasks that no other awaits, below each what it awaits. Each task comes once, with a line of its own where it is
--- mentioned again; tasks that await each other in a circle come last.
function M.tree(tasks)
  local lines, map, seen = {}, by_id(tasks), {}
  for _, task in ipairs(tasks) do
    if #task.awaited_by == 0 then add(lines, map, task, seen, {}, "", "", 0) end
  end
  for _, task in ipairs(tasks) do
    if not seen[task.id] then add(lines, map, task, seen, {}, "", "", 0) end
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
