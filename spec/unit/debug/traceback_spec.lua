-- bindings/error/traceback.c and frames.c: the whole texts of errors that nobody caught.
local asyncio = require "casync"
local core = require "casync.core"
local host = require "casync.host"

local env = setmetatable({asyncio = asyncio, await = asyncio.await, async = asyncio.async, sleep = asyncio.sleep,
  create_task = asyncio.create_task}, {__index = _G})

-- The text of the error that ends a task called "main" whose body is `source`, a file called app.lua.
local function text_of(source)
  return asyncio.testing.run(function()
    local task = asyncio.create_task(assert(load(source, "=app.lua", "t", env)), asyncio.kw{name = "main"})
    local ok, err = pcall(asyncio.await, task)
    assert.is_false(ok)
    return host.text(err, not task:cancelled() and core.task_traceback(task) or nil)
  end)
end

-- `expected` is indented by six columns, a frame in it by two more.
local function shows(source, expected)
  local lines = ("\n" .. expected):gsub("\n      ", "\n"):gsub("\n  (app%.lua:)", "\n\t%1"):gsub("\n  (%[C%]:)", "\n\t%1")
  assert.equal(lines:sub(2), text_of(source))
end

describe("the traceback of a task", function()
  it("has the lines of nested coroutines, by their names", function()
    shows([[
      local inner = async("inner", function() await(sleep(1)) error("boom") end)
      local function middle() await(inner()) end
      local outer = async(function() middle() end)
      await(outer())]], [[
      app.lua:1: boom
      stack traceback:
        app.lua:1: in function 'inner'
        app.lua:2: in upvalue 'middle'
        app.lua:3: in function <app.lua:3>
        app.lua:4: in main chunk]])
  end)

  it("goes on through the tasks that awaited it", function()
    shows([[
      local function inner() error("boom") end
      local function middle() await(create_task(inner)) end
      local task = create_task(middle, asyncio.kw{name = "worker"})
      await(asyncio.gather(task, sleep(5)))]], [[
      app.lua:1: boom
      stack traceback:
        app.lua:1: in function <app.lua:1>
      awaited by task 'worker':
        app.lua:2: in function <app.lua:2>
      awaited by task 'main':
        app.lua:4: in main chunk]])
  end)

  it("goes on through shield, as_completed and wait_for", function()
    shows([[
      local function fails() await(sleep(1)) error("boom") end
      await(asyncio.wait_for(asyncio.shield(fails), 5))]], [[
      app.lua:1: boom
      stack traceback:
        app.lua:1: in function <app.lua:1>
      awaited by task 'main':
        app.lua:2: in main chunk]])
  end)

  it("goes on through Lua's coroutines", function()
    shows([[
      local outer = coroutine.wrap(function()
        local inner = coroutine.wrap(function() await(sleep(1)) error("deep", 0) end)
        inner()
      end)
      outer()]], [[
      app.lua:5: app.lua:3: deep
      stack traceback:
        app.lua:2: in function <app.lua:2>
      resumed by:
        app.lua:3: in function <app.lua:1>
      resumed by:
        app.lua:5: in main chunk]])
    shows([[
      await(coroutine.create(function() await(sleep(1)) error("deep") end))]], [[
      app.lua:1: deep
      stack traceback:
        app.lua:1: in function <app.lua:1>
      resumed by:
        app.lua:1: in main chunk]])
  end)

  it("goes on through async generators", function()
    shows([[
      local numbers = asyncio.generator("numbers", function(yield)
        yield(1)
        await(sleep(1))
        error("no more")
      end)
      for _ in numbers() do end]], [[
      app.lua:4: no more
      stack traceback:
        app.lua:4: in function <app.lua:1>
      resumed by:
        app.lua:6: in main chunk]])
  end)

  it("is kept by a text that is raised again where it was caught", function()
    shows([[
      local function fails() error("bad") end
      local _, err = pcall(await, create_task(fails))
      error(err, 0)]], [[
      app.lua:1: bad
      stack traceback:
        app.lua:1: in function <app.lua:1>
      awaited by task 'main':
        app.lua:3: in main chunk]])
  end)

  it("is kept by an exception that is raised later", function()
    shows([[
      local function fails() error(asyncio.ValueError("bad")) end
      local results = await(asyncio.gather(fails, fails, {return_exceptions = true}))
      await(sleep(1))
      error(results[1])]], [[
      ValueError: bad
      stack traceback:
        app.lua:1: in function <app.lua:1>
      raised again by:
        app.lua:4: in main chunk]])
  end)

  it("does not go on from another error of the same text", function()
    shows([[
      for _ = 1, 3 do pcall(await, create_task(function() error("bad", 0) end)) end
      await(create_task(function() error("bad", 0) end))]], [[
      bad
      stack traceback:
        app.lua:2: in function <app.lua:2>
      awaited by task 'main':
        app.lua:2: in main chunk]])
  end)

  it("begins with the user's line, whatever was called wrongly", function()
    for call, message in pairs{
      ["asyncio.sleep('x')"] = "app.lua:2: bad argument #1 to 'sleep' (number expected, got string)",
      ["asyncio.gather(1)"] = "TypeError: bad argument #1 to 'gather' (awaitable expected, got number)",
      ["await(asyncio.Queue())"] = "TypeError: bad argument #1 to 'await' (awaitable expected, got Queue)",
      ["asyncio.Lock():release()"] = "RuntimeError: Lock is not acquired.",
    } do
      shows("local function user()\n" .. call .. "\nend\nuser()", message .. [[

stack traceback:
	app.lua:2: in local 'user'
	app.lua:4: in main chunk]])
    end
  end)

  it("has functions of C that are not the library's", function()
    shows([[
      local function user() table.sort({3, 2, 1}, function(a, b) return a.x < b.x end) end
      user()]], [[
      app.lua:1: attempt to index a number value (local 'a')
      stack traceback:
        app.lua:1: in function <app.lua:1>
        [C]: in function 'table.sort'
        app.lua:1: in local 'user'
        app.lua:2: in main chunk]])
    shows("await(function() string.rep() end)", [[
      app.lua:1: bad argument #1 to 'rep' (string expected, got no value)
      stack traceback:
        [C]: in function 'string.rep'
        app.lua:1: in function <app.lua:1>
        app.lua:1: in main chunk]])
  end)

  it("is there for any value that is raised", function()
    for raised, message in pairs{["42"] = "42", ["false"] = "false", ["{1, 2}"] = "(error object is a table value) {1, 2}",
      ["nil"] = "RuntimeError: nil was raised as an error: raise a value instead"} do
      shows("error(" .. raised .. ")", message .. "\nstack traceback:\n\tapp.lua:1: in main chunk")
    end
  end)

  it("has the place that error() blames in its message only", function()
    shows([[
      local function check(x) if not x then error("x expected", 2) end end
      local function user() check(nil) end
      user()]], [[
      app.lua:2: x expected
      stack traceback:
        app.lua:1: in upvalue 'check'
        app.lua:2: in local 'user'
        app.lua:3: in main chunk]])
  end)
end)

describe("the traceback of a deep error", function()
  local line = "\tapp.lua:1: in upvalue 'f'\n"

  it("has the ends of the stack", function()
    shows([[
      local function f(n) if n == 0 then error("deep") end f(n - 1) return nil end
      f(1000)]], "app.lua:1: deep\nstack traceback:\n" .. line:rep(10) .. "\t...\t(skipping 981 levels)\n" .. line:rep(9)
      .. "\tapp.lua:1: in local 'f'\n\tapp.lua:2: in main chunk")
  end)

  it("has the ends of a chain of tasks", function()
    local text = text_of [[
      local function f(n) if n == 0 then error("deep") end await(create_task(f, n - 1)) end
      f(100)]]
    assert.equal(20, select(2, text:gsub("\nawaited by task '[^\n]*':\n\tapp.lua:1: in [^\n]*", "")))
    assert.matches("\n%.%.%.\t%(skipping 80 more%)\nawaited by task 'main':\n", text)
  end)
end)

describe("the text of a timeout", function()
  it("has the line of wait_for, and where the task was waiting", function()
    shows([[
      local function work()
        await(sleep(10))
      end
      local function limited() await(asyncio.wait_for(work, 1)) end
      limited()]], [[
      CancelledError
      stack traceback:
        app.lua:2: in function <app.lua:1>
        app.lua:4: in local 'limited'
        app.lua:5: in main chunk

      The above exception was the direct cause of the following exception:

      TimeoutError
      stack traceback:
        app.lua:4: in local 'limited'
        app.lua:5: in main chunk]])
  end)

  it("has the places of the tasks that were awaited", function()
    shows([[
      local function child() await(sleep(10)) end
      local task = create_task(child)
      await(asyncio.wait_for(asyncio.gather(task), 1))]], [[
      CancelledError
      stack traceback:
        app.lua:1: in function <app.lua:1>
      awaited by task 'main':
        app.lua:3: in main chunk

      The above exception was the direct cause of the following exception:

      TimeoutError
      stack traceback:
        app.lua:3: in main chunk]])
  end)

  it("has the line of with, not those of the body", function()
    assert.matches("\nTimeoutError\nstack traceback:\n\tapp.lua:2: in upvalue 'limited'\n\tapp.lua:6: in main chunk$", (text_of [[
      local function limited()
        asyncio.with(asyncio.timeout(1), function()
          await(sleep(10))
        end)
      end
      limited()]]):gsub("local 'limited'", "upvalue 'limited'"))
  end)

  it("has the place inside a generator that was waiting", function()
    assert.matches([[
^CancelledError
stack traceback:
	app.lua:2: in function <app.lua:1>
resumed by:
	app.lua:5: in main chunk
]], (text_of [[
      local numbers = asyncio.generator(function(yield)
        yield(await(sleep(10)))
      end)
      local _ <close> = asyncio.timeout(1):enter()
      for _ in numbers() do end]]))
  end)
end)

describe("the text of a group", function()
  it("is a tree of members with their own tracebacks", function()
    shows([[
      local fails = async("fails", function() await(sleep(1)) error(asyncio.ValueError("bad")) end)
      local function group()
        local tg <close> = asyncio.TaskGroup():enter()
        tg:create_task(fails())
        tg:create_task(function() await(sleep(1)) error("text") end)
      end
      await(asyncio.wait_for(asyncio.gather(group, sleep(5)), 10))]], [[
        + ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
        | stack traceback:
        | 	app.lua:6: in function <app.lua:2>
        | awaited by task 'main':
        | 	app.lua:7: in main chunk
        +-+---------------- 1 ----------------
          | ValueError: bad
          | stack traceback:
          | 	app.lua:1: in function 'fails'
          +---------------- 2 ----------------
          | app.lua:5: text
          | stack traceback:
          | 	app.lua:5: in function <app.lua:5>
          +------------------------------------]])
  end)

  it("has the error of the body, too", function()
    shows([[
      local function fails() pcall(await, sleep(1)) error("late") end
      local tg <close> = asyncio.TaskGroup():enter()
      tg:create_task(fails)
      await(sleep(0))
      error("in the body")]], [[
        + ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
        | stack traceback:
        | 	app.lua:5: in main chunk
        +-+---------------- 1 ----------------
          | app.lua:1: late
          | stack traceback:
          | 	app.lua:1: in function <app.lua:1>
          +---------------- 2 ----------------
          | app.lua:5: in the body
          | stack traceback:
          | 	app.lua:5: in main chunk
          +------------------------------------]])
  end)

  it("keeps the tracebacks of the part that is raised again", function()
    shows([[
      local _, err = pcall(function()
        local tg <close> = asyncio.TaskGroup():enter()
        tg:create_task(function() error(asyncio.OSError("os")) end)
        tg:create_task(function() error("text") end)
      end)
      local os, rest = err:split(asyncio.OSError)
      error(rest)]], [[
        + ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
        | stack traceback:
        | 	app.lua:7: in main chunk
        +-+---------------- 1 ----------------
          | app.lua:4: text
          | stack traceback:
          | 	app.lua:4: in function <app.lua:4>
          +------------------------------------]])
  end)
end)

describe("the text of an exception with a cause", function()
  it("has the tracebacks of both", function()
    shows([[
      local function fails() error(asyncio.ValueError("bad")) end
      local _, err = pcall(await, create_task(fails))
      local worse = asyncio.RuntimeError("worse")
      worse.cause = err
      error(worse)]], [[
      ValueError: bad
      stack traceback:
        app.lua:1: in function <app.lua:1>

      The above exception was the direct cause of the following exception:

      RuntimeError: worse
      stack traceback:
        app.lua:5: in main chunk]])
  end)
end)

describe("an error that a task catches", function()
  it("is not traced", function()
    asyncio.testing.run(function()
      local _, err = pcall(asyncio.await, function() error(asyncio.ValueError("x")) end)
      assert.is_nil(rawget(err, "traceback"))
    end)
  end)
end)
