-- The coroutine library through which awaits pass: as Lua's own where nothing awaits, and what awaiting adds to it.
local asyncio = require "casync"
local testing = require "casync.testing"
local fds = require "fds"

local await, sleep = asyncio.await, asyncio.sleep
local stock, patched = fds.stock_coroutine(), asyncio.coroutine

local function it_awaits(name, f) it(name, testing.async(f)) end

local function new_future() return asyncio.get_running_loop():create_future() end

-- Programs on Lua's library alone. Each is given a library and a log function; what it logs must not depend on the library.
local PROGRAMS = {
  {"resume passes arguments in and results out", function(C, log)
    local co = C.create(function(...) log(...) log(C.yield("y", nil, 1)) return "r", nil end)
    log(C.resume(co, 1, nil, 3))
    log(C.resume(co, nil, "b", nil))
    log(C.resume(co))
  end},
  {"resume of a dead coroutine", function(C, log)
    local co = C.create(function() end)
    log(C.resume(co))
    log(C.resume(co))
    log(C.resume(co, 1, 2, 3))
  end},
  {"resume of a coroutine that failed", function(C, log)
    local co = C.create(function() error({}) end)
    log(C.resume(co))
    log(C.resume(co))
    log(C.status(co))
  end},
  {"resume of itself", function(C, log)
    local co
    co = C.create(function() log(C.resume(co, 1)) log(C.status(co)) return 5 end)
    log(C.resume(co))
    log(C.status(co))
  end},
  {"resume of a normal coroutine", function(C, log)
    local outer
    outer = C.create(function()
      local inner = C.create(function() log(C.status(outer)) log(C.resume(outer, 1, 2)) end)
      log(C.resume(inner))
    end)
    log(C.resume(outer))
  end},
  {"resume of what is no coroutine", function(C, log)
    for _, value in ipairs{1, "x", true, {}, print} do log(pcall(C.resume, value)) end
    log(pcall(C.resume))
    log(pcall(C.resume, nil))
  end},
  {"errors keep their values and places", function(C, log)
    for _, value in ipairs{1, "x", true} do
      log(C.resume(C.create(function() error(value) end)))
      log(C.resume(C.create(function() error(value, 0) end)))
      log(C.resume(C.create(function() error(value, 2) end)))
    end
    log(C.resume(C.create(function() error() end)))
    log(C.resume(C.create(function() local x = nil; return x.y end)))
  end},
  {"create of what is no function", function(C, log)
    for _, value in ipairs{1, "x", {}, setmetatable({}, {__call = print})} do log(pcall(C.create, value)) end
    log(pcall(C.create))
  end},
  {"create of a C function", function(C, log)
    log(C.resume(C.create(math.max), 3, 9, 4))
    log(C.resume(C.create(pcall), error, "x"))
  end},
  {"wrap passes arguments in and results out", function(C, log)
    local f = C.wrap(function(...) log(...) log(C.yield(1, nil)) return nil, 2 end)
    log(f(1, nil))
    log(f(nil, 2, nil))
  end},
  {"wrap of what is no function", function(C, log)
    for _, value in ipairs{1, "x", {}} do log(pcall(C.wrap, value)) end
    log(pcall(C.wrap))
  end},
  {"a wrapped coroutine that is dead", function(C, log)
    local f = C.wrap(function() end)
    log(f())
    log(pcall(f))
    log(pcall(f, 1, 2))
    log(pcall(function() f() end))
  end},
  {"wrap puts the place before a text", function(C, log)
    log(pcall(function() C.wrap(function() error("x") end)() end))
    log(pcall(function() C.wrap(function() error("x", 0) end)() end))
    log(pcall(C.wrap(function() error("x", 0) end)))
    log(pcall(function() C.wrap(function() C.wrap(function() error("x") end)() end)() end))
    log(pcall(function() local _ = C.wrap(function() local t = nil; return t.x end)() end))
  end},
  {"wrap leaves other errors alone", function(C, log)
    local err = {}
    log(select(2, pcall(C.wrap(function() error(err) end))) == err)
    log(pcall(C.wrap(function() error(12) end)))
    log(pcall(C.wrap(function() error() end)))
  end},
  {"wrap closes a coroutine that fails", function(C, log)
    local f = C.wrap(function()
      local _ <close> = setmetatable({}, {__close = function(_, err) log("closed", err) end})
      error("x", 0)
    end)
    log(pcall(f))
    log(pcall(f))
  end},
  {"wrap raises what the closing raises", function(C, log)
    log(pcall(C.wrap(function()
      local _ <close> = setmetatable({}, {__close = function() error("new", 0) end})
      error("old", 0)
    end)))
  end},
  {"resume leaves a coroutine that fails open", function(C, log)
    local co = C.create(function()
      local _ <close> = setmetatable({}, {__close = function(_, err) log("closed", err) end})
      error("x", 0)
    end)
    log(C.resume(co))
    log(C.close(co))
    log(C.close(co))
  end},
  {"a wrapped coroutine that calls itself", function(C, log)
    local f
    f = C.wrap(function() log(pcall(f, 1)) return 3 end)
    log(f())
  end},
  {"a generator in a for loop", function(C, log)
    for i, j in C.wrap(function() for i = 1, 3 do C.yield(i, i * i) end end) do log(i, j) end
  end},
  {"close of a new coroutine", function(C, log)
    local co = C.create(print)
    log(C.close(co))
    log(C.status(co))
    log(C.resume(co))
  end},
  {"close of a suspended coroutine with pending variables", function(C, log)
    local co = C.create(function()
      local _ <close> = setmetatable({}, {__close = function(_, err) log("a", err) end})
      local _ <close> = setmetatable({}, {__close = function(_, err) log("b", err) end})
      C.yield(1)
    end)
    log(C.resume(co))
    log(C.close(co))
    log(C.status(co), C.resume(co))
  end},
  {"close whose variables fail", function(C, log)
    local co = C.create(function()
      local _ <close> = setmetatable({}, {__close = function(_, err) log("outer", err) end})
      local _ <close> = setmetatable({}, {__close = function() error("x", 0) end})
      C.yield(1)
    end)
    log(C.resume(co))
    log(C.close(co))
    log(C.close(co))
  end},
  {"close whose variables yield", function(C, log)
    local co = C.create(function()
      local _ <close> = setmetatable({}, {__close = function() C.yield(1) end})
      C.yield(1)
    end)
    log(C.resume(co))
    log(C.close(co))
  end},
  {"close of itself", function(C, log)
    local co
    co = C.create(function() log(pcall(C.close, co)) end)
    log(C.resume(co))
  end},
  {"close of a normal coroutine", function(C, log)
    local co
    co = C.create(function() C.wrap(function() log(pcall(C.close, co)) end)() end)
    log(C.resume(co))
  end},
  {"close of what is no coroutine", function(C, log)
    for _, value in ipairs{1, "x", {}, print} do log(pcall(C.close, value)) end
    log(pcall(C.close))
  end},
  {"status of each kind", function(C, log)
    local co
    co = C.create(function()
      log(C.status(co))
      C.wrap(function() log(C.status(co)) end)()
      C.yield()
    end)
    log(C.status(co))
    C.resume(co)
    log(C.status(co))
    C.resume(co)
    log(C.status(co))
    local failed = C.create(error)
    C.resume(failed)
    log(C.status(failed))
  end},
  {"status of what is no coroutine", function(C, log)
    log(pcall(C.status, 1))
    log(pcall(C.status))
  end},
  {"isyieldable", function(C, log)
    log(C.wrap(function() return C.isyieldable() end)())
    local co = C.create(print)
    log(C.isyieldable(co))
    log(C.wrap(function() local y; table.sort({1, 2}, function() y = C.isyieldable() return false end) return y end)())
    log(pcall(C.isyieldable, 1))
  end},
  {"running", function(C, log)
    local co
    co = C.create(function()
      local running, is_main = C.running()
      log(running == co, is_main)
    end)
    log(C.resume(co))
  end},
  {"yield across a C call", function(C, log)
    log(C.resume(C.create(function() table.sort({1, 2}, C.yield) end)))
    log(C.resume(C.create(function() string.gsub("x", "x", C.yield) end)))
  end},
  {"yield through pcall and metamethods", function(C, log)
    local co = C.create(function()
      log(pcall(C.yield, 1))
      log(pcall(function() C.yield(2) error("x", 0) end))
      log(setmetatable({}, {__index = function(_, k) return C.yield(k) end}).key)
      log(setmetatable({}, {__add = function() return C.yield("add") end}) + 1)
      return "end"
    end)
    for i = 1, 6 do log(C.resume(co, i)) end
  end},
  {"yield in a closing variable", function(C, log)
    local co = C.create(function()
      do local _ <close> = setmetatable({}, {__close = function() log(C.yield("closing")) end}) end
      return pcall(function()
        local _ <close> = setmetatable({}, {__close = function() log(C.yield("failing")) end})
        error("x", 0)
      end)
    end)
    for i = 1, 4 do log(C.resume(co, i)) end
  end},
  {"a yield meant for an outer coroutine stays in the inner one", function(C, log)
    local co = C.create(function()
      local inner = C.create(function() C.yield("inner") end)
      log(C.resume(inner))
      log(C.status(inner))
      C.yield("outer")
      log(C.resume(inner))
    end)
    log(C.resume(co))
    log(C.resume(co))
  end},
  {"many arguments and results", function(C, log)
    local f = C.wrap(function(...)
      local n = select("#", ...)
      local m = select("#", C.yield(table.unpack({}, 1, n)))
      return table.unpack({}, 1, m)
    end)
    log(select("#", f(table.unpack({}, 1, 5000))))
    log(select("#", f(table.unpack({}, 1, 7000))))
  end},
  {"endless nesting of resume", function(C, log)
    local function down(n)
      local ok, err = C.resume(C.create(down), n + 1)
      return ok and (err or n)
    end
    local deepest = 0
    local function probe(n)
      deepest = math.max(n, deepest)
      local ok, err = C.resume(C.create(probe), n + 1)
      if not ok then log(err) end
    end
    probe(1)
    log(deepest > 150, down(1) ~= nil)
  end},
  {"endless nesting of wrap", function(C, log)
    local function f() return C.wrap(f)() end
    local ok, err = pcall(f)
    log(ok, (err:gsub("^.*: ", "")))
  end},
  {"endless recursion in a coroutine", function(C, log)
    local function f() return 1 + f() end
    local ok, err = C.resume(C.create(f))
    log(ok, (err:gsub("stack overflow.*", "stack overflow")))
  end},
  {"a coroutine that collects itself", function(C, log)
    local weak = setmetatable({}, {__mode = "k"})
    weak[C.create(print)] = true
    do
      local co = C.create(function() C.yield() end)
      C.resume(co)
      weak[co] = true
    end
    collectgarbage()
    collectgarbage()
    log(next(weak))
  end},
  {"the permutations of Programming in Lua", function(C, log)
    local function permute(a, n)
      if n <= 1 then return C.yield(table.concat(a)) end
      for i = 1, n do
        a[n], a[i] = a[i], a[n]
        permute(a, n - 1)
        a[n], a[i] = a[i], a[n]
      end
    end
    for p in C.wrap(function() permute({"a", "b", "c"}, 3) end) do log(p) end
  end},
  {"producer, filter, consumer", function(C, log)
    local function producer() return C.create(function() for i = 1, 3 do C.yield(i) end return nil end) end
    local function filter(from)
      return C.create(function()
        while true do
          local _, x = C.resume(from)
          if not x then return nil end
          C.yield(x * 10)
        end
      end)
    end
    local from = filter(producer())
    while true do
      local ok, x = C.resume(from)
      log(ok, x)
      if not x then break end
    end
  end},
  {"a debug traceback of a suspended coroutine", function(C, log)
    local function inner() C.yield() end
    local co = C.create(function() inner() end)
    C.resume(co)
    log((debug.traceback(co):gsub("in %a+ '[%w_.]*yield'", "in yield")))
  end},
}

-- What a program logs with a library, as text.
local function outcome(program, library)
  local lines = {}
  local function show(value)
    local kind = type(value)
    return (kind == "table" or kind == "function" or kind == "thread") and kind or tostring(value)
  end
  local function log(...)
    local words = table.pack(...)
    for i = 1, words.n do
      -- A function called by pcall has the name of the field it is found in, which differs.
      words[i] = show(words[i]):gsub("'[%w.]*coroutine%.(%a+)'", "'%1'"):gsub("to '%?'", "to it")
        :gsub("to '(%a+)'", "to it"):gsub("thread expected", "coroutine expected") -- as Lua 5.4.4 says
    end
    lines[#lines + 1] = table.concat(words, " ")
  end
  -- At the end of the C stack Lua could not call finalizers, and what they free would be lost.
  collectgarbage("stop")
  program(library, log)
  collectgarbage("restart")
  return table.concat(lines, "\n")
end

describe("the patched coroutine library", function()
  describe("does as Lua's own:", function()
    for _, program in ipairs(PROGRAMS) do
      it(program[1], function()
        assert.equal(outcome(program[2], stock), outcome(program[2], patched))
      end)
    end
  end)

  describe("does as Lua's own inside a task:", function()
    for _, program in ipairs(PROGRAMS) do
      it_awaits(program[1], function()
        assert.equal(outcome(program[2], stock), outcome(program[2], patched))
      end)
    end
  end)

  describe("does as Lua's own inside a callback of the loop:", function()
    for _, program in ipairs(PROGRAMS) do
      it_awaits(program[1], function()
        local got = new_future()
        asyncio.get_running_loop():call_soon(function() got:set_result(outcome(program[2], patched)) end)
        assert.equal(outcome(program[2], stock), await(got))
      end)
    end
  end)

  describe("does as Lua's own inside an awaiting coroutine:", function()
    for _, program in ipairs(PROGRAMS) do
      it_awaits(program[1], function()
        local got = coroutine.wrap(function()
          await(sleep(1))
          local text = outcome(program[2], patched)
          await(sleep(1))
          return text
        end)()
        assert.equal(outcome(program[2], stock), got)
      end)
    end
  end)

  for name in pairs(stock) do
    it("has " .. name, function() assert.is_function(patched[name]) end)
  end

  it("has no other names", function()
    for name in pairs(patched) do assert.is_not_nil(stock[name], name) end
  end)

  it("stands in the place of the global one", function()
    for name in pairs(stock) do assert.equal(patched[name], coroutine[name]) end
  end)
end)
