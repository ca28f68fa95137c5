-- casync as an application finds it: installed into an empty prefix, and C programs compiled against that.
-- The build under test is the one that `require "casync.core"` finds.
local process = require "spec.support.process"

local quote = process.quote
local package_ = {}

local build = assert(package.searchpath("casync.core", package.cpath)):match("^(.*)/lua/casync/core%.so$")
local prefix = build .. "/package"

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read("a")
end

local cache = read(build .. "/CMakeCache.txt")

--- What the build was configured with, "" for an option it does not have.
function package_.option(name)
  return cache:match("\n" .. name .. ":%w+=([^\n]*)") or ""
end

-- Runs a command without the sanitizer that this process may have been given.
local function must(command)
  local output, status = process.run("unset LD_PRELOAD; " .. command)
  if status ~= 0 then error(("%s\n%s"):format(command, output), 0) end
  return output
end

-- busted forgets modules between spec files; the registry does not.
local registry = debug.getregistry()
local IS_INSTALLED = "casync.spec.package " .. prefix

--- Installs the build into a prefix that is empty before; returns the prefix. Once a process.
function package_.install()
  if registry[IS_INSTALLED] then return prefix end
  must(("rm -rf %s && cmake --install %s --prefix %s"):format(quote(prefix), quote(build), quote(prefix)))
  must("mkdir " .. quote(prefix .. "/programs"))
  registry[IS_INSTALLED] = true
  return prefix
end

--- pkg-config's answer about packages, casync's among them, in one line; nil if it does not know them.
function package_.config(words)
  package_.install()
  local found, status = process.run(("PKG_CONFIG_PATH=%s/lib/pkgconfig pkg-config %s"):format(quote(prefix), words))
  return status == 0 and found:gsub("%s+$", "") or nil
end

-- Flags for Lua, under whatever name it is known.
local function lua_flags()
  for _, name in ipairs{"lua5.4", "lua-5.4", "lua54", "lua"} do
    local flags = package_.config("--cflags --libs " .. name)
    if flags then return flags end
  end
  return ("-I%s -llua"):format(package_.option("LUA_INCLUDE_DIR"))
end

--- Compiles a C or C++ program (and more files) against the installed package; returns the program's path. Options: `flags`, more
--- words for the compiler; `is_static`, with the static library.
function package_.compile(sources, opts)
  opts = opts or {}
  package_.install()
  sources = type(sources) == "table" and sources or {sources}
  local main, sanitize = sources[1], package_.option("CASYNC_SANITIZE")
  local program = ("%s/programs/%s%s"):format(prefix, main:match("([^/]+)%.%w+$"), opts.is_static and "_static" or "")
  local compiler = main:find("%.cc$") and "c++ -std=c++11" or "cc -std=gnu99"
  local words = {compiler, "-g -O1 -Wall -Wextra -Werror -o", quote(program), table.concat(sources, " "), opts.flags or "",
    sanitize ~= "" and "-fsanitize=" .. sanitize or ""}
  if opts.is_static then
    words[#words + 1] = package_.config("--cflags casync") .. (" %s/lib/libcasync.a -lev -lm -pthread"):format(quote(prefix))
  else
    words[#words + 1] = package_.config("--cflags --libs casync") .. (" -Wl,-rpath,%s/lib -pthread"):format(quote(prefix))
  end
  words[#words + 1] = lua_flags()
  must(table.concat(words, " "))
  return program
end

--- Runs a program, under $CASYNC_SPEC_WITH (valgrind and its options, say) if that is set; returns what it wrote and its exit status.
function package_.run(program, words)
  return process.run(("unset LD_PRELOAD; exec %s %s %s"):format(os.getenv("CASYNC_SPEC_WITH") or "", quote(program), words or ""))
end

--- The tests of spec/api/NAME.c, TEST(sentence_in_words): a function that compiles the program, and an iterator over sentences and
--- functions that run it with the test's name as argument. Options as of compile().
function package_.tests(name, opts)
  local source = ("spec/api/%s.c"):format(name)
  local program, names = nil, read(source):gmatch("%f[%w_]TEST%(([%w_]+)%)")
  local function compile() program = package_.compile({source, "spec/api/check.c"}, opts) end
  return compile, function()
    local test = names()
    return test and (test:gsub("_", " ")), function()
      local output, status = package_.run(program, test)
      if status ~= 0 or output ~= "" then error(output, 0) end
    end
  end
end

return package_
