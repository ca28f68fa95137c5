-- Async generators: iterating, sending, throwing, closing, cancellation, the loop's part, the collector.
local asyncio = require "casync"
local testing = require "casync.testing"
local await, create_task, sleep, generator = asyncio.await, asyncio.create_task, asyncio.sleep, asyncio.generator

local function it_awaits(name, f) it(name, testing.async(f)) end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  assert.equal(text, err.message)
end

-- Counts to n; notes its end.
local function counter(log)
  return generator("count", function(yield, n)
    local _ <close> = setmetatable({}, {__close = function()
      await(sleep(1))
      log[#log + 1] = "clean"
    end})
    for i = 1, n do
      await(sleep(1))
      local got = yield(i, -i)
      if got ~= nil then log[#log + 1] = got end
    end
  end)
end

describe("an async generator", function()
  it_awaits("is iterated, and awaits in between", function()
    local log, start = {}, asyncio.get_running_loop():time()
    for i, minus in counter(log)(3) do log[#log + 1] = i + minus end
    assert.same({0, 0, 0, "clean"}, log)
    assert.equal(start + 4, asyncio.get_running_loop():time())
  end)

  it_awaits("is closed however the loop is left", function()
    local log = {}
    local count = counter(log)
    for i in count(5) do
      if i == 2 then break end
    end
    assert.same({"clean"}, log)
    local ok, err = pcall(function()
      for _ in count(5) do error("mine", 0) end
    end)
    assert.is_false(ok)
    assert.equal("mine", err)
    assert.same({"clean", "clean"}, log)
    assert.equal(1, (function()
      for i in count(5) do
        if i == 1 then return i end
      end
    end)())
    assert.equal(3, #log)
  end)

  it_awaits("that somebody keeps stays open, and is closed by a <close> variable", function()
    local log = {}
    do
      local count <close> = counter(log)(5)
      for i in count do
        if i == 2 then break end
      end
      assert.same({}, log)
      assert.equal(3, await(count:asend()))
    end
    assert.same({"clean"}, log)
  end)

  it_awaits("takes what is sent", function()
    local log = {}
    local count = counter(log)(3)
    raises(asyncio.TypeError, "can't send non-None value to a just-started async generator", await, count:asend("early"))
    assert.same({1, -1}, {await(count:asend())})
    assert.equal(2, await(count:asend("x")))
    assert.equal(3, await(count:asend(false)))
    raises(asyncio.StopAsyncIteration, "", await, count:asend())
    raises(asyncio.StopAsyncIteration, "", await, count:asend("late"))
    assert.same({"x", false, "clean"}, log)
  end)

  it_awaits("gets what is thrown where it is suspended", function()
    local gen = generator(function(yield)
      local ok, err = pcall(yield, 1)
      yield(ok, err)
    end)
    local one = gen()
    assert.equal(1, await(one:asend()))
    local ok, err = await(one:athrow("any value"))
    assert.is_false(ok)
    assert.equal("any value", err)
    raises(asyncio.ValueError, "x", await, one:athrow(asyncio.ValueError("x")))
    assert.equal(0, select("#", await(one:aclose())))
    raises(asyncio.KeyError, "", await, gen():athrow(asyncio.KeyError))
  end)

  it_awaits("passes on what its body raises, unchanged", function()
    local value = {}
    local one = generator(function(yield)
      yield(1)
      error(value)
    end)()
    assert.equal(1, one())
    local ok, err = pcall(one)
    assert.is_false(ok)
    assert.is_true(rawequal(value, err))
    assert.is_nil(one())
  end)

  it_awaits("cannot raise its own end", function()
    local one = generator(function() error(asyncio.StopAsyncIteration(), 0) end)()
    raises(asyncio.RuntimeError, "async generator raised StopAsyncIteration", await, one:asend())
  end)

  it_awaits("is closed once, and runs nothing if it has not begun", function()
    local log = {}
    local one = counter(log)(3)
    await(one:aclose())
    assert.is_nil(one())
    local two = counter(log)(3)
    two()
    await(two:aclose())
    await(two:aclose())
    assert.same({"clean"}, log)
  end)

  it_awaits("may not ignore its exit", function()
    local one = generator(function(yield)
      for _ = 1, 3 do pcall(yield, 1) end
    end)()
    one()
    raises(asyncio.RuntimeError, "async generator ignored GeneratorExit", await, one:aclose())
    assert.equal(1, await(one:asend()))
    raises(asyncio.StopAsyncIteration, "", await, one:aclose())
    assert.is_nil(one()) -- the end of its body
  end)

  it_awaits("fails to close with what its cleaning up raises", function()
    local one = generator(function(yield)
      local ok = pcall(yield, 1)
      assert(not ok)
      error(asyncio.ValueError("cleanup"), 0)
    end)()
    one()
    raises(asyncio.ValueError, "cleanup", await, one:aclose())
    await(one:aclose())
  end)

  it_awaits("is asked by one at a time", function()
    local one = generator(function(yield)
      await(sleep(2))
      yield(1)
    end)()
    local first = create_task(function() return await(one:asend()) end)
    await(sleep(1))
    raises(asyncio.RuntimeError, "anext(): asynchronous generator is already running", await, one:asend())
    raises(asyncio.RuntimeError, "anext(): asynchronous generator is already running", one)
    raises(asyncio.RuntimeError, "athrow(): asynchronous generator is already running", await, one:athrow("x"))
    raises(asyncio.RuntimeError, "aclose(): asynchronous generator is already running", await, one:aclose())
    assert.equal(1, await(first))
    await(one:aclose())
  end)

  it_awaits("cannot ask itself", function()
    local one
    one = generator(function(yield)
      yield(select(2, pcall(await, one:asend())))
    end)()
    assert.is_true(asyncio.isinstance(one(), asyncio.RuntimeError))
    await(one:aclose())
  end)

  it_awaits("yields in its own coroutine only", function()
    local one = generator(function(yield)
      yield(select(2, pcall(coroutine.wrap(function() yield(1) end))))
    end)()
    local err = one()
    assert.equal("yield() called outside of its generator", err.message)
    await(one:aclose())
  end)

  it_awaits("is cancelled where it awaits", function()
    local log = {}
    local task = create_task(function()
      for i in counter(log)(9) do log[#log + 1] = i end
    end)
    await(sleep(2.5))
    task:cancel()
    await(asyncio.wait{task})
    assert.is_true(task:cancelled())
    assert.same({1, 2, "clean"}, log)
  end)

  it_awaits("nests", function()
    local inner = generator(function(yield, n)
      for i = 1, n do
        await(sleep(0))
        yield(i)
      end
    end)
    local outer = generator(function(yield)
      for n = 1, 3 do
        for i in inner(n) do yield(n * 10 + i) end
      end
    end)
    local all = {}
    for v in outer() do all[#all + 1] = v end
    assert.same({11, 21, 22, 31, 32, 33}, all)
  end)

  it_awaits("has a name", function()
    assert.is_truthy(tostring(counter{}(1)):find("^<async_generator object count at "))
    assert.is_truthy(tostring((generator(function() end)())):find("generator_spec.lua:%d+ at "))
    raises(asyncio.TypeError, "bad argument #1 to 'generator' (string expected, got number)", generator, 5)
    raises(asyncio.TypeError, "bad argument #2 to 'generator' (function expected, got nil)", generator, "name")
  end)
end)

describe("a loop", function()
  it("closes the generators that are open", function() -- A1
    local log, kept = {}, nil
    testing.run(function()
      kept = counter(log)(3)
      kept()
    end)
    assert.same({"clean"}, log)
    assert.is_nil(kept())
  end)

  it("tells which of them failed", function() -- A1
    local contexts, kept = {}, nil
    testing.run(function()
      asyncio.get_running_loop():set_exception_handler(function(_, context) contexts[#contexts + 1] = context end)
      kept = generator(function(yield)
        pcall(yield, 1)
        error(asyncio.ValueError("cleanup"), 0)
      end)()
      kept()
    end)
    assert.equal(1, #contexts)
    assert.is_true(rawequal(kept, contexts[1].asyncgen))
    assert.equal("cleanup", contexts[1].exception.message)
    assert.is_truthy(contexts[1].message:find("an error occurred during closing of asynchronous generator <async_generator", 1, true))
  end)

  it_awaits("closes one that was collected half-way", function() -- A2
    local log = {}
    local function use() assert.equal(1, (counter(log)(3))()) end
    use()
    collectgarbage()
    collectgarbage()
    await(sleep(2))
    assert.same({"clean"}, log)
  end)

  it_awaits("warns about one that begins behind the shutdown", function() -- A4
    local logger, lines = asyncio.log.logger, {}
    local handler = logger.handler
    logger.handler = function(_, text) lines[#lines + 1] = text end
    await(asyncio.get_running_loop():shutdown_asyncgens())
    local one = generator(function(yield) yield(1) end)()
    assert.equal(1, one())
    logger.handler = handler
    await(one:aclose())
    assert.equal(1, #lines)
    assert.is_truthy(lines[1]:find("was scheduled after loop.shutdown_asyncgens() call", 1, true))
  end)
end)
