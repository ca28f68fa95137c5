-- A queue outlives the loop of those who waited at it: closed over them, collected with them, gone before them. asyncio's queue
-- fails then with "Event loop is closed" once it wakes one of them; here it forgets them, and goes on.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  assert.is_truthy(tostring(err):find(text, 1, true), tostring(err))
end

-- A loop in which tasks wait at the queue, each in f(queue); `before` is called in it before it stops.
local function loop_with_waiters(queue, waits, before)
  local loop = testing.new_event_loop()
  loop:set_exception_handler(function() end)
  loop:create_task(function()
    for _, f in ipairs(waits) do
      for _ = 1, 3 do create_task(function() f(queue) end) end
    end
    await(sleep(0)); await(sleep(0))
    if before then before(queue) end
    loop:stop()
  end)
  loop:run_forever()
  return loop
end

local function get(queue) await(queue:get()) end
local function put(queue) await(queue:put("new")) end
local function join(queue) await(queue:join()) end
local function items(queue) for _ in queue:items() do end end

local function text(queue) return (tostring(queue):gsub(" _queue=%b{}", "")) end

describe("a queue whose loop was closed over those who waited at it", function()
  it("forgets its getters", function()
    local queue = asyncio.Queue()
    local loop = loop_with_waiters(queue, {get, items})
    assert.equal("<Queue maxsize=0 _getters[6]>", text(queue))
    loop:close()
    assert.equal("<Queue maxsize=0>", text(queue))
    testing.run(function()
      queue:put_nowait(1)
      await(queue:put(2))
      assert.equal(1, await(queue:get()))
      assert.equal(2, queue:get_nowait())
      raises(asyncio.RuntimeError, "<Queue maxsize=0 tasks=2> is bound to a different event loop", get, queue)
      raises(asyncio.RuntimeError, "is bound to a different event loop", items, queue)
      assert.equal("<Queue maxsize=0 tasks=2>", text(queue))
    end)
  end)

  it("forgets its putters, and what they were to put", function()
    local queue = asyncio.Queue(1)
    queue:put_nowait("old")
    local loop = loop_with_waiters(queue, {put})
    assert.equal("<Queue maxsize=1 _putters[3] tasks=1>", text(queue))
    loop:close()
    assert.equal("<Queue maxsize=1 tasks=1>", text(queue))
    testing.run(function()
      raises(asyncio.RuntimeError, "is bound to a different event loop", put, queue)
      assert.equal("old", queue:get_nowait())
      assert.is_true(queue:empty())
      await(queue:put("newer"))
      assert.equal("newer", await(queue:get()))
    end)
  end)

  it("forgets those who joined", function()
    local queue = asyncio.Queue()
    queue:put_nowait("work")
    local loop = loop_with_waiters(queue, {join})
    loop:close()
    testing.run(function()
      raises(asyncio.RuntimeError, "is bound to a different event loop", join, queue)
      queue:task_done()
      await(queue:join())
      raises(asyncio.ValueError, "task_done() called too many times", queue.task_done, queue)
    end)
  end)

  it("keeps the item, the room and the count of those that were woken and never ran", function()
    for _, immediate in ipairs{false, true} do
      local queue, full = asyncio.Queue(), asyncio.Queue(1)
      full:put_nowait("old")
      local one = loop_with_waiters(queue, {get}, function() queue:put_nowait("item") end)
      local other = loop_with_waiters(full, {put, join}, function()
        full:get_nowait()
        full:task_done()
      end)
      one:close()
      other:close()
      testing.run(function()
        assert.equal("<Queue maxsize=0 tasks=1>", text(queue))
        assert.equal("<Queue maxsize=1>", text(full))
        await(full:put("newer"))
        assert.equal("newer", full:get_nowait())
        queue:shutdown(immediate)
        full:shutdown(immediate)
        raises(asyncio.QueueShutDown, "", full.put_nowait, full, "newest")
        assert.equal(immediate and 0 or 1, queue:qsize())
      end)
    end
  end)

  it("can be shut down before and after", function()
    local before, after = asyncio.Queue(1), asyncio.Queue(1)
    before:put_nowait("old")
    after:put_nowait("old")
    local loops = {loop_with_waiters(before, {put, join}), loop_with_waiters(after, {put, join})}
    before:shutdown(true)
    for _, loop in ipairs(loops) do loop:close() end
    after:shutdown(true)
    for _, queue in ipairs{before, after} do
      assert.equal("<Queue maxsize=1 shutdown>", text(queue))
      testing.run(function() raises(asyncio.QueueShutDown, "", get, queue) end)
    end
  end)

  it("is collected with its loop, in either order", function()
    local logger = asyncio.log.logger
    local handler = logger.handler
    finally(function() logger.handler = handler end)
    logger.handler = function() end -- "Task was destroyed", of tasks whose loop is gone
    for _, closes in ipairs{true, false} do
      local weak = setmetatable({}, {__mode = "v"})
      do
        local queue = asyncio.Queue(1)
        queue:put_nowait("old")
        local loop = loop_with_waiters(queue, {put, join})
        if closes then loop:close() end
        weak[1] = queue
      end
      collectgarbage()
      collectgarbage()
      collectgarbage()
      assert.is_nil(weak[1], tostring(closes))
      testing.run(function() end) -- where the reports come
    end
  end)
end)

describe("a queue at the end of a Lua state", function()
  it("can be used by a finalizer although those who wait have gone", function()
    local output = process.run([[lua5.4 -e '
      local queue, full
      last = setmetatable({}, {__gc = function()
        queue:put_nowait(1)
        full:get_nowait()
        full:task_done()
        queue:shutdown()
        print("finally", queue, full)
      end})
      local asyncio = require "casync"
      queue, full = asyncio.Queue(), asyncio.Queue(1)
      full:put_nowait("old")
      local loop = asyncio.new_event_loop()
      loop:set_exception_handler(function() end)
      loop:create_task(function()
        for i = 1, 3 do
          asyncio.create_task(queue:get())
          asyncio.create_task(full:put("new"))
          asyncio.create_task(full:join())
        end
        asyncio.await(asyncio.sleep(0))
        loop:stop()
      end)
      loop:run_forever()
      print(queue)']])
    assert.matches("<Queue maxsize=0 _getters%[3%]>", output)
    assert.matches("finally\t<Queue maxsize=0 _queue={1} tasks=1 shutdown>\t<Queue maxsize=1>", output)
  end)
end)
