-- The rules of the house, run on the tree, and shown to fail on what breaks them.
local lfs = require "lfs"
local structure = require "spec.support.structure"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function exists(path)
  return lfs.attributes(path, "mode") == "file"
end

local function complaints(rule, paths)
  local found = {}
  for _, path in ipairs(paths) do
    if rule.covers(path) then
      for _, complaint in ipairs(rule.check(read(path), path, exists)) do
        found[#found + 1] = path .. ":" .. complaint
      end
    end
  end
  return found
end

local function assert_none(found)
  assert(#found == 0, ("%d places:\n  %s"):format(#found, table.concat(found, "\n  ")))
end

describe("the tree", function()
  local paths = {}
  structure.walk(function(path) paths[#paths + 1] = path end)
  table.sort(paths)

  it("is where the specs are run", function()
    assert.is_true(#paths > 10)
  end)

  for _, rule in ipairs(structure.rules) do
    it("keeps the rule: " .. rule.name, function()
      assert_none(complaints(rule, paths))
    end)
  end

  it("keeps the rule: at most twelve files a folder", function()
    assert_none(structure.crowded(paths))
  end)

  it("keeps the rule: the module shows only its own names", function()
    local core = assert(package.searchpath("casync.core", package.cpath))
    local pipe <close> = assert(io.popen(("nm --dynamic --defined-only '%s' 2>&1"):format(core)))
    local lines = pipe:read("a")
    assert.matches("luaopen_casync_core", lines)
    assert_none(structure.exports(lines))
  end)
end)

-- Rule, path, a text that breaks it, a text that does not.
local samples = {
  {"includes follow the layers", "runtime/core/x.c", "#include <lua.h>", "#include <string.h>"},
  {"includes follow the layers", "runtime/core/x.c", "#include <ev.h>", "/* #include <ev.h> */"},
  {"includes follow the layers", "runtime/core/x.c", '#include "poll/poll.h"', '#include "core/core.h"'},
  {"includes follow the layers", "runtime/poll/x.c", '#include "bind.h"\n#include "lauxlib.h"', "#include <ev.h>"},
  {"includes follow the layers", "runtime/base/x.c", '#include "core/core.h"', '#include "casync/base.h"'},
  {"includes follow the layers", "bindings/core/x.c", '#include "core/core.h"', '#include "casync/impl/task.h"'},
  {"includes follow the layers", "bindings/x.c", '#include "base/list.h"', '#include "bind.h"\n#include <lua.h>'},
  {"includes follow the layers", "include/casync/loop.h", '#include "casync/impl/task.h"', '#include "base.h"'},
  {"includes follow the layers", "include/casync/loop.h", "#include <lua.h>", "#include <stdint.h>"},
  {"includes follow the layers", "host/main.c", '#include "casync/impl/task.h"', '#include "casync/base.h"'},
  {"includes follow the layers", "runtime/other/x.c", "int x;", nil},
  {"requires point to the left", "lua/casync/tasks/x.lua", 'require "casync.runners"', 'require "casync.await"'},
  {"requires point to the left", "lua/casync/await.lua", 'local x = require("casync.tasks.wait")', '-- require "casync.init"'},
  {"requires point to the left", "lua/casync/loop/x.lua", 'require "casync.debug.report"',
    'local function f()\n  require("casync.debug.report")()\nend'},
  {"requires point to the left", "lua/casync/loop/x.lua", "require 'posix'", "require 'casync.core'"},
  {"requires point to the left", "lua/casync/other.lua", "return 1", nil},
  {"no file is longer than 600 lines", "runtime/x.c", ("\n"):rep(601), ("\n"):rep(600)},
  {"files begin with a comment that says what they are", "lua/x.lua", "return 1", "-- One.\nreturn 1"},
  {"files begin with a comment that says what they are", "runtime/x.c", "int x;", "/* x */ int x;"},
  {"macros hide no control flow", "x.c", "#define CHECK(x) \\\n  if (!(x)) \\\n    return -1", "#define returned(x) ((x) + 1)"},
  {"macros hide no control flow", "x.c", "# define OUT goto out", "int f(void) { return 1; }"},
  {"no #if inside a function", "runtime/x.c", "int f(void)\n{\n#ifdef X\n  g();\n#endif\n}\n", "#ifdef X\nint f(void)\n{\n}\n#endif"},
  {"functions are static or carry their layer's prefix", "runtime/core/x.c", "int push(int n)\n{\n}",
    "int ca_push(int n)\n{\n}\nstatic int pop(void)\n{\n}"},
  {"functions are static or carry their layer's prefix", "bindings/x.c", "int *ca_x(struct a *a,\n  int b)\n{\n}",
    "void *cal_x(int b)\n{\n}\nint luaopen_casync_core(lua_State *L)\n{\n}"},
  {"no typedef of a struct pointer, no type in _t", "x.h", "typedef struct x *x;", "typedef int (*f)(struct x *x);"},
  {"no typedef of a struct pointer, no type in _t", "x.h", "typedef struct x {\n} x_t;", "struct x {\n  size_t n;\n};"},
  {"values are never held by registry references", "x.c", "int r = luaL_ref(L, 1);", "/* luaL_ref */ luaL_reference();"},
  {"one folder leaves coroutines", "bindings/task/step.c", "return lua_yieldk(L, 1, 0, f);", '"lua_yieldk("'},
  {"one file of the runtime calls malloc", "runtime/core/x.c", "x = malloc(1);", "ca_free(x); y->free(x);"},
  {"nothing is left for later", "x.lua", "-- TO" .. "DO later", "-- done"},
  {"no path of somebody's machine", "x.md", "cd /ho" .. "me/me/casync", "cd ~/casync; ls runtime/work/pool.c"},
}

local tree = {["runtime/core/core.h"] = true, ["runtime/poll/poll.h"] = true, ["runtime/base/list.h"] = true,
  ["bindings/bind.h"] = true, ["include/casync/base.h"] = true, ["include/casync/impl/task.h"] = true}

local function rule_named(name)
  for _, rule in ipairs(structure.rules) do
    if rule.name == name then return rule end
  end
  error("no rule '" .. name .. "'")
end

describe("the rule", function()
  local seen = {}
  for number, sample in ipairs(samples) do
    local name, path, bad, good = table.unpack(sample, 1, 4)
    seen[name] = true
    it(("'%s' catches sample %d"):format(name, number), function()
      local rule = rule_named(name)
      local function check(text)
        return rule.check(text, path, function(file) return tree[file] or false end)
      end
      assert.is_true(rule.covers(path))
      assert.is_true(#check(bad) >= 1, "not caught: " .. bad)
      assert_none(good and check(good) or {})
    end)
  end

  it("has a sample each", function()
    for _, rule in ipairs(structure.rules) do assert(seen[rule.name], rule.name) end
  end)

  it("about crowded folders catches the thirteenth file", function()
    local paths = {}
    for n = 1, 12 do paths[n] = "runtime/core/" .. n .. ".c" end
    assert_none(structure.crowded(paths))
    paths[13] = "runtime/core/13.c"
    assert.same({"runtime/core: 13 files, at most 12"}, structure.crowded(paths))
    for n = 1, 13 do paths[n] = "lua/casync/" .. n .. ".lua" end
    assert_none(structure.crowded(paths))
  end)

  it("about exported names catches a foreign one", function()
    assert_none(structure.exports("0001 T casync_loop_open\n0002 T luaopen_casync_core\n0003 T _init\n"))
    assert.same({"match: only casync_* and luaopen_casync_* are shown"}, structure.exports("0001 T match\n"))
    assert.same({"ca_x: only casync_* and luaopen_casync_* are shown"}, structure.exports("0001 B ca_x\n"))
  end)
end)
