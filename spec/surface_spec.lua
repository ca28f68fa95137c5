-- The public names (spec/support/surface.lua): each that is there exists and is used by a spec or an example; none that exists is
-- listed as owed, so that list only becomes shorter; and the module shows no name that is not listed.
local lfs = require "lfs"
local asyncio = require "casync"
local core = require "casync.core"
local surface = require "spec.support.surface"

local function names_of(areas)
  local list = {}
  for _, area in ipairs(areas) do
    for name in area[2]:gmatch("%S+") do list[#list + 1] = {name = name, area = area[1]} end
  end
  return list
end

local there, owed = names_of(surface.there), names_of(surface.owed)

local function assert_none(complaints)
  assert(#complaints == 0, ("%d names:\n  %s"):format(#complaints, table.concat(complaints, "\n  ")))
end

-- Which names exist

-- What the first part of a name is looked up in.
local function home_of(name, loop)
  local head = name:match("^[^.]+")
  if head == "loop" then return {loop = loop} end
  if head == "Coroutine" then return core end
  if head == "ContextVar" or head == "Context" or head == "Token" then return asyncio.contextvars end
  return asyncio
end

local function exists(name, loop)
  local value = home_of(name, loop)
  for part in name:gmatch("[^.]+") do
    if type(value) ~= "table" and type(value) ~= "userdata" then return false end
    value = value[part]
    if value == nil then return false end
  end
  return true
end

-- The names of a list that exist, or that do not, each with its area.
local function filter(list, wanted)
  local loop, found = asyncio.new_event_loop(), {}
  for _, entry in ipairs(list) do
    if exists(entry.name, loop) == wanted then found[#found + 1] = ("%s (%s)"):format(entry.name, entry.area) end
  end
  loop:close()
  return found
end

-- Which names are used

local function skip_long(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", at, true)
  return last or #text
end

local function skip_quoted(text, at)
  local quote, i = text:sub(at, at), at + 1
  while i <= #text and text:sub(i, i) ~= quote do i = i + (text:sub(i, i) == "\\" and 2 or 1) end
  return i
end

-- A program without its comments and quoted strings. Long strings stay: they are programs in specs.
local function code_of(text)
  local kept, from = {}, 1
  while true do
    local at = text:find("[%-\"'%[]", from)
    if not at then break end
    kept[#kept + 1] = text:sub(from, at - 1)
    local character = text:sub(at, at)
    if text:sub(at, at + 1) == "--" then
      from = (skip_long(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1) + 1
    elseif character == '"' or character == "'" then
      kept[#kept + 1] = '""'
      from = skip_quoted(text, at) + 1
    else
      local last = character == "[" and skip_long(text, at) or at
      kept[#kept + 1] = text:sub(at, last)
      from = last + 1
    end
  end
  return table.concat(kept) .. text:sub(from)
end

-- Every word behind a dot or a colon, and behind `asyncio.` those alone.
local function collect_uses(code, uses)
  for word in code:gmatch("%f[.:][.:]([%a_][%w_]*)") do uses[word] = true end -- `..` and `::` are none
  for word in code:gmatch("%f[%w_]asyncio%.([%a_][%w_]*)") do uses["asyncio." .. word] = true end
end

local function each_program(folder, visit)
  for entry in lfs.dir(folder) do
    local path = folder .. "/" .. entry
    if lfs.attributes(path, "mode") == "directory" then
      if not entry:find("^%.") then each_program(path, visit) end
    elseif entry:find("%.lua$") and not entry:find("^surface") then
      visit(path)
    end
  end
end

local function uses_in_tree()
  local uses = {}
  for _, folder in ipairs{"spec", "examples"} do
    each_program(folder, function(path)
      local file <close> = assert(io.open(path, "rb"))
      collect_uses(code_of(file:read("a")), uses)
    end)
  end
  return uses
end

-- A name of the module is used behind `asyncio.`; one of a class or a folder behind any object.
local function is_used(name, uses)
  if not name:find(".", 1, true) then return uses["asyncio." .. name] or false end
  return uses[name:match("[^.]+$")] or false
end

describe("the public names", function()
  it("are there", function() assert_none(filter(there, false)) end)

  it("are owed only while they are not there", function() assert_none(filter(owed, true)) end)

  it("are listed once", function()
    local seen, twice = {}, {}
    for _, list in ipairs{there, owed} do
      for _, entry in ipairs(list) do
        if seen[entry.name] then twice[#twice + 1] = entry.name end
        seen[entry.name] = true
      end
    end
    assert_none(twice)
  end)

  it("are all that the module and its classes show", function()
    local known, unknown = {}, {}
    for _, entry in ipairs(there) do known[entry.name] = true end
    for name in surface.others:gmatch("%S+") do known[name] = true end
    for name, value in pairs(asyncio) do
      if not known[name] then unknown[#unknown + 1] = name end
      local is_class = type(value) == "table" and rawget(value, "__meta")
      local is_error = is_class and asyncio.isinstance(asyncio.BaseException, value) -- fields of errors are no methods
      for method, f in next, is_class and not is_error and value or {} do
        local own = name .. "." .. method
        if type(f) == "function" and not method:find("^_") and method ~= "init" and not known[own] then
          unknown[#unknown + 1] = own
        end
      end
    end
    table.sort(unknown)
    assert_none(unknown)
  end)

  it("are used by a spec or an example, comments and texts left out", function()
    local uses, unused = uses_in_tree(), {}
    for _, entry in ipairs(there) do
      if not is_used(entry.name, uses) then unused[#unused + 1] = entry.name end
    end
    assert_none(unused)
  end)
end)

describe("this spec", function()
  it("tells what exists from what does not", function()
    local list = {{name = "sleep", area = "a"}, {name = "nap", area = "b"}, {name = "Task.cancel", area = "c"},
      {name = "Task.nap", area = "d"}, {name = "sleep.nap", area = "e"}, {name = "loop.time", area = "f"}}
    assert.same({"sleep (a)", "Task.cancel (c)", "loop.time (f)"}, filter(list, true))
    assert.same({"nap (b)", "Task.nap (d)", "sleep.nap (e)"}, filter(list, false))
  end)

  it("sees uses in code and in programs in long strings, not in comments and texts", function()
    local uses = {}
    collect_uses(code_of('local s = "a.text \\" b.more" -- x.comment\nasyncio.run(loop:time()) --[[ y.long\n z.comment ]] f().call()\n'
      .. "g 'it.is' write[==[ asyncio.gather(task:cancel()) ]==] t[1].field.inner = 1 .. s..t"), uses)
    local words = {}
    for word in pairs(uses) do words[#words + 1] = word end
    table.sort(words)
    assert.same({"asyncio.gather", "asyncio.run", "call", "cancel", "field", "gather", "inner", "run", "time"}, words)
    assert.is_true(is_used("run", uses) and is_used("Task.cancel", uses))
    assert.is_false(is_used("time", uses) or is_used("Task.done", uses))
  end)
end)
