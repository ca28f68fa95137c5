-- lua/casync/debug/repr.lua: tostring of the library's objects.
local asyncio = require "casync"
local repr = require "casync.debug.repr"

local async, await = asyncio.async, asyncio.await
local here = debug.getinfo(1, "S").short_src

-- Runs f as a task of a loop with a virtual clock.
local function run(f) return asyncio.testing.run(f) end

-- A pattern for the whole of a text, where HERE stands for a place in this file and N for a number.
local function pattern(text)
  local place = here:gsub("%p", "%%%0") .. ":%d+"
  return "^" .. text:gsub("%p", "%%%0"):gsub("%f[%a]HERE", function() return place end):gsub("%f[%a]N%f[%A]", "%%d+") .. "$"
end

local say = async("say", function(delay) await(asyncio.sleep(delay)) end)

describe("a future prints", function()
  local function new() return asyncio.get_running_loop():create_future() end

  it("that it is pending", function()
    run(function() assert.equal("<Future pending>", tostring(new())) end)
  end)

  it("its result, several results in parentheses", function()
    run(function()
      local one, two, none = new(), new(), new()
      one:set_result("x")
      two:set_result(1, nil)
      none:set_result()
      assert.equal("<Future finished result='x'>", tostring(one))
      assert.equal("<Future finished result=(1, nil)>", tostring(two))
      assert.equal("<Future finished result=nil>", tostring(none))
    end)
  end)

  it("that it was cancelled", function()
    run(function()
      local future = new()
      future:cancel()
      assert.equal("<Future cancelled>", tostring(future))
    end)
  end)

  it("its exception, which still counts as not retrieved", function()
    run(function()
      local context
      local loop = asyncio.get_running_loop()
      loop:set_exception_handler(function(_, c) context = c end)
      local future = new()
      future:set_exception(asyncio.ValueError("no"))
      assert.equal("<Future finished exception=ValueError('no')>", tostring(future))
      future = nil -- luacheck: ignore 311
      collectgarbage()
      collectgarbage()
      await(asyncio.sleep(0))
      assert.equal("Future exception was never retrieved", context.message)
    end)
  end)

  it("its callbacks, the first and the last of many", function()
    run(function()
      local future = new()
      future:add_done_callback(function() end)
      assert.matches(pattern("<Future pending cb=[function <HERE>]>"), tostring(future))
      for _ = 1, 3 do future:add_done_callback(print) end
      assert.matches("cb=%[function <.*>, <2 more>, function: .*%]>$", tostring(future))
    end)
  end)

  it("the name of its subclass", function()
    run(function()
      local Mine = asyncio.Future:subclass("Mine")
      assert.equal("<Mine pending>", tostring(Mine {loop = asyncio.get_running_loop()}))
    end)
  end)

  it("once where its result holds it", function()
    run(function()
      local future = new()
      future:set_result(future)
      assert.equal("<Future finished result=...>", tostring(future))
    end)
  end)
end)

describe("a task prints", function()
  it("its name and coroutine before it starts", function()
    run(function()
      local task = asyncio.create_task(say(1), {name = "greeter"})
      assert.matches(pattern("<Task pending name='greeter' coro=<say() defined at HERE>>"), tostring(task))
      await(task)
    end)
  end)

  it("where it stands and what it waits for", function()
    run(function()
      local future = asyncio.get_running_loop():create_future()
      local task = asyncio.create_task(function() await(future) end, asyncio.kw {name = "waiter"})
      await(asyncio.sleep(0))
      assert.matches(pattern("<Task pending name='waiter' coro=<HERE running at HERE> wait_for=<Future pending>>"),
        tostring(task))
      future:set_result()
      await(task)
    end)
  end)

  it("cancelling while a request is pending (T12)", function()
    run(function()
      local future = asyncio.get_running_loop():create_future()
      local task = asyncio.create_task(function()
        pcall(await, future)
        await(asyncio.sleep(1))
      end, asyncio.kw {name = "t"})
      await(asyncio.sleep(0))
      task:cancel()
      assert.matches("^<Task cancelling name='t' ", tostring(task))
      await(asyncio.sleep(0))
      await(asyncio.sleep(0))
      assert.matches("^<Task cancelling name='t' .* wait_for=<sleep>>$", tostring(task))
      await(task)
      assert.matches("^<Task finished name='t' coro=<.* done> result=nil>$", tostring(task))
    end)
  end)

  it("its exception", function()
    run(function()
      local task = asyncio.create_task(async("bad", function() error(asyncio.OSError("x")) end)())
      pcall(await, task)
      assert.matches(pattern("<Task finished name='Task-N' coro=<bad() done, defined at HERE> exception=OSError('x')>"),
        tostring(task))
    end)
  end)
end)

describe("other objects print", function()
  it("a coroutine object its name", function()
    run(function()
      local coro = say(1)
      assert.matches("^<coroutine object say at 0x%x+>$", tostring(coro))
      await(coro)
    end)
  end)

  it("an operation of the library its name", function()
    run(function()
      local sleep = asyncio.sleep(1)
      assert.matches("^<coroutine object sleep at 0x%x+>$", tostring(sleep))
      await(sleep)
      local wait = asyncio.wait_for(asyncio.sleep(0), 1)
      assert.matches("^<coroutine object wait_for at 0x%x+>$", tostring(wait))
      await(wait)
    end)
  end)

  it("a handle its callback until it is cancelled", function()
    run(function()
      local handle = asyncio.get_running_loop():call_soon(function() end)
      assert.matches(pattern("<Handle function <HERE>>"), tostring(handle))
      handle:cancel()
      assert.equal("<Handle cancelled>", tostring(handle))
    end)
  end)

  it("a timer its time too", function()
    run(function()
      local handle = asyncio.get_running_loop():call_at(5, function() end)
      assert.matches(pattern("<TimerHandle when=5.0 function <HERE>>"), tostring(handle))
      handle:cancel()
      assert.equal("<TimerHandle cancelled when=5.0>", tostring(handle))
    end)
  end)

  it("a loop its state", function()
    local loop = asyncio.testing.new_event_loop()
    assert.equal("<Loop running=false closed=false debug=false>", tostring(loop))
    loop:close()
    assert.equal("<Loop running=false closed=true debug=false>", tostring(loop))
  end)

  it("a gather its state", function()
    run(function()
      local gathered = asyncio.gather(asyncio.sleep(0))
      assert.equal("<GatheringFuture pending>", tostring(gathered))
      await(gathered)
    end)
  end)
end)

describe("a value in a report", function()
  it("is short: strings quoted, tables with their first items", function()
    assert.equal([['it\'s\n']], repr.value("it's\n"))
    assert.equal("nil", repr.value(nil))
    assert.equal("{1, 2, [1.5] = {{...}}, a = true}", repr.value({1, 2, a = true, [1.5] = {{1}}}))
    assert.equal(60, #repr.value(("x"):rep(1000)) - 2)
    assert.matches(", %.%.%.}$", repr.value({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}))
  end)

  it("shows functions by their place, coroutine functions by their name", function()
    assert.matches(pattern("function <HERE>"), repr.value(function() end))
    assert.equal("coroutine function <say>", repr.value(say))
    assert.matches("^function: ", repr.value(print))
  end)

  it("shows exceptions with their message", function()
    assert.equal("ValueError('x')", repr.value(asyncio.ValueError("x")))
    assert.equal("CancelledError()", repr.value(asyncio.CancelledError()))
  end)

  it("survives a __tostring that fails", function()
    assert.matches("^table: 0x", repr.value(setmetatable({}, {__tostring = error})))
  end)
end)
