-- SPDX-License-Identifier: MIT
-- lua5.4 embed.lua OUT.c ROOT HEADER STRUCT ARRAY PREFIX FILE …: the Lua files below ROOT as bytecode in one C array of structs
-- {module name, bytes, size}, where `require` finds them (bindings/searcher.c, host/script.c). Parsing them is most of
-- a short script's start-up otherwise. Modules are named, and chunks called, as if ROOT were the folder lua/PREFIX.
local out, root, header, struct, array, prefix = table.unpack(arg, 1, 6)

local function path_below(path) return prefix .. path:sub(#root + 2) end

local function module_of(path)
  return (path_below(path):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

local function bytes_of(path)
  local file = assert(io.open(path, "rb"))
  local chunk = assert(load(file:read("a"), "@lua/" .. path_below(path)))
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

-- One array in the order of the files: what is used together lies in the same pages. It has a section of its own, so that other
-- constants share their pages with it at one end only.
local lines, table_lines = {'#include "' .. header .. '"', "", "#ifdef __ELF__", '__attribute__((section("casync_bytecode")))',
  "#endif", "static const unsigned char bytecode[] = {"}, {}
local offset = 0
for i = 7, #arg do
  local bytes = bytes_of(arg[i])
  lines[#lines + 1] = literal(bytes)
  table_lines[#table_lines + 1] = ('  {"%s", bytecode + %d, %d},'):format(module_of(arg[i]), offset, #bytes)
  offset = offset + #bytes
end
lines[#lines + 1] = "};"
lines[#lines + 1] = ("const struct %s %s[] = {"):format(struct, array)
lines[#lines + 1] = table.concat(table_lines, "\n")
lines[#lines + 1] = "  {0, 0, 0},\n};"

local file = assert(io.open(out, "w"))
assert(file:write(table.concat(lines, "\n"), "\n"))
assert(file:close())
