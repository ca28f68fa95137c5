-- SPDX-License-Identifier: MIT
-- Completing the name before the cursor: globals, keywords, and behind a dot or a colon the fields of what stands before it.
-- Invariant: looks at values and calls nothing of the user's: __index is followed where it is a table, never where it is a function.
local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true until
  while]]):gmatch("%a+") do KEYWORDS[word] = true end

-- Tables that hold the fields of a value, the nearest first: itself, then what __index leads to.
local function holders(value)
  local found, seen = {}, {}
  if type(value) == "table" then found[1], seen[value] = value, true end
  while true do
    local meta = debug.getmetatable(value)
    local index = type(meta) == "table" and rawget(meta, "__index")
    if type(index) ~= "table" or seen[index] then return found end
    found[#found + 1], seen[index] = index, true
    value = index
  end
end

local function field(value, name)
  for _, holder in ipairs(holders(value)) do
    local found = rawget(holder, name)
    if found ~= nil then return found end
  end
end

-- The value of "a.b.c"; nil if there is none.
local function value_of(path)
  local value = _G
  for name in path:gmatch("[%a_][%w_]*") do
    value = field(value, name)
    if value == nil then return nil end
  end
  return value
end

-- Names with that beginning, sorted; where only methods make sense, only functions.
local function matches(value, beginning, is_method, names)
  for _, holder in ipairs(holders(value)) do
    for name, found in next, holder do
      local is_name = type(name) == "string" and name:find("^[%a_][%w_]*$") and name:sub(1, #beginning) == beginning
      local is_private = name ~= beginning and beginning == "" and is_name and name:find("^_")
      if is_name and not is_private and (not is_method or type(found) == "function") then names[name] = true end
    end
  end
end

local function sorted(names)
  local list = {}
  for name in pairs(names) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function common_beginning(list)
  local common = list[1]
  for _, name in ipairs(list) do
    while name:sub(1, #common) ~= common do common = common:sub(1, -2) end
  end
  return common
end

local function columns(list)
  local width = 0
  for _, name in ipairs(list) do width = math.max(width, #name + 2) end
  local per_line, lines = math.max(1, 78 // width), {}
  for i = 1, #list, per_line do
    local cells = {}
    for j = i, math.min(i + per_line - 1, #list) do cells[#cells + 1] = list[j] .. (" "):rep(width - #list[j]) end
    lines[#lines + 1] = table.concat(cells):match("^(.-)%s*$")
  end
  return table.concat(lines, "\n")
end

local function candidates(text)
  local path, separator, beginning = text:match("([%a_][%w_%.]*)([%.:])([%w_]*)$")
  local names = {}
  if path then
    -- The module's names are loaded on first use; all of them are wanted here.
    local value = value_of(path)
    if value == package.loaded["casync"] then for _ in pairs(value) do end end
    matches(value, beginning, separator == ":", names)
  else
    beginning = text:match("[%a_][%w_]*$") or ""
    matches(_G, beginning, false, names)
    for word in pairs(KEYWORDS) do if word:sub(1, #beginning) == beginning then names[word] = true end end
  end
  return sorted(names), beginning
end

-- What to insert behind the text before the cursor, or a list of what it may become; nothing if there is nothing.
return function(text)
  if not text:find("[%w_%.:]$") then return nil end
  local list, beginning = candidates(text)
  if #list == 0 then return nil end
  local more = common_beginning(list):sub(#beginning + 1)
  if more ~= "" then return more end
  if #list > 1 then return nil, columns(list) end
end
