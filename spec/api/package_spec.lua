-- What `cmake --install` puts into an empty prefix, and that applications find it: headers, libraries, pkg-config, CMake.
local lfs = require "lfs"
local process = require "spec.support.process"
local installed = require "spec.support.package"
local structure = require "spec.support.structure"

local quote = process.quote

-- A program that opens and closes a host.
local PROGRAM = [[
#include <casync.h>
#include <casync/lua.h>
#include <lualib.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, NULL, &host) < 0 || casync_lua_close(host) < 0) return 1;
  lua_close(L);
  return puts(strcmp(casync_version(), CASYNC_VERSION) == 0 ? "fine" : "another version") < 0;
}
]]

describe("the installed package", function()
  local prefix
  lazy_setup(function() prefix = installed.install() end)

  it("shows nothing but casync_* and luaopen_casync_core", function()
    if installed.option("CASYNC_HARD") == "ON" then return pending("the hard build shows everything to its specs") end
    for _, library in ipairs{"/lib/libcasync.so", "/lib/lua/5.4/casync/core.so"} do
      local lines, status = process.run("unset LD_PRELOAD; nm --dynamic --defined-only " .. quote(prefix .. library))
      assert.equal(0, status)
      assert.matches("luaopen_casync_core", lines)
      assert.same({}, structure.exports(lines))
    end
  end)

  it("has the command casync, which runs by itself", function()
    if installed.option("CASYNC_HOST") ~= "ON" then return pending("built without the command") end
    local run = ("cd / && LUA_PATH= LUA_CPATH= %s/bin/casync -e 'print(await(asyncio.sleep(0, 1)))'"):format(quote(prefix))
    assert.equal("1\n", (process.run(run)))
  end)

  it("has all functions of its headers in libcasync, and none of casync/lua.h in the module for Lua", function()
    local function names_of(library)
      local names = {}
      for name in process.run("unset LD_PRELOAD; nm --dynamic --defined-only " .. quote(prefix .. library)):gmatch(" _?([%w_]+)\n") do
        names[name] = true
      end
      return names
    end
    local library, module, missing = names_of "/lib/libcasync.so", names_of "/lib/lua/5.4/casync/core.so", {}
    for entry in lfs.dir("include/casync") do
      if entry:find("%.h$") then
        local file <close> = assert(io.open("include/casync/" .. entry))
        for name in file:read("a"):gsub("/%*.-%*/", ""):gmatch("CASYNC_API%s[^;]-(casync_[%w_]+)%s*%(") do
          if not library[name] then missing[#missing + 1] = name end
          if entry == "lua.h" then assert.is_nil(module[name]) end
        end
      end
    end
    assert.same({}, missing)
  end)

  it("has only prefixed names in the static library", function()
    if installed.option("CASYNC_HARD") == "ON" then return pending("as above") end
    local lines = process.run("unset LD_PRELOAD; nm --defined-only --extern-only " .. quote(prefix .. "/lib/libcasync.a"))
    for name in lines:gmatch(" [TDBRC] _?([%w_.]+)") do
      assert(name:find("^casync_") or name:find("^ca_") or name:find("^cal_") or name:find("^luaopen_casync_")
        or name:find("^_"), name) -- a sanitizer's
    end
  end)

  it("has headers that compile alone, as C99 and C++11", function()
    local found = process.run("cd " .. quote(prefix .. "/include") .. " && ls casync.h casync/*.h")
    local flags = assert(installed.config("--cflags casync")) .. " -isystem " .. installed.option("LUA_INCLUDE_DIR")
    for header in found:gmatch("%S+") do
      for _, compiler in ipairs{"cc -x c -std=c99 -pedantic", "c++ -x c++ -std=c++11"} do
        local output, status = process.run(("unset LD_PRELOAD; echo '#include <%s>' | %s -Wall -Werror -fsyntax-only %s -")
          :format(header, compiler, flags))
        assert(status == 0, output)
      end
    end
  end)

  it("is found by pkg-config, also where it was moved to", function()
    assert.equal("0.1.0", installed.config("--modversion casync"))
    process.with_folder(function(folder)
      process.run(("cp -R %s/. %s"):format(quote(prefix), quote(folder)))
      local flags = process.run(("PKG_CONFIG_PATH=%s/lib/pkgconfig pkg-config --cflags --libs casync"):format(quote(folder)))
      assert(flags:find(folder, 1, true), flags)
    end)
  end)

  for _, library in ipairs{"shared", "static"} do
    it("is found by CMake: " .. library, function()
      if installed.option("CASYNC_SANITIZE") ~= "" then return pending("a sanitizer would have to be linked first") end
      process.with_folder(function(folder)
        process.write(folder .. "/main.c", PROGRAM)
        process.write(folder .. "/CMakeLists.txt", ([[
cmake_minimum_required(VERSION 3.20)
project(application LANGUAGES C)
find_package(casync 0.1 REQUIRED)
find_library(LUA NAMES lua5.4 lua-5.4 lua54 lua REQUIRED)
add_executable(application main.c)
target_include_directories(application PRIVATE %s)
target_link_libraries(application PRIVATE casync::casync_%s ${LUA})
]]):format(installed.option("LUA_INCLUDE_DIR"), library))
        local output, status = process.run(("cd %s && cmake -S . -B b -DCMAKE_PREFIX_PATH=%s && cmake --build b && b/application")
          :format(quote(folder), quote(prefix)))
        assert(status == 0, output)
        assert.matches("fine\n$", output)
      end)
    end)
  end
end)
