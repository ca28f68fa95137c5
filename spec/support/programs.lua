-- Small programs for the hard specs: {name, body of the main task}. On virtual time each ends by itself.
local asyncio = require "casync"
local await = asyncio.await

return {
  {"run alone", function()
    return 1
  end},

  {"tasks that sleep", function()
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = asyncio.create_task(function() await(asyncio.sleep(i)) return i end)
    end
    local sum = 0
    for _, task in ipairs(tasks) do sum = sum + await(task) end
    return sum
  end},

  {"coroutine objects", function()
    local add = asyncio.async(function(a, b) await(asyncio.sleep(0)) return a + b end)
    return await(add(await(add(1, 2)), 3))
  end},

  {"gather", function()
    local function slow(i) return function() await(asyncio.sleep(i)) return i end end
    local list = await(asyncio.gather(slow(1), slow(2), slow(3)))
    return list[1] + list[2] + list[3]
  end},

  {"gather of failures", function()
    local list = await(asyncio.gather {
      function() error("one") end,
      function() await(asyncio.sleep(1)) error({}) end,
      return_exceptions = true,
    })
    return list.n
  end},

  {"wait_for that times out", function()
    return pcall(function() await(asyncio.wait_for(asyncio.sleep(10), 1)) end)
  end},

  {"wait_for in time", function()
    return await(asyncio.wait_for(asyncio.sleep(1, "in time"), 10))
  end},

  {"a task that is cancelled", function()
    local task = asyncio.create_task(function()
      pcall(function() await(asyncio.sleep(10)) end)
      await(asyncio.sleep(1))
    end)
    await(asyncio.sleep(1))
    task:cancel("enough")
    return pcall(function() return await(task) end)
  end},

  {"timeout around a scope", function()
    return pcall(function()
      local _ <close> = asyncio.timeout(1):enter()
      await(asyncio.sleep(2))
    end)
  end},

  {"a task group whose child fails", function()
    return pcall(function()
      local group <close> = asyncio.TaskGroup():enter()
      group:create_task(function() await(asyncio.sleep(5)) end)
      group:create_task(function() await(asyncio.sleep(1)) error("child") end)
    end)
  end},

  {"futures and callbacks", function()
    local loop = asyncio.get_running_loop()
    local future = loop:create_future()
    local seen = {}
    future:add_done_callback(function(f) seen[#seen + 1] = f end)
    loop:call_later(1, future.set_result, future, 7)
    loop:call_soon(function() seen[#seen + 1] = "soon" end)
    return await(future)
  end},

  {"generators that await", function()
    local sum = 0
    for i in coroutine.wrap(function()
      for i = 1, 3 do
        await(asyncio.sleep(1))
        coroutine.yield(i)
      end
    end) do sum = sum + i end
    return sum
  end},

  {"shield against a cancellation", function()
    local inner = asyncio.create_task(function() await(asyncio.sleep(2)) return "whole" end)
    local outer = asyncio.create_task(function() return await(asyncio.shield(inner)) end)
    await(asyncio.sleep(1))
    outer:cancel()
    pcall(await, outer)
    return await(inner)
  end},

  {"wait and as_completed", function()
    local tasks = {}
    for i = 1, 4 do
      tasks[i] = asyncio.create_task(function() await(asyncio.sleep(i % 3)) return i end)
    end
    local done, pending = await(asyncio.wait(tasks, {return_when = asyncio.FIRST_COMPLETED}))
    for task in asyncio.as_completed(pending) do done[#done + 1] = await(task) end
    return #done
  end},

  {"context variables", function()
    local name = asyncio.contextvars.ContextVar("name", {default = "nobody"})
    local token = name:set("outer")
    local task = asyncio.create_task(function() name:set("inner") await(asyncio.sleep(1)) return name:get() end)
    await(task)
    name:reset(token)
    return name:get()
  end},

  {"an eager task", function()
    asyncio.get_running_loop():set_task_factory(asyncio.eager_task_factory)
    local at_once = asyncio.create_task(function() return 1 end)
    local later = asyncio.create_task(function() await(asyncio.sleep(1)) return 2 end)
    return await(at_once) + await(later)
  end},

  {"reads of a stream reader", function()
    local reader = asyncio.StreamReader{limit = 20}
    local transport = {paused = false}
    function transport:pause_reading() self.paused = true end
    function transport:resume_reading() self.paused = false end
    reader:set_transport(transport)
    local task = asyncio.create_task(function()
      local parts = {await(reader:read(10)), await(reader:readexactly(60)), await(reader:readline()),
        await(reader:readuntil{"--", "+"})}
      for line in reader:lines("l") do
        parts[#parts + 1] = line
        if line == "" then break end
      end
      parts[#parts + 1] = await(reader:read())
      return table.concat(parts, "|")
    end)
    for _, chunk in ipairs{"first", ("x"):rep(70), "y\n", "a line\n", "part-", "-one\ntw", "o\n", "\nre", "st"} do
      await(asyncio.sleep(0))
      reader:feed_data(chunk)
    end
    reader:feed_eof()
    return #await(task)
  end},

  {"reads that are cancelled and that fail", function()
    local reader = asyncio.StreamReader(4)
    local first = asyncio.create_task(reader:read(5))
    await(asyncio.sleep(0))
    reader:feed_data("abc")
    first:cancel()
    pcall(await, first)
    local second = asyncio.create_task(reader:readexactly(20))
    await(asyncio.sleep(0))
    reader:feed_data("def")
    await(asyncio.sleep(0))
    second:cancel()
    pcall(await, second)
    assert(not pcall(await, reader:readline()))
    reader:feed_data("123456")
    assert(not pcall(await, reader:readuntil("-")))
    local third = asyncio.create_task(reader:readexactly(20))
    await(asyncio.sleep(0))
    reader:set_exception(asyncio.OSError("broken"))
    return pcall(await, third)
  end},
}
