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
}
