-- The rules of the house as functions: who may include and require whom, sizes, what no file may contain.
-- A rule has a name, `covers(path)`, and `check(text, path, exists)`, which returns a list of complaints ("12: why").
-- spec/structure_spec.lua runs them on the tree and on small texts that break them.
local lfs = require "lfs"

local structure = {}

-- Text ------------------------------------------------------------------------------------------------------------

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- C with its comments and strings blanked out, line numbers kept.
local function c_code(text)
  text = text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank)
  return (text:gsub('"[^"\n]*"', function(s) return s:sub(1, 1) .. blank(s:sub(2, -2)) .. s:sub(-1) end))
end

local function c_without_comments(text)
  return (text:gsub("/%*.-%*/", blank):gsub("//[^\n]*", blank))
end

local function each_line(text)
  local number = 0
  return function(lines)
    local line = lines()
    number = number + 1
    return line and number, line
  end, (text .. "\n"):gmatch("(.-)\n")
end

-- Makes a check that complains about each line where one of the patterns matches.
local function forbids(patterns, why, prepare)
  return function(text)
    local found = {}
    for number, line in each_line(prepare and prepare(text) or text) do
      for _, pattern in ipairs(patterns) do
        if line:find(pattern) then
          found[#found + 1] = ("%d: %s: %s"):format(number, why, line:match("^%s*(.-)%s*$"))
          break
        end
      end
    end
    return found
  end
end

local function line_of(text, position)
  return select(2, text:sub(1, position):gsub("\n", "")) + 1
end

-- Includes --------------------------------------------------------------------------------------------------------

-- Who may include what (first match wins): folders of the tree, and of what lies outside it `lua`, `ev`, `openssl`, `libc`.
local public, embedder = "include/", "include/casync/lua.h"
local impl = "include/casync/impl/"
local may_include = {
  {embedder, {public, "libc", "lua"}},
  {impl, {public, impl, "libc"}},
  {public, {public, "libc"}},
  {"runtime/base/", {public, impl, "libc", "runtime/base/"}},
  {"runtime/core/", {public, impl, "libc", "runtime/base/", "runtime/core/"}},
  {"runtime/poll/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/poll/", "ev"}},
  {"runtime/ps/", {public, impl, "libc", "runtime/ps/"}},
  {"runtime/work/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/poll/", "runtime/work/"}},
  {"runtime/sync/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/sync/"}},
  {"runtime/net/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/poll/", "runtime/net/"}},
  {"runtime/tls/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/net/", "runtime/tls/", "openssl"}},
  {"runtime/process/", {public, impl, "libc", "runtime/base/", "runtime/core/", "runtime/poll/", "runtime/net/",
    "runtime/process/"}},
  {"bindings/", {public, impl, embedder, "libc", "lua", "bindings/"}},
  {"host/", {public, embedder, "libc", "lua", "host/"}},
  {"spec/c/", {public, impl, "libc", "runtime/", "spec/c/"}},
  {"spec/api/", {public, embedder, "libc", "lua", "ev", "spec/api/"}}, -- an application whose loop is libev's
  {"spec/support/", {"libc", "lua", "spec/support/"}},
}

local function starts(text, prefix)
  return text:sub(1, #prefix) == prefix
end

local function outside(name)
  if name:find("^lua[%w]*%.h") or name == "lauxlib.h" then return "lua" end
  if name:find("^ev[%w+]*%.h") or starts(name, "libev/") then return "ev" end
  if starts(name, "openssl/") then return "openssl" end
  return "libc"
end

-- The file of the tree that an include means, or what it means outside of it. Only one in quotes looks beside its file.
local function target(name, path, exists, is_quoted)
  local layer = path:match("^%w+/")
  for _, folder in ipairs {is_quoted and path:match("^.*/") or layer, layer, public, "runtime/"} do
    if exists(folder .. name) then return folder .. name end
  end
  return outside(name)
end

-- The longest folder of the table that holds a file: what is under impl/ is not just public.
local function place(file)
  if file == embedder then return embedder end
  if starts(file, impl) then return impl end
  return file
end

local function is_allowed(file, list)
  local where = place(file)
  for _, allowed in ipairs(list) do
    if where == allowed then return true end
    if where == file and file ~= embedder and allowed:sub(-1) == "/" and starts(file, allowed) then return true end
  end
  return false
end

local function rules_of(path)
  for _, row in ipairs(may_include) do
    if starts(path, row[1]) then return row[2] end
  end
end

local function check_includes(text, path, exists)
  local found = {}
  local allowed = rules_of(path)
  if not allowed then return {"1: which layer is this? (spec/support/structure.lua: may_include)"} end
  for number, line in each_line(c_without_comments(text)) do
    local quote, name = line:match('^%s*#%s*include%s*(["<])([^">]+)[">]')
    local file = name and target(name, path, exists, quote == '"')
    if file and not is_allowed(file, allowed) then
      found[#found + 1] = ("%d: must not include %s (%s)"):format(number, name, file)
    end
  end
  return found
end

-- Requires --------------------------------------------------------------------------------------------------------

-- The Lua layers, from left to right: a file requires what is to its left or in its own group.
local groups = {
  {"core"},
  {"class", "exceptions", "options", "log", "await", "await_thread", "by_hand", "coroutine", "with", "generator",
    "contextvars", "buffer"},
  {"sync"},
  {"tasks"},
  {"protocols", "transports", "net", "sockets"},
  {"loop"},
  {"stream"},
  {"subprocess", "ssl", "socket", "files", "threads", "workers", "runners", "debug", "testing", "host"},
  {"api", "init", "unpatched"},
}

local rank = {}
for number, group in ipairs(groups) do
  for _, name in ipairs(group) do rank[name] = number end
end

-- Requires on first use (inside a function) that point to the right: reports and printing, and what is said why here.
local lazy_to_the_right = {
  debug = true, -- what is printed, reported or checked in debug mode only is not loaded before
}

local function check_requires(text, path)
  local found = {}
  local own = path:match("^lua/casync/([%w_]+)")
  if not rank[own] then return {"1: which layer is this? (spec/support/structure.lua: groups)"} end
  for number, line in each_line(text:gsub("%-%-[^\n]*", blank)) do
    local margin, name = line:match("^(%s*).-require%s*%(?%s*[\"']([^\"']+)[\"']")
    local first = name and name:match("^casync%.([%w_]*)")
    if first == "" and rank[own] == #groups then
      first = own -- a name put together, in the file that knows all names
    end
    if name and (not first or not rank[first]) then
      found[#found + 1] = ("%d: requires '%s', which is none of casync's layers"):format(number, name)
    elseif name and rank[first] > rank[own] then
      local is_lazy = #margin > 0 or line:find("function")
      if not (is_lazy and lazy_to_the_right[first]) then
        found[#found + 1] = ("%d: requires '%s', which is to the right of %s"):format(number, name, own)
      end
    end
  end
  return found
end

-- The text of files -----------------------------------------------------------------------------------------------

local longest_file = 600

local function check_length(text)
  local lines = select(2, text:gsub("\n", ""))
  return lines > longest_file and {("1: %d lines, at most %d: find the second idea in it"):format(lines, longest_file)} or {}
end

-- A macro names a constant or computes a value; it never returns or jumps.
local function check_macros(text)
  local found = {}
  local joined = c_code(text):gsub("\\\n", "\\ ")
  for position, name, body in joined:gmatch("()#%s*define%s+([%w_]+)([^\n]*)") do
    for _, word in ipairs {"return", "goto", "break", "continue"} do
      if body:find("%f[%w_]" .. word .. "%f[^%w_]") then
        found[#found + 1] = ("%d: the macro %s hides a '%s'"):format(line_of(joined, position), name, word)
      end
    end
  end
  return found
end

-- A difference between systems is a file chosen by the build, never an #if between the braces of a function.
local function check_conditionals(text)
  local found, inside = {}, false
  for number, line in each_line(c_code(text)) do
    if line:find("^{") then inside = true elseif line:find("^}") then inside = false end
    if inside and line:find("^%s*#%s*if") then
      found[#found + 1] = number .. ": #if inside a function"
    end
  end
  return found
end

-- Functions that other files see carry their layer's prefix.
local prefixes = {
  ["runtime/"] = {"^ca_", "^casync_"},
  ["bindings/"] = {"^cal_", "^casync_", "^luaopen_casync_"},
}

local function check_prefixes(text, path)
  local found, code = {}, c_code(text)
  local wanted = prefixes[path:match("^%w+/")]
  for position, head, name in ("\n" .. code):gmatch("\n()([%a_][%w_ %*]-[ %*])([%a_][%w_]*)%b()%s*\n{") do
    local is_fine = head:find("static%f[^%w_]") ~= nil
    for _, pattern in ipairs(wanted) do is_fine = is_fine or name:find(pattern) ~= nil end
    if not is_fine then
      found[#found + 1] = ("%d: %s is neither static nor prefixed as its layer is"):format(line_of(code, position - 1), name)
    end
  end
  return found
end

local function check_head(text, path)
  local comment = path:find("%.lua$") and "^%-%-" or "^/%*"
  return text:find(comment) and {} or {"1: no head comment"}
end

-- Spelled apart, so that this file passes its own test.
local unfinished = {"TO" .. "DO", "FIX" .. "ME", "XX" .. "X"}
local homes = {"/ho" .. "me/%w", "/Us" .. "ers/%w", "%f[%w/]/ro" .. "ot/%w", "%f[%w/]/wo" .. "rk/%w"}

local function is_c(path) return path:find("%.[ch]$") ~= nil end
local function is_lua(path) return path:find("%.lua$") ~= nil end
local function under(...)
  local folders = {...}
  return function(path)
    for _, folder in ipairs(folders) do
      if starts(path, folder) then return true end
    end
    return false
  end
end
local function both(a, b) return function(path) return a(path) and b(path) end end

-- Recorded traces are data that happens to be Lua.
local function is_written(path)
  return (is_c(path) or is_lua(path)) and not path:find("^spec/parity/traces/")
end

local function may_yield(path)
  return starts(path, "bindings/await/")
end

structure.rules = {
  {name = "includes follow the layers", check = check_includes,
    covers = both(is_c, under("include/", "runtime/", "bindings/", "host/", "spec/"))},
  {name = "requires point to the left", check = check_requires, covers = both(is_lua, under("lua/casync/"))},
  {name = "no file is longer than 600 lines", check = check_length, covers = is_written},
  {name = "files begin with a comment that says what they are", check = check_head, covers = is_written},
  {name = "macros hide no control flow", check = check_macros, covers = is_c},
  {name = "no #if inside a function", check = check_conditionals,
    covers = both(is_c, under("include/", "runtime/", "bindings/", "host/"))},
  {name = "functions are static or carry their layer's prefix", check = check_prefixes,
    covers = both(is_c, under("runtime/", "bindings/"))},
  {name = "no typedef of a struct pointer, no type in _t", covers = is_c,
    check = forbids({"typedef%s+struct[^;{(]*%*", "typedef%s[^;(]*_t%s*;", "^}%s*[%w_]+_t%s*;"}, "typedef", c_code)},
  {name = "values are never held by registry references", covers = is_c,
    check = forbids({"luaL_ref%f[^%w_]", "luaL_unref%f[^%w_]"}, "registry reference", c_code)},
  {name = "one folder leaves coroutines", covers = function(path) return is_c(path) and not may_yield(path)
      and not starts(path, "bench/") end,
    check = forbids({"lua_yieldk?%s*%("}, "yield", c_code)},
  {name = "one file of the runtime calls malloc", covers = function(path)
      return is_c(path) and starts(path, "runtime/") and path ~= "runtime/base/alloc.c" end,
    check = forbids({"[^%w_>.][mc]alloc%s*%(", "[^%w_>.]realloc%s*%(", "[^%w_>.]free%s*%(", "[^%w_>.]strdup%s*%("},
      "use base/alloc.h", c_code)},
  {name = "nothing is left for later", covers = function() return true end,
    check = forbids({"%f[%w]" .. unfinished[1], "%f[%w]" .. unfinished[2], "%f[%w]" .. unfinished[3] .. "%f[^%w]"}, "unfinished")},
  {name = "no path of somebody's machine", covers = function() return true end, check = forbids(homes, "path")},
}

-- The tree --------------------------------------------------------------------------------------------------------

local tops = {"include", "runtime", "bindings", "lua", "host", "spec", "examples", "bench", "script", "cmake", "docs", ".ci"}
local kinds = {c = true, cc = true, h = true, lua = true, py = true, mjs = true, md = true, cmake = true, sh = true}

-- Calls visit(path) for each text file that people wrote.
function structure.walk(visit)
  local function into(folder)
    for entry in lfs.dir(folder) do
      local path = folder .. "/" .. entry
      local mode = lfs.attributes(path, "mode")
      if mode == "directory" and not entry:find("^%.") and entry ~= "node_modules" then
        into(path)
      elseif mode == "file" and (kinds[entry:match("%.(%w+)$")] or not entry:find("%.")) then
        visit(path)
      end
    end
  end
  for _, top in ipairs(tops) do
    if lfs.attributes(top, "mode") == "directory" then into(top) end
  end
  for entry in lfs.dir(".") do
    local is_ours = entry ~= ".git" and not entry:find("%.log$") -- a work tree's .git is a file
    if lfs.attributes(entry, "mode") == "file" and is_ours then visit(entry) end
  end
end

-- Folders of one concern hold at most twelve files; where each file is a public module or a test of its own, more.
function structure.crowded(paths)
  local count, found = {}, {}
  for _, path in ipairs(paths) do
    local folder = path:match("^(.*)/")
    if folder and under("include/", "runtime/", "bindings/", "lua/", "host/")(path) and folder ~= "lua/casync" then
      count[folder] = (count[folder] or 0) + 1
    end
  end
  for folder, n in pairs(count) do
    if n > 12 then found[#found + 1] = ("%s: %d files, at most 12"):format(folder, n) end
  end
  table.sort(found)
  return found
end

-- What a library may show of itself, given the lines of `nm --dynamic --defined-only`.
function structure.exports(lines)
  local found = {}
  for line in lines:gmatch("[^\n]+") do
    local kind, name = line:match("(%a) _?([%w_.]+)$")
    local is_ours = name and (starts(name, "casync_") or starts(name, "luaopen_casync_"))
    local is_toolchain = name and (name:find("^_") or name:find("^fini$") or name:find("^init$"))
    if kind and kind:find("%u") and not is_ours and not is_toolchain then
      found[#found + 1] = name .. ": only casync_* and luaopen_casync_* are shown"
    end
  end
  return found
end

return structure
