-- Ops that are handed out again: when, and never when somebody could be misled by it.
local asyncio = require "casync"
local testing = require "casync.testing"
local await = asyncio.await

local function it_awaits(name, f) it(name, testing.async(f)) end

-- The first thousand of a process are checked, each one anew.
local function pass_the_checked_ones()
  local lock = asyncio.Lock()
  for _ = 1, 1000 do await(lock:acquire()); lock:release() end
end

-- How many bytes `f` leaves behind in `n` calls, by what the collector counts.
local function bytes_of(n, f)
  collectgarbage()
  collectgarbage("stop")
  local before = collectgarbage("count")
  for _ = 1, n do f() end
  local bytes = (collectgarbage("count") - before) * 1024
  collectgarbage("restart")
  return bytes
end

-- One op in 64 is checked, and is new therefore.
local CHECKED = 4 * 400

local function fed_reader(text)
  local reader = asyncio.StreamReader()
  reader:feed_data(text)
  return reader
end

-- What each class has: a fresh object, how its op is made, how it is made to end, what undoes that.
local kinds = {
  lock = {asyncio.Lock, function(lock) return lock:acquire() end, function(lock) lock:release() end},
  semaphore = {asyncio.Semaphore, function(sem) return sem:acquire() end, function(sem) sem:release() end},
  event = {function()
    local event = asyncio.Event()
    event:set()
    return event
  end, function(event) return event:wait() end, function() end},
  get = {function()
    local queue = asyncio.Queue()
    queue:put_nowait(1)
    return queue
  end, function(queue) return queue:get() end, function(queue) queue:put_nowait(1) end},
  put = {asyncio.Queue, function(queue) return queue:put(1) end, function(queue) queue:get_nowait() end},
  read = {function() return fed_reader(("x"):rep(1000)) end, function(reader) return reader:read(1) end, function() end},
  readexactly = {function() return fed_reader(("x"):rep(1000)) end, function(reader) return reader:readexactly(1) end,
    function() end},
  readline = {function() return fed_reader(("\n"):rep(1000)) end, function(reader) return reader:readline() end,
    function() end},
}

for name, kind in pairs(kinds) do
  local make, op_of, undo = table.unpack(kind)
  describe("an op that is handed out again, " .. name, function()
    it_awaits("allocates nothing", function()
      pass_the_checked_ones()
      local object = make()
      local function once() await(op_of(object)); undo(object) end
      once()
      local bytes = bytes_of(200, once)
      assert.is_true(bytes <= CHECKED, bytes .. " bytes")
    end)

    it_awaits("is not, while it has not been awaited", function()
      pass_the_checked_ones()
      local object = make()
      local one, other = op_of(object), op_of(object)
      assert.is_false(rawequal(one, other))
      one:close()
      other:close()
    end)

    it_awaits("is not good for a second await", function()
      pass_the_checked_ones()
      local object = make()
      local op = op_of(object)
      await(op)
      local ok, err = pcall(await, op)
      assert.is_false(ok)
      assert.equal("cannot reuse already awaited coroutine", err.message)
    end)

    it_awaits("is not, if it was a task", function()
      pass_the_checked_ones()
      local object = make()
      local task = asyncio.create_task(op_of(object))
      local coro = task:get_coro()
      await(task)
      undo(object)
      local op = op_of(object)
      assert.is_false(rawequal(coro, op))
      op:close()
    end)

    it_awaits("is not, if it was closed", function()
      pass_the_checked_ones()
      local object = make()
      local closed = op_of(object)
      closed:close()
      local op = op_of(object)
      assert.is_false(rawequal(closed, op))
      op:close()
    end)

    it_awaits("is not in debug mode", function()
      pass_the_checked_ones()
      asyncio.get_running_loop():set_debug(true)
      local object = make()
      local op = op_of(object)
      await(op)
      undo(object)
      local other = op_of(object)
      assert.is_false(rawequal(op, other))
      other:close()
    end)
  end)
end

describe("an op that is handed out again", function()
  it_awaits("is not, if its wait was cancelled", function()
    pass_the_checked_ones()
    local lock, op = asyncio.Lock(), nil
    await(lock:acquire())
    local task = asyncio.create_task(function()
      op = lock:acquire()
      await(op)
    end)
    await(asyncio.sleep(0))
    task:cancel()
    pcall(await, task)
    local other = lock:acquire()
    assert.is_false(rawequal(op, other))
    other:close()
  end)

  it_awaits("waits in line like any other", function()
    pass_the_checked_ones()
    local lock, order = asyncio.Lock(), {}
    local function worker(name)
      for _ = 1, 3 do
        await(lock:acquire())
        order[#order + 1] = name
        await(asyncio.sleep(1))
        lock:release()
        await(asyncio.sleep(0))
      end
    end
    await(asyncio.gather(asyncio.create_task(worker, "a"), asyncio.create_task(worker, "b"), asyncio.create_task(worker, "c")))
    assert.equal("abcabcabc", table.concat(order))
    assert.is_false(lock:locked())
  end)

  it_awaits("serves another reader while its own has nothing", function()
    pass_the_checked_ones()
    local one, other, op = asyncio.StreamReader(), fed_reader("b"), nil
    local task = asyncio.create_task(function()
      op = one:read(1)
      return await(op)
    end)
    await(asyncio.sleep(0))
    local next_op = other:read(1)
    assert.is_true(rawequal(op, next_op))
    assert.equal("b", await(next_op))
    one:feed_data("a")
    assert.equal("a", await(task))
    local third = fed_reader("c")
    assert.equal("c", await(third:read(1)))
    other:feed_data("d")
    assert.equal("d", await(other:read(1)))
  end)

  it_awaits("does not hide the exception of its reader", function()
    pass_the_checked_ones()
    local reader = fed_reader("ab")
    assert.equal("a", await(reader:read(1)))
    assert.is_nil(reader:exception())
    reader:set_exception(asyncio.ValueError("broken"))
    for _ = 1, 2 do
      local ok, err = pcall(await, reader:read(1))
      assert.is_false(ok)
      assert.equal("broken", err.message)
    end
    reader:set_exception(nil)
    assert.equal("b", await(reader:read(1)))
  end)

  it_awaits("keeps no item of a put", function()
    pass_the_checked_ones()
    local queue, weak = asyncio.Queue(), setmetatable({}, {__mode = "v"})
    for _ = 1, 2 do
      weak.item = {}
      await(queue:put(weak.item))
      await(queue:get())
    end
    collectgarbage()
    assert.is_nil(weak.item)
  end)

  it_awaits("reports that it was never awaited where it is one of those that are checked", function()
    local loop = asyncio.get_running_loop()
    local reports = {}
    loop:set_exception_handler(function(_, context) reports[#reports + 1] = context.message end)
    local queue = asyncio.Queue()
    queue:put_nowait(1)
    pass_the_checked_ones()
    for _ = 1, 64 do queue:get() end
    collectgarbage()
    await(asyncio.sleep(0))
    assert.is_true(#reports >= 1)
    assert.equal("coroutine 'Queue.get' was never awaited", reports[1])
  end)
end)
