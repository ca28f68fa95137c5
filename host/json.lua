-- SPDX-License-Identifier: MIT
-- Reads JSON (RFC 8259): objects and arrays are tables, null is nil. What it reads came from another process: it may be anything,
-- and gives a value or an error.
-- Not here: writing it (casync.debug.json).
local ESCAPES = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/"}
local CONSTANTS = {["true"] = true, ["false"] = false}

-- Tables within tables.
local DEEPEST = 100

local read

local function fail(at, what) error(("no JSON: %s at byte %d"):format(what, at), 0) end

-- The next character that is no space, and where it is.
local function next_character(text, at)
  at = text:find("[^ \t\r\n]", at) or #text + 1
  return text:sub(at, at), at
end

local function unescaped(text)
  return (text:gsub("\\(.)(%x?%x?%x?%x?)", function(letter, digits)
    if letter == "u" and #digits == 4 then return utf8.char(tonumber(digits, 16)) end
    return (ESCAPES[letter] or letter) .. digits
  end))
end

-- The string whose quote is at `at`, and where it ends.
local function read_string(text, at)
  local from = at + 1
  while true do
    local stop = text:find('["\\]', from)
    if not stop then fail(at, "a string without an end") end
    if text:byte(stop) == 34 then
      local inside = text:sub(at + 1, stop - 1)
      return inside:find("\\", 1, true) and unescaped(inside) or inside, stop + 1
    end
    from = stop + 2
  end
end

local function read_items(text, at, depth, close, read_item)
  local character
  character, at = next_character(text, at + 1)
  if character == close then return at + 1 end
  while true do
    at = read_item(at, depth)
    character, at = next_character(text, at)
    if character == close then return at + 1 end
    if character ~= "," then fail(at, "'" .. character .. "' instead of a comma") end
    at = at + 1
  end
end

local function read_array(text, at, depth)
  local list, n = {}, 0
  return list, read_items(text, at, depth, "]", function(from)
    n = n + 1
    list[n], from = read(text, from, depth)
    return from
  end)
end

local function read_object(text, at, depth)
  local object = {}
  return object, read_items(text, at, depth, "}", function(from)
    local character, name
    character, from = next_character(text, from)
    if character ~= '"' then fail(from, "no name") end
    name, from = read_string(text, from)
    character, from = next_character(text, from)
    if character ~= ":" then fail(from, "no colon") end
    object[name], from = read(text, from + 1, depth)
    return from
  end)
end

local readers = {['"'] = read_string, ["["] = read_array, ["{"] = read_object}

function read(text, at, depth)
  local character
  character, at = next_character(text, at)
  if depth > DEEPEST then fail(at, "too many tables within each other") end
  if readers[character] then return readers[character](text, at, depth + 1) end
  local word = text:match("^[%w%.%+%-]+", at) or ""
  if word == "null" then return nil, at + 4 end
  local value = CONSTANTS[word]
  if value == nil then value = word:find("^%-?%d") and tonumber(word) end
  if value == nil or value == false and word ~= "false" then fail(at, "'" .. character .. "'") end
  return value, at + #word
end

--- The value of a text; raises a string if it is no JSON.
return function(text)
  local value, at = read(text, 1, 0)
  local character
  character, at = next_character(text, at)
  if character ~= "" then fail(at, "something behind the end") end
  return value
end
