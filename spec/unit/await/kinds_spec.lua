-- await: every kind of awaitable, from everywhere in Lua; where C code forbids it, an error and nothing registered.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, async, sleep, create_task = asyncio.await, asyncio.async, asyncio.sleep, asyncio.create_task

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end
local function time() return loop():time() end
local function new_future() return loop():create_future() end

local function done_future(...)
  local future = new_future()
  future:set_result(...)
  return future
end

-- Sleeps and gives back: what an expression that awaits looks like.
local function slowly(...)
  await(sleep(1))
  return ...
end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

local function message_of(f, ...) return raises(asyncio.RuntimeError, f, ...).message end

-- How many iterations f takes.
local function iterations(f)
  local before = loop():_iterations()
  f()
  return loop():_iterations() - before
end

describe("await", function()
  describe("of a coroutine object", function()
    it_awaits("returns all its results", function()
      assert.same({1, nil, 3, n = 3}, table.pack(await(async(function() return 1, nil, 3 end)())))
    end)

    it_awaits("returns nothing where it returns nothing", function()
      assert.equal(0, select("#", await(async(function() end)())))
    end)

    it_awaits("passes the arguments of the call, nil included", function()
      assert.same({n = 3, nil, 2, nil}, table.pack(await(async(function(...) return ... end)(nil, 2, nil))))
    end)

    it_awaits("runs it in the same task", function()
      local task = asyncio.current_task()
      assert.equal(task, await(async(function() return asyncio.current_task() end)()))
    end)

    it_awaits("does not suspend where it does not", function()
      assert.equal(0, iterations(function() await(async(function() return 1 end)()) end))
    end)

    it_awaits("raises its error, the same value", function()
      local err = {}
      local ok, caught = pcall(await, async(function() error(err) end)())
      assert.is_false(ok)
      assert.equal(err, caught)
    end)

    it_awaits("is refused the second time", function()
      local coro = async(function() end)()
      await(coro)
      assert.equal("cannot reuse already awaited coroutine", message_of(await, coro))
    end)

    it_awaits("is refused while it runs", function()
      local coro
      coro = async(function() return message_of(await, coro) end)()
      assert.equal("cannot reuse already awaited coroutine", await(coro))
    end)

    it_awaits("is refused while a task has it", function()
      local coro = async(slowly)()
      create_task(coro)
      await(sleep(0))
      assert.equal("cannot reuse already awaited coroutine", message_of(await, coro))
      await(sleep(100)) -- the task that is left ends
    end)

    it_awaits("is the method await of it, too", function()
      assert.equal(5, async(function() return 5 end)():await())
    end)
  end)

  describe("of a future", function()
    it_awaits("returns all results", function()
      assert.same({n = 3, 1, nil, 3}, table.pack(await(done_future(1, nil, 3))))
    end)

    it_awaits("does not suspend if it is done", function()
      assert.equal(0, iterations(function() await(done_future(1)) end))
    end)

    it_awaits("takes two iterations if a callback completes it", function()
      local future = new_future()
      loop():call_soon(future.set_result, future, 1)
      assert.equal(2, iterations(function() await(future) end))
    end)

    it_awaits("raises its error, the same value", function()
      local future, err = new_future(), {}
      future:set_exception(err)
      local _, caught = pcall(await, future)
      assert.equal(err, caught)
    end)

    it_awaits("gives the result to everyone who waits, in order", function()
      local future, log = new_future(), {}
      for i = 1, 3 do create_task(function() table.insert(log, i .. await(future)) end) end
      await(sleep(1))
      future:set_result("x")
      await(sleep(1))
      assert.same({"1x", "2x", "3x"}, log)
    end)

    it_awaits("gives the result as often as one asks", function()
      local future = done_future(1)
      assert.equal(2, await(future) + await(future))
    end)

    it_awaits("is the method await of it, too", function()
      assert.equal(5, done_future(5):await())
    end)

    it_awaits("raises CancelledError if it was cancelled, with the message", function()
      local future = new_future()
      future:cancel("why")
      assert.equal("why", raises(asyncio.CancelledError, await, future).message)
    end)

    it_awaits("of another loop is a RuntimeError one iteration later", function()
      local other = testing.new_event_loop()
      local future = other:create_future()
      local before = loop():_iterations()
      local message = message_of(await, future)
      assert.matches("attached to a different loop", message)
      assert.equal(1, loop():_iterations() - before)
      other:close()
    end)

    it_awaits("of another loop that is done gives its result", function()
      local other = testing.new_event_loop()
      local future = other:create_future()
      future:set_result(3)
      assert.equal(3, await(future))
      other:close()
    end)
  end)

  describe("of a task", function()
    it_awaits("returns all results", function()
      assert.same({1, 2}, {await(create_task(function() return 1, 2 end))})
    end)

    it_awaits("takes two iterations for one that never suspends", function()
      local task = create_task(function() end)
      assert.equal(2, iterations(function() await(task) end))
    end)

    it_awaits("that awaits itself is a RuntimeError, and the task goes on", function()
      local task
      task = create_task(function()
        return message_of(await, task)
      end)
      assert.matches("^Task cannot await on itself: ", await(task))
    end)

    it_awaits("is the method await of it, too", function()
      assert.equal(5, create_task(function() return 5 end):await())
    end)
  end)

  describe("of a sleep", function()
    it_awaits("returns what the sleep was given", function()
      assert.same({n = 3, 1, nil, 3}, table.pack(await(sleep(1, 1, nil, 3))))
    end)

    it_awaits("of no time takes one iteration", function()
      assert.equal(1, iterations(function() await(sleep(0)) end))
    end)

    it_awaits("of less than no time takes one iteration", function()
      assert.equal(1, iterations(function() await(sleep(-1)) end))
    end)

    it_awaits("of no time with a result gives it", function()
      assert.equal("x", await(sleep(0, "x")))
    end)

    it_awaits("takes its time", function()
      await(sleep(2.5))
      assert.equal(2.5, time())
    end)

    it_awaits("of no time may be awaited again", function()
      local nothing = sleep(0)
      assert.equal(2, iterations(function() await(nothing) await(nothing) end))
    end)

    it_awaits("of some time may not", function()
      local some = sleep(1)
      await(some)
      assert.equal("cannot reuse already awaited coroutine", message_of(await, some))
    end)

    it_awaits("is the method await of it, too", function()
      sleep(1):await()
      assert.equal(1, time())
    end)
  end)

  describe("of a function", function()
    it_awaits("calls it", function()
      assert.same({1, 2}, {await(function() return slowly(1, 2) end)})
    end)

    it_awaits("runs the body of a coroutine function", function()
      assert.equal(1, await(async(function() return 1 end)))
    end)

    it_awaits("calls a C function", function()
      assert.is_number(await(os.time))
    end)
  end)

  describe("of a Lua thread", function()
    it_awaits("runs it to its end and returns its results", function()
      assert.same({1, 2}, {await(coroutine.create(function() return slowly(1, 2) end))})
    end)

    it_awaits("gives up one iteration for each of its yields", function()
      local thread = coroutine.create(function() coroutine.yield() coroutine.yield() return 7 end)
      assert.equal(2, iterations(function() assert.equal(7, await(thread)) end))
    end)

    it_awaits("that yields a value is a RuntimeError", function()
      assert.matches("Task got bad yield", message_of(await, coroutine.create(function() coroutine.yield(1) end)))
    end)

    it_awaits("raises its error, the same value", function()
      local err = {}
      local _, caught = pcall(await, coroutine.create(function() error(err) end))
      assert.equal(err, caught)
    end)

    it_awaits("that is dead is a RuntimeError", function()
      local thread = coroutine.create(function() end)
      await(thread)
      assert.equal("cannot await a dead coroutine", message_of(await, thread))
    end)

    it_awaits("that runs is a RuntimeError", function()
      assert.equal("cannot await a running coroutine", message_of(await, (coroutine.running())))
    end)
  end)

  describe("of an object with __await", function()
    it_awaits("calls it with the object", function()
      local object = setmetatable({}, {__await = function(self) return self, "x" end})
      assert.same({object, "x"}, {await(object)})
    end)

    it_awaits("lets it await", function()
      local object = setmetatable({}, {__await = function() return slowly("x") end})
      assert.equal("x", await(object))
    end)

    it_awaits("raises its error", function()
      local object = setmetatable({}, {__await = function() error("no", 0) end})
      assert.has_error(function() await(object) end, "no")
    end)
  end)

  describe("of anything else", function()
    for _, case in ipairs{{"nil", nil}, {"boolean", true}, {"number", 5}, {"string", "x"}, {"table", {}}} do
      it_awaits("is an error that names the type: " .. case[1], function()
        local ok, err = pcall(await, case[2])
        assert.is_false(ok)
        assert.matches("bad argument #1 to 'await' %(awaitable expected, got " .. case[1] .. "%)", tostring(err))
      end)
    end

    it_awaits("is an error that names the type: a file", function()
      local ok, err = pcall(await, io.stdout)
      assert.is_false(ok)
      assert.matches("awaitable expected, got FILE%*", tostring(err))
    end)
  end)
end)

describe("await inside", function()
  it_awaits("pcall", function()
    assert.same({true, 1, 2}, {pcall(slowly, 1, 2)})
  end)

  it_awaits("pcall, and an error after it", function()
    assert.same({false, "x"}, {pcall(function() slowly() error("x", 0) end)})
  end)

  it_awaits("xpcall", function()
    assert.same({true, 1}, {xpcall(slowly, print, 1)})
  end)

  it_awaits("xpcall, whose handler sees an error after it", function()
    assert.same({false, "handled x"}, {xpcall(function() slowly() error("x", 0) end, function(e) return "handled " .. e end)})
  end)

  local function binary(event, f)
    it_awaits(event, function()
      local a, b
      local meta = {[event] = function(x, y)
        assert.is_true(rawequal(a, x) and rawequal(b, y))
        return slowly(true)
      end}
      a, b = setmetatable({}, meta), setmetatable({}, meta)
      assert.is_true(f(a, b))
      assert.equal(1, time())
    end)
  end

  binary("__add", function(a, b) return a + b end)
  binary("__sub", function(a, b) return a - b end)
  binary("__mul", function(a, b) return a * b end)
  binary("__div", function(a, b) return a / b end)
  binary("__mod", function(a, b) return a % b end)
  binary("__pow", function(a, b) return a ^ b end)
  binary("__idiv", function(a, b) return a // b end)
  binary("__band", function(a, b) return a & b end)
  binary("__bor", function(a, b) return a | b end)
  binary("__bxor", function(a, b) return a ~ b end)
  binary("__shl", function(a, b) return a << b end)
  binary("__shr", function(a, b) return a >> b end)
  binary("__concat", function(a, b) return a .. b end)
  binary("__eq", function(a, b) return a == b end)
  binary("__lt", function(a, b) return a < b end)
  binary("__le", function(a, b) return a <= b end)

  local function unary(event, f)
    it_awaits(event, function()
      assert.equal(7, f(setmetatable({}, {[event] = function() return slowly(7) end})))
      assert.equal(1, time())
    end)
  end

  unary("__unm", function(x) return -x end)
  unary("__bnot", function(x) return ~x end)
  unary("__len", function(x) return #x end)
  unary("__index", function(x) return x.anything end)
  unary("__call", function(x) return x() end)

  it_awaits("__newindex", function()
    local got
    local object = setmetatable({}, {__newindex = function(_, k, v) got = slowly(k .. v) end})
    object.a = "b"
    assert.equal("ab", got)
  end)

  it_awaits("__concat of several operands", function()
    local object = setmetatable({}, {__concat = function(a, b)
      return slowly((type(a) == "string" and a or "o") .. (type(b) == "string" and b or "o"))
    end})
    assert.equal("aobc", "a" .. object .. "b" .. "c")
  end)

  it_awaits("__pairs", function()
    local object = setmetatable({}, {__pairs = function() return slowly(next, {5}, nil) end})
    for _, v in pairs(object) do assert.equal(5, v) end
  end)

  it_awaits("an iterator function", function()
    local seen = {}
    local function count(n, i) if i < n then return slowly(i + 1) end end
    for i in count, 3, 0 do seen[#seen + 1] = i end
    assert.same({1, 2, 3}, seen)
    assert.equal(3, time())
  end)

  it_awaits("a generator made by coroutine.wrap", function()
    local seen = {}
    for i in coroutine.wrap(function() for i = 1, 3 do await(sleep(1)) coroutine.yield(i) end end) do seen[#seen + 1] = i end
    assert.same({1, 2, 3}, seen)
    assert.equal(3, time())
  end)

  it_awaits("the body of a generator's consumer", function()
    local sum = 0
    for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do sum = sum + slowly(i) end
    assert.equal(6, sum)
  end)

  it_awaits("dofile", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write("local asyncio = require 'casync' asyncio.await(asyncio.sleep(1)) return 5")
    file:close()
    local ok, result = pcall(dofile, path)
    os.remove(path)
    assert.same({true, 5}, {ok, result})
  end)

  it_awaits("a tail call", function()
    local function f() return await(sleep(1, "x")) end
    assert.equal("x", f())
  end)

  it_awaits("a vararg function that keeps its arguments", function()
    local function f(...) await(sleep(1)) return ... end
    assert.same({1, 2, 3}, {f(1, 2, 3)})
  end)
end)

describe("await inside __close", function()
  local function closer(log)
    return setmetatable({}, {__close = function(_, err)
      await(sleep(1))
      log[#log + 1] = {time(), err}
    end})
  end

  it_awaits("suspends at the end of a block", function()
    local log = {}
    do local _ <close> = closer(log) end
    assert.same({{1}}, log)
  end)

  it_awaits("suspends at a return, whose values are kept", function()
    local log = {}
    local function f()
      local _ <close> = closer(log)
      return 1, 2
    end
    assert.same({1, 2}, {f()})
    assert.same({{1}}, log)
  end)

  it_awaits("suspends at a break", function()
    local log = {}
    while true do
      local _ <close> = closer(log)
      if #log == 0 then break end
    end
    assert.same({{1}}, log)
  end)

  it_awaits("suspends while an error unwinds that pcall catches", function()
    local log = {}
    local ok, err = pcall(function()
      local _ <close> = closer(log)
      error("x", 0)
    end)
    assert.same({false, "x", {{1, "x"}}}, {ok, err, log})
  end)

  it_awaits("suspends while an error ends the task", function()
    local log = {}
    local task = create_task(function()
      local _ <close> = closer(log)
      error("x", 0)
    end)
    assert.same({false, "x"}, {pcall(await, task)})
    assert.same({{1, "x"}}, log)
  end)

  it_awaits("suspends while a cancellation ends the task", function()
    local log = {}
    local task = create_task(function()
      local _ <close> = closer(log)
      await(sleep(10))
    end)
    await(sleep(2))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
    assert.equal(3, log[1][1])
    assert.is_true(asyncio.isinstance(log[1][2], asyncio.CancelledError))
    assert.is_true(task:cancelled())
  end)

  it_awaits("suspends one after the other, last first", function()
    local log = {}
    pcall(function()
      local _ <close> = setmetatable({}, {__close = function() slowly() log[#log + 1] = "outer" end})
      local _ <close> = setmetatable({}, {__close = function() slowly() log[#log + 1] = "inner" end})
      error("x")
    end)
    assert.same({"inner", "outer"}, log)
  end)

  it_awaits("may replace the error", function()
    local ok, err = pcall(function()
      local _ <close> = setmetatable({}, {__close = function() slowly() error("new", 0) end})
      error("old", 0)
    end)
    assert.same({false, "new"}, {ok, err})
  end)

  it_awaits("can be cancelled itself", function()
    local task = create_task(function()
      local _ <close> = closer{}
      error("x")
    end)
    await(sleep(0))
    task:cancel()
    raises(asyncio.CancelledError, await, task)
  end)

  it_awaits("suspends in the fourth value of a for loop", function()
    local log = {}
    for i in coroutine.wrap(function() coroutine.yield(1) coroutine.yield(2) end), nil, nil, closer(log) do
      if i == 1 then break end
    end
    assert.same({{1}}, log)
  end)

  it_awaits("suspends in a nested coroutine that ends by an error", function()
    local log = {}
    local generator = coroutine.wrap(function()
      local _ <close> = closer(log)
      coroutine.yield(1)
    end)
    generator()
    generator()
    assert.same({{1}}, log)
  end)
end)
