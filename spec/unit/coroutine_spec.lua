-- The coroutine library through which awaits pass: as Lua's own where nothing awaits, and what awaiting adds to it.
local asyncio = require "casync"
local testing = require "casync.testing"
local fds = require "fds"

local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
local stock, patched = fds.stock_coroutine(), asyncio.coroutine

local function it_awaits(name, f) it(name, testing.async(f)) end

local function time() return asyncio.get_running_loop():time() end
local function new_future() return asyncio.get_running_loop():create_future() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

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
  program(library, log)
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

describe("an await in a nested coroutine", function()
  it_awaits("suspends whoever resumed it", function()
    local log = {}
    create_task(function() log[#log + 1] = "other" end)
    local co = coroutine.create(function() await(sleep(1)) log[#log + 1] = "inner" return 5 end)
    assert.same({true, 5}, {coroutine.resume(co)})
    assert.same({"other", "inner"}, log)
  end)

  it_awaits("gives its results inside", function()
    assert.equal("x", coroutine.wrap(function() return await(sleep(1, "x")) end)())
  end)

  it_awaits("raises its error inside", function()
    local future = new_future()
    asyncio.get_running_loop():call_soon(future.set_exception, future, "bad")
    assert.same({false, "bad"}, {coroutine.wrap(function() return pcall(await, future) end)()})
  end)

  it_awaits("mixes with yields", function()
    local log = {}
    local co = coroutine.wrap(function(a)
      log[#log + 1] = a
      await(sleep(1))
      local b = coroutine.yield("y1")
      await(sleep(1))
      log[#log + 1] = b
      return "end"
    end)
    assert.equal("y1", co("a"))
    assert.equal("end", co("b"))
    assert.same({"a", "b"}, log)
    assert.equal(2, time())
  end)

  it_awaits("may go on in another task than it began in", function()
    local co = coroutine.wrap(function()
      await(sleep(1))
      coroutine.yield(asyncio.current_task())
      await(sleep(1))
      return asyncio.current_task()
    end)
    local first = create_task(co)
    assert.equal(first, await(first))
    local second = create_task(co)
    assert.equal(second, await(second))
  end)

  it_awaits("reaches through 150 levels", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      local result = coroutine.wrap(down)(n - 1)
      await(sleep(0))
      return result
    end
    assert.equal("bottom", down(150))
  end)

  it_awaits("reaches through 150 levels of resume", function()
    local function down(n)
      if n == 0 then return await(sleep(1, "bottom")) end
      return select(2, coroutine.resume(coroutine.create(down), n - 1))
    end
    assert.equal("bottom", down(150))
  end)

  it_awaits("is cancelled first, innermost", function()
    local log = {}
    local task = create_task(function()
      local ok = pcall(coroutine.wrap(function()
        local inner, err = pcall(await, sleep(10))
        log[#log + 1] = {"inner", inner, asyncio.isinstance(err, asyncio.CancelledError)}
        error(err, 0)
      end))
      log[#log + 1] = {"outer", ok}
      return "survived"
    end)
    await(sleep(1))
    task:cancel()
    assert.equal("survived", await(task))
    assert.same({{"inner", false, true}, {"outer", false}}, log)
  end)

  it_awaits("passes its cancellation up as the error of the coroutine", function()
    local task = create_task(function() return coroutine.resume(coroutine.create(function() await(sleep(10)) end)) end)
    await(sleep(1))
    task:cancel()
    local ok, err = await(task)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.CancelledError))
  end)

  it_awaits("of a done future does not suspend", function()
    local future = new_future()
    future:set_result(1)
    local before = asyncio.get_running_loop():_iterations()
    coroutine.wrap(function() await(future) end)()
    assert.equal(before, asyncio.get_running_loop():_iterations())
  end)

  it_awaits("is refused where Lua's own library resumed it, with the remedy", function()
    local message = raises(asyncio.RuntimeError, stock.wrap(function() await(new_future()) end)).message
    assert.matches("casync.coroutine", message)
    assert.matches("resumed by Lua's own coroutine library", message)
  end)

  it_awaits("is refused below one that Lua's own library resumed", function()
    local err = raises(asyncio.RuntimeError, stock.wrap(function() coroutine.wrap(function() await(new_future()) end)() end))
    assert.matches("casync.coroutine", tostring(err))
  end)

  it_awaits("is possible again after Lua's own library was used", function()
    stock.wrap(function() stock.yield() end)()
    assert.equal("x", await(sleep(1, "x")))
  end)

  it_awaits("keeps the place of the task: running is the nested coroutine", function()
    local co
    co = coroutine.create(function()
      await(sleep(1))
      assert.equal(co, (coroutine.running()))
    end)
    assert.is_true(coroutine.resume(co))
  end)

  it_awaits("shows the right isyieldable after it", function()
    assert.is_true(coroutine.wrap(function() await(sleep(1)) return coroutine.isyieldable() end)())
  end)

  -- Makes a task that suspends at once, inside the coroutine that makes it.
  local function eager() asyncio.Task(asyncio.async(function() await(sleep(5)) end)(), {eager_start = true}) end

  it_awaits("of an eager task that it makes is not its own: it can yield", function()
    local co = coroutine.wrap(function()
      eager()
      coroutine.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
    assert.equal(0, time())
  end)

  it_awaits("of an eager task that it makes is not its own: it can yield by Lua's own library", function()
    local co = coroutine.wrap(function()
      eager()
      stock.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
  end)

  it_awaits("of an eager task that it makes is not the task's: that can yield by Lua's own library", function()
    local task = create_task(function()
      eager()
      stock.yield()
      return time()
    end)
    assert.equal(0, await(task))
  end)

  it_awaits("of an object that it drives is not its own: it can yield", function()
    local future = new_future()
    local co = coroutine.wrap(function()
      asyncio.async(function() await(future) end)():send()
      coroutine.yield("yielded")
      return "end"
    end)
    assert.same({"yielded", "end"}, {co(), co()})
  end)

  it_awaits("counts no level after it", function()
    local co = coroutine.wrap(function() for _ = 1, 1000 do await(sleep(0)) end return "done" end)
    assert.equal("done", co())
  end)

  it_awaits("leaves the coroutine to the collector when its task is cancelled", function()
    local weak = setmetatable({}, {__mode = "k"})
    local task = create_task(function()
      local co = coroutine.create(function() await(sleep(10)) end)
      weak[co] = true
      coroutine.resume(co)
    end)
    await(sleep(1))
    task:cancel()
    pcall(await, task)
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)

describe("a nested coroutine that awaits", function()
  -- Runs `check` on a coroutine that waits for a future meanwhile; `body` is what it does.
  local function while_awaiting(check)
    local co, future = nil, new_future()
    local task = create_task(function()
      co = coroutine.create(function() return await(future) end)
      return coroutine.resume(co)
    end)
    await(sleep(1))
    check(co)
    future:set_result("result")
    return await(task)
  end

  it_awaits("is normal", function()
    while_awaiting(function(co) assert.equal("normal", coroutine.status(co)) end)
  end)

  it_awaits("is suspended after a yield", function()
    local co = coroutine.create(function() await(sleep(1)) coroutine.yield() end)
    coroutine.resume(co)
    assert.equal("suspended", coroutine.status(co))
  end)

  it_awaits("is dead after its end", function()
    local co = coroutine.create(function() await(sleep(1)) end)
    coroutine.resume(co)
    assert.equal("dead", coroutine.status(co))
  end)

  it_awaits("cannot be resumed", function()
    while_awaiting(function(co)
      assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(co, 1)})
    end)
  end)

  it_awaits("cannot be closed", function()
    while_awaiting(function(co) assert.has_error(function() coroutine.close(co) end, "cannot close a normal coroutine") end)
  end)

  it_awaits("goes on as if nothing had been after a refused resume", function()
    assert.same({true, "result"}, {while_awaiting(function(co) coroutine.resume(co, "forged") end)})
  end)

  it_awaits("does not go on by Lua's own resume with forged values", function()
    assert.same({true, "result"}, {while_awaiting(function(co)
      for _ = 1, 3 do stock.resume(co, "forged") end
    end)})
  end)

  it_awaits("does not go on by a resume of the coroutine around it", function()
    local outer, future = nil, new_future()
    local task = create_task(function()
      outer = coroutine.create(function() return coroutine.wrap(function() return await(future) end)() end)
      return coroutine.resume(outer)
    end)
    await(sleep(1))
    for _ = 1, 3 do stock.resume(outer, "forged") end
    assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(outer)})
    future:set_result("result")
    assert.same({true, "result"}, {await(task)})
  end)

  it_awaits("cannot be awaited by another task", function()
    while_awaiting(function(co)
      assert.equal("cannot await a normal coroutine", raises(asyncio.RuntimeError, await, co).message)
    end)
  end)

  it_awaits("that Lua's own library closes ends its task by a clear error", function()
    local ok, err = pcall(while_awaiting, function(co) stock.close(co) end)
    assert.is_true(not ok or err == false)
  end)

  it_awaits("that a wrapped function is called for again is refused", function()
    local future = new_future()
    local wrapped = coroutine.wrap(function() return await(future) end)
    local task = create_task(wrapped)
    await(sleep(1))
    local ok, err = pcall(wrapped)
    assert.is_false(ok)
    assert.matches("cannot resume non%-suspended coroutine", err)
    future:set_result(3)
    assert.equal(3, await(task))
  end)
end)

describe("the coroutine of a task", function()
  -- Gives `check` the thread of a task that waits for a future; returns what awaiting the task gives.
  local function with_thread(check)
    local thread, future = nil, new_future()
    local task = create_task(function()
      thread = coroutine.running()
      return await(future)
    end)
    await(sleep(1))
    check(thread, task)
    if not future:done() then future:set_result("result") end
    return await(asyncio.wait_for(task, 10))
  end

  it_awaits("is running inside, and not main", function()
    local thread, is_main = coroutine.running()
    assert.equal("thread", type(thread))
    assert.is_false(is_main)
    assert.equal("running", coroutine.status(thread))
  end)

  it_awaits("is yieldable", function() assert.is_true(coroutine.isyieldable()) end)

  it_awaits("is normal while it awaits", function()
    with_thread(function(thread) assert.equal("normal", coroutine.status(thread)) end)
  end)

  it_awaits("cannot be resumed", function()
    assert.equal("result", with_thread(function(thread)
      assert.same({false, "cannot resume non-suspended coroutine"}, {coroutine.resume(thread, "forged")})
    end))
  end)

  it_awaits("cannot be closed", function()
    assert.equal("result", with_thread(function(thread)
      assert.has_error(function() coroutine.close(thread) end, "cannot close a normal coroutine")
    end))
  end)

  it_awaits("cannot be awaited", function()
    assert.equal("result", with_thread(function(thread)
      raises(asyncio.RuntimeError, await, thread)
    end))
  end)

  it_awaits("cannot become another task", function()
    assert.equal("result", with_thread(function(thread)
      raises(asyncio.RuntimeError, await, create_task(thread))
    end))
  end)

  it_awaits("does not go on by Lua's own resume with forged values", function()
    assert.equal("result", with_thread(function(thread)
      for _ = 1, 3 do stock.resume(thread, "forged") end
    end))
  end)

  it_awaits("gives a forged resume nothing", function()
    assert.equal("result", with_thread(function(thread) assert.same({true}, {stock.resume(thread, "forged")}) end))
  end)

  it_awaits("does not go on by Lua's own resume while it sleeps", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      await(sleep(10))
      return time()
    end)
    await(sleep(1))
    for _ = 1, 3 do stock.resume(thread, "forged") end
    assert.equal(10, await(task))
  end)

  it_awaits("does not go on by Lua's own resume of a sleep(0)", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      for _ = 1, 3 do await(sleep(0)) end
      return "result"
    end)
    await(sleep(0))
    stock.resume(thread, "forged")
    assert.equal("result", await(task))
  end)

  it_awaits("can be cancelled after forged resumes", function()
    raises(asyncio.CancelledError, with_thread, function(thread, task)
      stock.resume(thread)
      task:cancel()
    end)
  end)

  it_awaits("that Lua's own library closes ends the task by a clear error", function()
    local err = raises(asyncio.RuntimeError, with_thread, function(thread) stock.close(thread) end)
    assert.matches("closed from outside", err.message)
  end)

  it_awaits("that Lua's own library closes can be cancelled after a collection", function()
    local thread
    local task = create_task(function()
      thread = coroutine.running()
      await(new_future())
    end)
    await(sleep(1))
    stock.close(thread)
    collectgarbage()
    collectgarbage()
    task:cancel()
    assert.is_false((pcall(await, asyncio.wait_for(task, 1))))
  end)

  it_awaits("that Lua's own library closes can be cancelled when what it waits for is done", function()
    local thread, future
    local task = create_task(function()
      thread, future = coroutine.running(), new_future()
      await(future)
    end)
    await(sleep(1))
    stock.close(thread)
    future:set_result(1)
    task:cancel()
    assert.is_false((pcall(await, asyncio.wait_for(task, 1))))
  end)

  it_awaits("that ends is dead", function()
    local thread
    await(create_task(function() thread = coroutine.running() end))
    assert.equal("dead", coroutine.status(thread))
  end)

  it_awaits("that failed is dead", function()
    local thread
    pcall(await, create_task(function() thread = coroutine.running() error("x") end))
    assert.equal("dead", coroutine.status(thread))
  end)

  it_awaits("has no hook that an earlier task has left", function()
    await(create_task(function() debug.sethook(function() end, "", 1000000) end))
    assert.is_nil(await(create_task(function() return (debug.gethook()) end)))
  end)

  it_awaits("has the traceback of where it awaits", function()
    with_thread(function(thread) assert.matches("coroutine_spec.lua:%d+: in function", debug.traceback(thread)) end)
  end)
end)

describe("a yield in a task", function()
  for name, library in pairs{patched = patched, stock = stock} do
    it_awaits("gives up one iteration: " .. name, function()
      local before = asyncio.get_running_loop():_iterations()
      assert.equal(0, select("#", library.yield()))
      assert.equal(1, asyncio.get_running_loop():_iterations() - before)
    end)

    it_awaits("of values is an error, one iteration later: " .. name, function()
      local before, after
      local task = create_task(function()
        before = asyncio.get_running_loop():_iterations()
        local ok, err = pcall(function() library.yield(1, 2) end)
        after = asyncio.get_running_loop():_iterations()
        assert.is_false(ok)
        assert.matches("Task got bad yield", tostring(err))
        return "alive"
      end)
      assert.equal("alive", await(task))
      assert.equal(1, after - before)
    end)

    it_awaits("of values that nobody catches ends the task: " .. name, function()
      local task = create_task(function() library.yield(1) return 5 end)
      assert.matches("Task got bad yield", raises(asyncio.RuntimeError, await, task).message)
    end)

    it_awaits("can be cancelled: " .. name, function()
      local task = create_task(function() while true do library.yield() end end)
      await(sleep(0))
      task:cancel("stop")
      assert.equal("stop", raises(asyncio.CancelledError, await, task).message)
    end)

    it_awaits("of a future is a bad yield: " .. name, function()
      local task = create_task(function() library.yield(new_future()) end)
      assert.matches("Task got bad yield", raises(asyncio.RuntimeError, await, task).message)
    end)

    it_awaits("leaves the hook alone: " .. name, function()
      local hook = function() end
      local task = create_task(function()
        debug.sethook(hook, "", 1000000)
        pcall(function() library.yield(1) end)
        local found, mask, count = debug.gethook()
        debug.sethook()
        return found == hook, mask, count
      end)
      assert.same({true, "", 1000000}, {await(task)})
    end)
  end
end)

describe("casync loaded", function()
  local function again(f)
    local kept = {}
    for name in pairs(package.loaded) do
      if name:find("^casync") then kept[name], package.loaded[name] = package.loaded[name], nil end
    end
    local ok, err = pcall(f)
    for name in pairs(package.loaded) do if name:find("^casync") then package.loaded[name] = nil end end
    for name, module in pairs(kept) do package.loaded[name] = module end
    assert(ok, err)
  end

  it("again gives the same module table", function()
    again(function() assert.equal(asyncio, require "casync") end)
  end)

  it("again gives the same classes", function()
    local Future, Task, ValueError, Runner = asyncio.Future, asyncio.Task, asyncio.ValueError, asyncio.Runner
    again(function()
      local second = require "casync"
      assert.equal(Future, second.Future)
      assert.equal(Task, second.Task)
      assert.equal(ValueError, second.ValueError)
      assert.equal(Runner, second.Runner)
      assert.equal(Future, require("casync.core").Future)
      assert.equal(ValueError, require("casync.exceptions").ValueError)
    end)
  end)

  it("again gives the same patched functions", function()
    local resume = coroutine.resume
    again(function()
      require "casync"
      assert.equal(resume, coroutine.resume)
      assert.equal(resume, require("casync.coroutine").resume)
    end)
  end)

  it("again works", function()
    again(function()
      local second = require "casync"
      assert.equal(5, second.run(function() return second.await(second.sleep(0, 5)) end))
    end)
  end)

  it_awaits("again inside a task works", function()
    again(function()
      local second = require "casync"
      assert.equal(5, second.await(second.sleep(1, 5)))
    end)
  end)

  it("again inside a coroutine works", function()
    again(function()
      assert.equal(5, coroutine.wrap(function()
        local second = require "casync"
        return second.run(function() return second.await(second.sleep(0, 5)) end)
      end)())
    end)
  end)

  it("runs inside a coroutine of Lua's own library", function()
    assert.equal(5, stock.wrap(function() return testing.run(function() return await(sleep(1, 5)) end) end)())
  end)

  it("runs inside a coroutine of the patched library", function()
    assert.equal(5, coroutine.wrap(function() return testing.run(function() return await(sleep(1, 5)) end) end)())
  end)

  it("runs inside a coroutine that yields before and after", function()
    local co = coroutine.wrap(function()
      coroutine.yield(1)
      local result = testing.run(function() return await(sleep(1, 5)) end)
      coroutine.yield(result)
      return testing.run(function() return await(sleep(1, 6)) end)
    end)
    assert.same({1, 5, 6}, {co(), co(), co()})
  end)

  it("does not let a yield leave the loop", function()
    local co = coroutine.wrap(function()
      return testing.run(function()
        local loop = asyncio.get_running_loop()
        local failure
        loop:set_exception_handler(function(_, context) failure = context.exception end)
        loop:call_soon(coroutine.yield)
        await(sleep(1))
        return failure
      end)
    end)
    assert.matches("attempt to yield across a C%-call boundary", co())
  end)
end)

describe("casync in a process of its own", function()
  local function interpreter()
    local lowest = 0
    while arg[lowest - 1] do lowest = lowest - 1 end
    return arg[lowest]
  end

  -- What a chunk prints, with its errors.
  local function said(chunk)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(chunk)
    file:close()
    local pipe = assert(io.popen(("'%s' %s 2>&1"):format(interpreter(), path)))
    local text = pipe:read("a")
    pipe:close()
    os.remove(path)
    return text
  end

  it("as casync.unpatched leaves the globals alone", function()
    assert.equal("true\n", said [[
      local kept = {}
      for name, f in pairs(coroutine) do kept[name] = f end
      local asyncio = require "casync.unpatched"
      asyncio.run(function() asyncio.await(asyncio.sleep(0)) end)
      local same = true
      for name, f in pairs(coroutine) do same = same and kept[name] == f end
      for name in pairs(kept) do same = same and coroutine[name] ~= nil end
      print(same)
    ]])
  end)

  it("as casync.unpatched is the same module", function()
    assert.equal("true\n", said [[print(require "casync.unpatched" == require "casync")]])
  end)

  it("as casync.unpatched refuses an await in a nested coroutine, with the remedy", function()
    assert.matches("casync.coroutine", said [[
      local asyncio = require "casync.unpatched"
      asyncio.run(function()
        print(select(2, coroutine.resume(coroutine.create(function() asyncio.await(asyncio.sleep(0)) end))))
      end)
    ]])
  end)

  it("as casync.unpatched awaits in a coroutine of casync.coroutine", function()
    assert.equal("x\n", said [[
      local asyncio = require "casync.unpatched"
      asyncio.run(function()
        print(asyncio.coroutine.wrap(function() return asyncio.await(asyncio.sleep(0, "x")) end)())
      end)
    ]])
  end)

  it("first inside a coroutine of Lua's own library works, also afterwards", function()
    assert.equal("5\n6\n", said [[
      local asyncio
      print(coroutine.wrap(function()
        asyncio = require "casync"
        return asyncio.run(function() return asyncio.await(asyncio.sleep(0, 5)) end)
      end)())
      collectgarbage() collectgarbage()
      print(asyncio.run(function() return asyncio.await(asyncio.sleep(0, 6)) end))
    ]])
  end)

  it("leaves the functions that were kept before as they were", function()
    assert.equal("true\t1\n", said [[
      local resume, create = coroutine.resume, coroutine.create
      require "casync"
      print(resume(create(function() return 1 end)))
    ]])
  end)

  it("ends a task by the stack overflow of endless recursion", function()
    assert.matches("stack overflow", said [[
      local asyncio = require "casync"
      local function down() return 1 + down() end
      print(pcall(asyncio.run, function() down() end))
    ]])
  end)
end)
