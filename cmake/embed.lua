-- SPDX-License-Identifier: MIT
-- lua5.4 embed.lua OUT.c ROOT FILE …: the Lua files below ROOT as bytecode in one C array, which the core registers as
-- package.preload (bindings/preload.c). Parsing them is most of a short script's start-up otherwise.
local out, root = arg[1], arg[2]

local function module_of(path)
  return (path:sub(#root + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  local chunk = assert(load(file:read("a"), "@lua/" .. path:sub(#root + 2)))
  file:close()
  return string.dump(chunk)
end

local function literal(bytes)
  local parts = {}
  for i = 1, #bytes, 24 do
    parts[#parts + 1] = "  " .. bytes:sub(i, i + 23):gsub(".", function(c) return c:byte() .. "," end)
  end
  return table.concat(parts, "\n")
end

local lines, table_lines = {'#include "preload.h"', ""}, {}
for i = 3, #arg do
  local bytes = bytes_of(arg[i])
  lines[#lines + 1] = ("static const unsigned char file%d[] = {\n%s\n};"):format(i, literal(bytes))
  table_lines[#table_lines + 1] = ('  {"%s", file%d, %d},'):format(module_of(arg[i]), i, #bytes)
end
lines[#lines + 1] = "const struct cal_embedded cal_embedded[] = {"
lines[#lines + 1] = table.concat(table_lines, "\n")
lines[#lines + 1] = "  {0, 0, 0},\n};"

local file = assert(io.open(out, "w"))
assert(file:write(table.concat(lines, "\n"), "\n"))
assert(file:close())
