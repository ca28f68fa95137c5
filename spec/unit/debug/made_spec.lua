-- lua/casync/debug/mode/made.lua: in debug mode, reports and texts say where things were made.
local asyncio = require "casync"
local debugging = require "spec.support.debugging"
local async, await, kw = asyncio.async, asyncio.await, asyncio.kw

local HERE = "spec/unit/debug/made_spec%.lua"

local function loop() return asyncio.get_running_loop() end

local function line() return debug.getinfo(2, "l").currentline end

-- Asserts that a report says that its object was made at a line of this file, first of all.
local function assert_made_at(number, report)
  assert.is_string(report.source_traceback, report.message)
  assert.matches(("^\t%s:%d: in "):format(HERE, number), report.source_traceback)
end

describe("a coroutine that is never awaited", function()
  -- What was reported of an operation that is made and forgotten, whatever that operation is.
  local function forgotten(make, opts)
    return debugging(function()
      for _ = 1, 1100 do asyncio.sleep(1):close() end -- from here on not every operation is looked after
      make()
      collectgarbage()
      collectgarbage()
      await(asyncio.sleep(0))
    end, opts)
  end

  it("is told of with where it was made", function()
    local made
    local reports = forgotten(function()
      made = line() + 1
      async("greet", function() end)()
    end)
    assert.equal(1, #reports)
    assert.equal("coroutine 'greet' was never awaited", reports[1].message)
    assert_made_at(made, reports[1])
  end)

  local lock, event, queue, semaphore = asyncio.Lock(), asyncio.Event(), asyncio.Queue(), asyncio.Semaphore()
  local condition = asyncio.Condition()
  for name, make in pairs{
    ["sleep"] = function() asyncio.sleep(1) end,
    ["Lock.acquire"] = function() lock:acquire() end,
    ["Event.wait"] = function() event:wait() end,
    ["Condition.wait"] = function() condition:wait() end,
    ["Semaphore.acquire"] = function() semaphore:acquire() end,
    ["Queue.get"] = function() queue:get() end,
    ["Queue.put"] = function() queue:put(1) end,
    ["Queue.join"] = function() queue:join() end,
    ["StreamReader.readline"] = function() asyncio.StreamReader():readline() end,
    ["StreamReader.read"] = function() asyncio.StreamReader():read(1) end,
    ["wait_for"] = function() asyncio.wait_for(function() end, 1) end,
    ["wait"] = function() asyncio.wait{loop():create_future()} end,
    ["open_connection"] = function() asyncio.open_connection("127.0.0.1", 1) end,
  } do
    it("is told of, be it a native " .. name, function()
      local reports = forgotten(make)
      assert.equal(1, #reports)
      assert.equal(("coroutine '%s' was never awaited"):format(name), reports[1].message)
      assert_made_at(debug.getinfo(make, "S").linedefined, reports[1])
    end)
  end

  it("is told of without a place out of debug mode", function()
    local reports = forgotten(function() async("greet", function() end)() end, {debug = false})
    assert.equal(1, #reports)
    assert.is_nil(reports[1].source_traceback)
  end)

  it("has the whole way there in its place, but nothing of the library's own", function()
    local inner, outer
    local reports = debugging(function()
      local function make()
        inner = line() + 1
        asyncio.sleep(1)
      end
      outer = line() + 1
      await(async(function() make() await(asyncio.sleep(0)) end)())
      collectgarbage()
      collectgarbage()
    end)
    local source = reports[1].source_traceback
    assert.matches(("^\t%s:%d: in .-\n\t%s:%d: in "):format(HERE, inner, HERE, outer), source)
    assert.is_nil(source:find("lua/casync/", 1, true))
    assert.is_nil(source:find("[C]", 1, true))
  end)
end)

describe("where it was made is told of", function()
  it("a task that is left when the loop closes", function()
    local own, reports, made = asyncio.testing.new_event_loop(), {}, nil
    own:set_debug(true)
    own:set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    own:run_until_complete(function()
      made = line() + 1
      asyncio.create_task(function() await(asyncio.sleep(10)) end, kw{name = "left"})
      await(asyncio.sleep(1))
    end)
    own:close()
    assert.equal(1, #reports)
    assert.equal("Task was destroyed but it is pending!", reports[1].message)
    assert.equal("left", reports[1].task:get_name())
    assert_made_at(made, reports[1])
  end)

  it("a task, and a future, whose exception nobody read", function()
    local task_made, future_made
    local reports = debugging(function()
      task_made = line() + 1
      asyncio.create_task(function() error("one", 0) end)
      future_made = line() + 1
      loop():create_future():set_exception("two")
      await(asyncio.sleep(0))
      collectgarbage()
      collectgarbage()
      await(asyncio.sleep(0))
    end)
    table.sort(reports, function(a, b) return a.exception < b.exception end)
    assert.equal(2, #reports)
    assert_made_at(task_made, reports[1])
    assert_made_at(future_made, reports[2])
  end)

  it("a callback that raises, and a callback that reports", function()
    local raising, reporting
    local reports, logged = debugging(function()
      raising = line() + 1
      loop():call_soon(error, "oops")
      reporting = line() + 1
      loop():call_soon(function()
        loop():default_exception_handler{message = "mine"}
        loop():default_exception_handler{message = "known", source_traceback = "there"}
      end)
      await(asyncio.sleep(0))
      loop():default_exception_handler{message = "by a task"}
    end)
    assert_made_at(raising, reports[1])
    assert.matches(("^ERROR: mine\nhandle_traceback: Handle created at:\n\t%s:%d: in "):format(HERE, reporting), logged[1])
    assert.equal("ERROR: known\nsource_traceback: Object created at:\nthere", logged[2])
    assert.equal("ERROR: by a task", logged[3])
  end)

  it("in the texts of futures, tasks and handles", function()
    debugging(function()
      local function created_at(object) return tonumber(tostring(object):match("created at " .. HERE .. ":(%d+)")) end
      local here = line()
      local future = loop():create_future()
      local constructed = asyncio.Future()
      local task = asyncio.create_task(function() end)
      local eager = asyncio.Task(async(function() end)(), {eager_start = true})
      local handle = loop():call_soon(function() end)
      local timer = loop():call_later(1, function() end)
      local gathered = asyncio.gather(task, future)
      assert.same({here + 1, here + 2, here + 3, here + 4, here + 5, here + 6, here + 7}, {created_at(future), created_at(constructed),
        created_at(task), created_at(eager), created_at(handle), created_at(timer), created_at(gathered)})
      future:cancel()
      pcall(await, gathered)
    end)
  end)

  it("in debug mode only, and of nothing made before", function()
    debugging(function()
      local before = loop():create_future()
      loop():set_debug(true)
      local during = loop():create_future()
      loop():set_debug(false)
      local after = loop():create_future()
      assert.is_nil(tostring(before):find("created at", 1, true))
      assert.is_truthy(tostring(during):find("created at", 1, true))
      assert.is_nil(tostring(after):find("created at", 1, true))
    end, {debug = false})
  end)

  it("for the loop that they belong to", function()
    local other = asyncio.testing.new_event_loop()
    debugging(function()
      assert.is_nil(tostring(other:create_future()):find("created at", 1, true))
    end)
    other:set_debug(true)
    assert.is_truthy(tostring(other:create_future()):find("created at", 1, true))
    other:close()
  end)

  it("without keeping anything alive", function()
    debugging(function()
      local weak = setmetatable({}, {__mode = "v"})
      weak[1], weak[2] = loop():create_future(), asyncio.create_task(function() end)
      await(asyncio.sleep(0))
      collectgarbage()
      collectgarbage()
      assert.same({}, weak)
    end)
  end)
end)
