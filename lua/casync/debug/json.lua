-- SPDX-License-Identifier: MIT
-- Plain data as JSON (RFC 8259). A table is an array if it has an item 1 or nothing at all, else an object; what is no UTF-8 in
-- a string becomes the replacement character.
-- Not here: reading JSON (host/json.lua).
local ESCAPES = {['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}
local REPLACEMENT = "\u{FFFD}"

local function escape(character) return ESCAPES[character] or ("\\u%04x"):format(character:byte()) end

-- The text with each byte that belongs to no character replaced.
local function repaired(text)
  local parts, from = {}, 1
  while true do
    local length, bad = utf8.len(text, from)
    if length then return table.concat(parts) .. text:sub(from) end
    parts[#parts + 1] = text:sub(from, bad - 1) .. REPLACEMENT
    from = bad + 1
  end
end

local function quoted(text)
  if not text:find('[%c"\\\x80-\xff]') then return '"' .. text .. '"' end
  if text:find("[\x80-\xff]") then text = repaired(text) end
  return '"' .. text:gsub('[%c"\\]', escape) .. '"'
end

local function number(value)
  if math.type(value) == "integer" then return tostring(value) end
  if value ~= value or value == math.huge or value == -math.huge then return "null" end
  return (("%.14g"):format(value):gsub(",", "."))
end

local writers = {boolean = tostring, number = number, string = quoted}
local write

local function write_array(parts, list)
  if #list == 0 then
    parts[#parts + 1] = "[]"
    return
  end
  for i = 1, #list do
    parts[#parts + 1] = i == 1 and "[" or ","
    write(parts, list[i])
  end
  parts[#parts + 1] = "]"
end

local function has_names(object, names)
  local count = 0
  for name in next, object do
    if not names[name] then return false end
    count = count + 1
  end
  return count == #names
end

-- The names of an object in their order, each with the text before its value: the same data is then the same text. Objects come
-- in lists of the same kind, so they are kept for the next one.
local function names_of(object, parts)
  if parts.names and has_names(object, parts.names) then return parts.names end
  local names = {}
  for name in next, object do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do names[name] = (i == 1 and "{" or ",") .. quoted(name) .. ":" end
  parts.names = names
  return names
end

local function write_object(parts, object)
  local names = names_of(object, parts)
  for _, name in ipairs(names) do
    parts[#parts + 1] = names[name]
    write(parts, object[name])
  end
  parts[#parts + 1] = "}"
end

function write(parts, value)
  local writer = writers[type(value)]
  if writer then
    parts[#parts + 1] = writer(value)
  elseif type(value) ~= "table" then
    parts[#parts + 1] = "null"
  elseif value[1] ~= nil or next(value) == nil then
    write_array(parts, value)
  else
    write_object(parts, value)
  end
end

--- The JSON of a value without cycles, whose tables have numbers or strings alone as keys; what JSON has no word for is null.
return function(value)
  local parts = {}
  write(parts, value)
  return table.concat(parts)
end
