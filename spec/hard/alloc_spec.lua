-- Memory that runs out: whichever allocation of a small program fails, the program ends well or with a Lua error,
-- and the next one in the same state works. Run by .ci/run on the hard build.
local hard = require "hard"
local hard_run = require "spec.support.hard_run"
local asyncio = require "casync"
local programs = require "spec.support.programs"
local await = asyncio.await

-- At most this many allocations of a program are made to fail, spread over it.
local most = 400

local function is_idle()
  return not pcall(asyncio.get_running_loop)
end

local function works_still()
  return asyncio.testing.run(function()
    local task = asyncio.create_task(function() await(asyncio.sleep(1)) return 42 end)
    return await(task)
  end) == 42
end

local function collect()
  collectgarbage()
  collectgarbage()
end

local function ignore() end

-- Programs that go wrong report it; a spec that makes hundreds of them do so keeps it to itself.
local function quietly(body)
  local logger = asyncio.log.logger
  logger:addHandler(ignore)
  local ok, message = pcall(body)
  logger:removeHandler(ignore)
  if not ok then error(message, 0) end
end

-- Runs the program with each `arm(n)` in turn, until one has nothing left to fail.
local function fail_each(run, count, arm)
  local step = math.max(1, count // most)
  for n = 1, count, step do
    arm(n)
    local ok, message = pcall(run)
    arm(0)
    assert(ok or message ~= nil, "an error without a value")
    assert(is_idle(), ("a loop is left running after allocation %d failed"):format(n))
    assert(works_still(), ("the next program fails after allocation %d failed"):format(n))
  end
end

-- How many allocations the program makes when it is run once more: the first runs load modules and grow tables.
local function count_of(run)
  run()
  collect()
  hard.fail(0)
  run()
  return hard.requests()
end

describe("when memory runs out in", function()
  for _, program in ipairs(programs) do
    local name, body = program[1], program[2]

    local function on_virtual_time() return asyncio.testing.run(body) end

    it(name .. ", a Lua error comes of it and nothing else", function()
      quietly(function()
        local count = count_of(on_virtual_time)
        assert.is_true(count > 0)
        collect()
        local open = hard.open_files()
        fail_each(on_virtual_time, count, hard.fail)
        collect()
        assert.equal(open, hard.open_files())
      end)
    end)
  end

  it("a loop on the real clock, too", function()
    local function on_real_time()
      return asyncio.run(function()
        await(asyncio.gather(asyncio.sleep(0), asyncio.sleep(0.0001)))
      end)
    end
    quietly(function()
      local count = count_of(on_real_time)
      collect()
      local open = hard.open_files()
      fail_each(on_real_time, count, hard.fail)
      collect()
      assert.equal(open, hard.open_files())
    end)
  end)

  it("the runtime's own tables, the call says so", function()
    local core = package.searchpath("casync.core", package.cpath)
    if not hard.fail_runtime(core, 0) then
      pending("this build does not show the runtime")
      return
    end
    local function many()
      return asyncio.testing.run(function()
        local tasks = {}
        for i = 1, 100 do
          tasks[i] = asyncio.create_task(function() await(asyncio.sleep(i)) end)
        end
        await(asyncio.gather(tasks))
      end)
    end
    quietly(function()
      many()
      fail_each(many, 20, function(n) hard.fail_runtime(core, n) end)
    end)
  end)

  it("a stream reader's buffer, what was there before stays", function()
    local core = package.searchpath("casync.core", package.cpath)
    if not hard.fail_runtime(core, 0) then
      pending("this build does not show the runtime")
      return
    end
    asyncio.testing.run(function()
      local reader = asyncio.StreamReader()
      local task = asyncio.create_task(reader:read(100))
      await(asyncio.sleep(0))
      reader:feed_data("abc") -- for the read that waits
      for _, bytes in ipairs{"d", ("e"):rep(5000)} do
        hard.fail_runtime(core, 1)
        local ok, message = pcall(reader.feed_data, reader, bytes)
        hard.fail_runtime(core, 0)
        assert.is_false(ok)
        assert.equal("not enough memory", message)
      end
      reader:feed_data("d")
      hard.fail_runtime(core, 1)
      assert.is_false((pcall(reader.feed_data, reader, ("e"):rep(5000))))
      hard.fail_runtime(core, 0)
      assert.equal("abcd", await(task))
      assert.equal("<StreamReader>", tostring(reader))
    end)
  end)

  -- In processes of their own, so each costs its start: a sample.
  it("the first use, the second use works", function()
    local _, said = hard_run("spec/support/first_use.lua", 0)
    local count = assert(math.tointeger(said), said)
    for n = 1, count, math.max(1, count // 150) do
      local ok, complaint = hard_run("spec/support/first_use.lua", n)
      assert(ok, ("allocation %d of %d: %s"):format(n, count, complaint))
    end
  end)
end)
