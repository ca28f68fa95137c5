-- lua/casync/debug/stack.lua: Task.get_stack and Task.print_stack.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local here = debug.getinfo(1, "S").source:sub(2)

local function line() return debug.getinfo(2, "l").currentline end

-- Runs f as a task of a loop with a virtual clock.
local function run(f) return asyncio.testing.run(f) end

-- A list of names, or of what else each frame has.
local function each(frames, key)
  local list = {}
  for i, frame in ipairs(frames) do list[i] = frame[key or "name"] end
  return list
end

-- Something to write to.
local function paper()
  local written = {}
  return {write = function(_, ...) table.insert(written, table.concat({...})) end}, function() return table.concat(written) end
end

local sleep_line
local inner = async("inner", function()
  sleep_line = line() + 1
  await(asyncio.sleep(10))
end)

local function helper() await(inner()) end

local outer = async("outer", function() helper() end)

-- A task that has come as far as it gets in one iteration.
local function started(...)
  local task = asyncio.create_task(...)
  await(asyncio.sleep(0))
  return task
end

local function failing(...)
  local task = asyncio.create_task(...)
  pcall(await, task)
  return task
end

describe("Task:get_stack of a suspended task", function()
  it("has a frame for each function, the outermost first", function()
    run(function()
      local frames = started(outer()):get_stack()
      assert.same({"outer", "helper", "inner"}, each(frames))
      assert.same({here, here, here}, each(frames, "source"))
      assert.equal(sleep_line, frames[3].currentline)
    end)
  end)

  it("follows nested coroutines", function()
    run(function()
      local body = function()
        for _ in coroutine.wrap(function() helper() end) do print("never") end
      end
      local names = each(started(body):get_stack())
      assert.equal(4, #names)
      assert.same({"helper", "inner"}, {names[3], names[4]})
      assert.matches("^<.*stack_spec%.lua:%d+>$", names[1])
    end)
  end)

  it("leaves the library's own frames out", function()
    run(function()
      local task = started(async("waiting", function()
        asyncio.with(asyncio.timeout(100), function() await(asyncio.wait_for(outer, 50)) end)
      end)())
      local frames = task:get_stack()
      assert.equal("waiting", frames[1].name)
      for _, source in ipairs(each(frames, "source")) do assert.equal(here, source) end
    end)
  end)

  it("keeps the newest of them within a limit", function()
    run(function()
      local task = started(outer())
      assert.same({"helper", "inner"}, each(task:get_stack(2)))
      assert.same({"inner"}, each(task:get_stack{limit = 1}))
      assert.same({}, task:get_stack(0))
      assert.same({}, task:get_stack(-1))
      assert.equal(3, #task:get_stack(100))
    end)
  end)

  it("is where its function begins before the first step", function()
    run(function()
      local task = asyncio.create_task(outer())
      local frames = task:get_stack()
      assert.same({"outer"}, each(frames))
      assert.equal(debug.getinfo(helper, "S").linedefined + 2, frames[1].currentline)
      assert.same({}, task:get_stack(0))
    end)
  end)

  it("shows the running task itself, in its first step and later", function()
    run(function()
      local function look()
        local frames = asyncio.current_task():get_stack()
        return frames
      end
      local named = async("named", function()
        local first = look()
        await(asyncio.sleep(0))
        local later = look()
        return first, later
      end)
      local first, later = await(asyncio.create_task(named()))
      assert.same({"named", "look"}, each(first))
      assert.same({"named", "look"}, each(later))
    end)
  end)

  it("is empty for an operation of the library and for a thread that has not begun", function()
    run(function()
      assert.same({}, started(asyncio.sleep(1)):get_stack())
      local task = asyncio.create_task(coroutine.create(print))
      assert.same({}, task:get_stack())
      task:cancel()
    end)
  end)

  it("names a chunk that is no file", function()
    run(function()
      local chunk = load("local await, sleep = ...; await(sleep(1))", "=(the chunk)")
      local frames = started(chunk, await, asyncio.sleep):get_stack()
      assert.same({{source = "(the chunk)", currentline = 1, name = "main chunk"}}, frames)
    end)
  end)
end)

describe("Task:get_stack of a task that is done", function()
  it("is the traceback of its error, through the tasks that awaited it, the outermost first", function()
    run(function()
      local bad_line
      local function bad()
        bad_line = line() + 1
        error(asyncio.ValueError("no"))
      end
      local task = failing(function() await(asyncio.create_task(function() bad() end)) end)
      local frames = task:get_stack()
      local names = each(frames)
      assert.equal(3, #names)
      assert.matches("^<.*stack_spec%.lua:%d+>$", names[1])
      assert.matches("^<.*stack_spec%.lua:%d+>$", names[2])
      assert.equal("bad", names[3])
      assert.equal(bad_line, frames[3].currentline)
      assert.same({frames[1]}, task:get_stack(1)) -- asyncio keeps the oldest of a traceback
      assert.same({}, task:get_stack(0))
      assert.same(frames, task:get_stack{limit = 3})
    end)
  end)

  it("is empty where the error has no traceback", function()
    run(function()
      local task = started(function() await(asyncio.sleep(0)) end)
      await(task)
      assert.same({}, task:get_stack())
    end)
  end)

  it("is empty for a cancelled one", function()
    run(function()
      local task = started(outer())
      task:cancel()
      pcall(await, task)
      assert.is_true(task:cancelled())
      assert.same({}, task:get_stack())
    end)
  end)

  it("leaves an error that nobody has read to be reported", function()
    local messages = {}
    run(function()
      asyncio.get_running_loop():set_exception_handler(function(_, context) table.insert(messages, context.message) end)
      local task = started(function() error("unread") end)
      assert.is_true(#task:get_stack() > 0)
      task:print_stack(nil, (paper()))
    end)
    assert.same({"Task exception was never retrieved"}, messages)
  end)
end)

describe("Task:print_stack", function()
  it("writes a suspended task as asyncio does", function()
    run(function()
      local file, written = paper()
      local task = started(outer())
      local text = tostring(task)
      task:print_stack(1, setmetatable(file, {}))
      assert.equal(("Stack for %s (most recent call last):\n  File \"%s\", line %d, in inner\n    await(asyncio.sleep(10))\n")
        :format(text, here, sleep_line), written())
    end)
  end)

  it("writes the traceback and the error of a failed one", function()
    run(function()
      local file, written = paper()
      failing(function() error(asyncio.ValueError("no")) end):print_stack{file = file}
      assert.matches("^Traceback for <Task finished .*> %(most recent call last%):\n  File \".*stack_spec.lua\", line %d+, in <.*>\n"
        .. "    failing%(.*\nValueError: no\n$", written())
    end)
  end)

  it("writes errors that are strings or tables", function()
    run(function()
      local file, written = paper()
      failing(function() error("only text", 0) end):print_stack{file = file, limit = 0}
      assert.matches("^No stack for <Task finished .*>\nonly text\n$", written())
      file, written = paper()
      failing(function() error({code = 7}) end):print_stack{file = file}
      assert.matches("\n{code = 7}\n$", written())
    end)
  end)

  it("says where there is none", function()
    run(function()
      local task = started(function() return 1 end)
      local file, written = paper()
      task:print_stack{file = file}
      assert.equal(("No stack for %s\n"):format(tostring(task)), written())
    end)
  end)

  it("writes to standard error if nothing else is given, and to files", function()
    run(function()
      local task = started(outer())
      local file <close> = assert(io.tmpfile())
      task:print_stack(nil, file)
      file:seek("set")
      local text = file:read("a")
      assert.matches("^Stack for .*in outer\n.*in helper\n.*in inner\n", text)

      local before, other = io.stderr, paper()
      io.stderr = other -- luacheck: ignore 122
      local ok, err = pcall(task.print_stack, task)
      io.stderr = before -- luacheck: ignore 122
      assert(ok, err)
    end)
  end)

  it("names a source that cannot be read all the same", function()
    run(function()
      local chunk = load("local await, sleep = ...; await(sleep(1))", "@no/such/file.lua")
      local file, written = paper()
      started(chunk, await, asyncio.sleep):print_stack{file = file}
      assert.matches('\n  File "no/such/file.lua", line 1, in main chunk\n$', written())
    end)
  end)
end)

describe("both", function()
  local function message(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    return tostring(err)
  end

  it("refuse what they do not know", function()
    run(function()
      local task = asyncio.current_task()
      assert.matches("bad argument #1 to 'get_stack' %(integer expected, got string%)", message(task.get_stack, task, "2"))
      assert.matches("unknown option 'limits' to 'get_stack'", message(task.get_stack, task, {limits = 2}))
      assert.matches("bad option 'limit' to 'print_stack'", message(task.print_stack, task, {limit = "2"}))
      assert.matches("bad argument #2 to 'print_stack' %(file expected, got number%)", message(task.print_stack, task, 1, 2))
      assert.matches("Task expected", message(task.get_stack, asyncio.get_running_loop():create_future()))
      assert.matches("Task expected", message(task.print_stack, 7))
    end)
  end)

  it("work on tasks of a closed loop and of subclasses", function()
    local kept, mine
    local loop = asyncio.testing.new_event_loop()
    loop:set_exception_handler(function() end)
    local Mine = asyncio.Task:subclass("Mine")
    loop:run_until_complete(function()
      kept = started(outer())
      mine = Mine(outer())
      await(asyncio.sleep(0))
      assert.same({"outer", "helper", "inner"}, each(mine:get_stack()))
    end)
    loop:close()
    assert.is_table(kept:get_stack())
    local file, written = paper()
    kept:print_stack{file = file}
    assert.matches("^%a+ .*<Task ", written())
  end)
end)
