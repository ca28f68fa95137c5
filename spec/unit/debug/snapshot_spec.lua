-- lua/casync/debug/snapshot.lua and snapshot/text.lua: the tasks of a loop as plain data, and that as text.
local asyncio = require "casync"
local snapshot = require "casync.debug.snapshot"
local async, await = asyncio.async, asyncio.await

local function run(f) return asyncio.testing.run(f) end

-- A task of this name that runs f.
local function start(name, f) return asyncio.create_task(async(name, f)(), {name = name}) end

local function sleeper(name) return start(name, function() await(asyncio.sleep(99)) end) end

-- The entries of all tasks, by name, once those that were started have come as far as they get.
local function entries()
  await(asyncio.sleep(0.5))
  local by_name = {}
  for _, entry in ipairs(snapshot.tasks(asyncio.get_running_loop())) do by_name[entry.name] = entry end
  return by_name
end

-- What a task awaits that runs f.
local function awaits(f)
  start("it", f)
  return entries().it.awaits
end

local function line() return debug.getinfo(2, "l").currentline end

describe("a snapshot", function()
  it("has the unfinished tasks in the order of their making", function()
    run(function()
      local done = start("done", function() end)
      await(done)
      sleeper "first"
      sleeper "second"
      local list = snapshot.tasks(asyncio.get_running_loop())
      assert.equal(3, #list)
      assert.same({"first", "second"}, {list[2].name, list[3].name})
      assert.is_true(list[1].id < list[2].id and list[2].id < list[3].id)
    end)
  end)

  it("is empty where there are no tasks", function()
    local loop = asyncio.testing.new_event_loop()
    assert.same({}, snapshot.tasks(loop))
    loop:close()
    assert.same({}, snapshot.tasks(loop))
  end)

  it("says which task runs, which is ready and which waits", function()
    run(function()
      start("sleeper", function() await(asyncio.sleep(1)) end)
      await(asyncio.sleep(0))
      start("fresh", function() end)
      local list = snapshot.tasks(asyncio.get_running_loop())
      assert.same({"running", "waiting", "ready"}, {list[1].state, list[2].state, list[3].state})
      assert.is_nil(list[1].awaits)
      assert.is_nil(list[3].awaits)
    end)
  end)

  it("names the coroutine, or the place of a function", function()
    run(function()
      asyncio.create_task(async("worker", function() end)(), {name = "named"})
      asyncio.create_task(function() end, asyncio.kw{name = "plain"})
      local list = entries()
      assert.is_nil(list.named) -- it is done
      start("named", function() await(asyncio.sleep(1)) end)
      asyncio.create_task(function() await(asyncio.sleep(1)) end, asyncio.kw{name = "plain"})
      list = entries()
      assert.equal("named", list.named.coro)
      assert.matches("snapshot_spec%.lua:%d+$", list.plain.coro)
    end)
  end)

  it("has the user's innermost line and the stack", function()
    run(function()
      local at
      local function helper()
        at = line() + 1
        await(asyncio.wait_for(asyncio.sleep(2), 3))
      end
      start("deep", function() helper() end)
      local entry = entries().deep
      assert.matches("snapshot_spec%.lua:" .. at .. "$", entry.line)
      assert.equal(2, #entry.stack)
      assert.matches(":" .. at .. " in helper$", entry.stack[1])
      assert.matches(":%d+ in deep$", entry.stack[2])
    end)
  end)

  it("holds nothing but plain data", function()
    local function check(value)
      local kind = type(value)
      if kind ~= "table" then return assert.is_true(kind == "string" or kind == "number", kind) end
      assert.is_nil(getmetatable(value))
      for key, item in pairs(value) do check(key) check(item) end
    end
    run(function()
      local task = start("a", function() await(asyncio.sleep(1)) end)
      start("b", function() await(asyncio.gather(task)) end)
      await(asyncio.sleep(0.5))
      check(snapshot.tasks(asyncio.get_running_loop()))
    end)
  end)

  it("leaves an exception unread", function()
    local messages = {}
    run(function()
      local loop = asyncio.get_running_loop()
      loop:set_exception_handler(function(_, context) messages[#messages + 1] = context.message end)
      local function fail_and_look()
        local failed = loop:create_future()
        failed:set_exception("x")
        start("waiting", function() await(asyncio.wait({failed, loop:create_future()}, {timeout = 1})) end)
        entries()
        await(asyncio.sleep(2))
      end
      fail_and_look()
      collectgarbage()
      collectgarbage()
      await(asyncio.sleep(0))
    end)
    assert.same({"Future exception was never retrieved"}, messages)
  end)
end)

describe("what a task awaits", function()
  it("is a sleep with the time that is left", function()
    run(function()
      assert.equal("sleep(2.5 s left)", awaits(function() await(asyncio.sleep(3)) end))
      assert.equal("sleep(86400 s left)", awaits(function() await(asyncio.sleep(86400.5, "result")) end))
      asyncio.create_task(asyncio.sleep(3), {name = "op"})
      assert.equal("sleep(2.5 s left)", entries().op.awaits)
    end)
  end)

  it("is a future or a task", function()
    run(function()
      local loop = asyncio.get_running_loop()
      assert.equal("future", awaits(function() await(loop:create_future()) end))
      local task = sleeper "other"
      assert.equal("task other", awaits(function() await(task) end))
      local Mine = asyncio.Future:subclass("Mine")
      assert.equal("Mine", awaits(function() await(Mine()) end))
    end)
  end)

  it("is what one waits in line for", function()
    run(function()
      local lock, queue = asyncio.Lock(), asyncio.Queue()
      await(lock:acquire())
      assert.equal("Lock.acquire", awaits(function() local _ <close> = lock:enter() end))
      assert.equal("Event.wait", awaits(function() await(asyncio.Event():wait()) end))
      assert.equal("Semaphore.acquire", awaits(function() await(asyncio.Semaphore(0):acquire()) end))
      assert.equal("Barrier.wait", awaits(function() await(asyncio.Barrier(2):wait()) end))
      assert.equal("Queue.get", awaits(function() await(queue:get()) end))
      assert.equal("Queue.get", awaits(function() for _ in queue:items() do end end))
      assert.equal("Condition.wait", awaits(function()
        local condition = asyncio.Condition()
        local _ <close> = condition:enter()
        await(condition:wait())
      end))
    end)
  end)

  it("is what a stream waits for", function()
    run(function()
      local reader = asyncio.StreamReader()
      assert.equal("StreamReader.readline", awaits(function() await(reader:readline()) end))
    end)
  end)

  it("is seen through wait_for, nested too", function()
    run(function()
      local queue = asyncio.Queue()
      assert.equal("wait_for(Queue.get)", awaits(function() await(asyncio.wait_for(queue:get(), 9)) end))
      assert.equal("wait_for(wait_for(Queue.get))", awaits(function()
        await(asyncio.wait_for(asyncio.wait_for(queue:get(), 9), 9))
      end))
      assert.equal("wait_for(future)", awaits(function()
        await(asyncio.wait_for(asyncio.get_running_loop():create_future(), 9))
      end))
    end)
  end)

  it("has the names of the first tasks of gather, wait, as_completed, shield and TaskGroup", function()
    run(function()
      local tasks = {}
      for i, name in ipairs{"a", "b", "c", "d", "e"} do tasks[i] = sleeper(name) end
      local a, b = tasks[1], tasks[2]
      assert.equal("gather(a, b, c, +2)", awaits(function() await(asyncio.gather(tasks)) end))
      assert.equal("wait(a, b)", awaits(function() await(asyncio.wait({a, b})) end))
      assert.equal("as_completed(a, b)", awaits(function() for _ in asyncio.as_completed{a, b} do end end))
      assert.equal("shield(a)", awaits(function() await(asyncio.shield(a)) end))
      assert.equal("TaskGroup(member)", awaits(function()
        local group <close> = asyncio.TaskGroup():enter()
        group:create_task(async("member", function() await(asyncio.sleep(99)) end)(), {name = "member"})
      end))
    end)
  end)

  it("is found through nested coroutines", function()
    run(function()
      local queue = asyncio.Queue()
      assert.equal("Queue.get", awaits(function()
        for _ in coroutine.wrap(function() coroutine.yield(await(queue:get())) end) do end
      end))
    end)
  end)
end)

describe("who awaits whom", function()
  -- The names of the tasks that await the one of this name.
  local function above(list, name)
    local names = {}
    for other, entry in pairs(list) do
      for _, id in ipairs(list[name].awaited_by) do
        if entry.id == id then names[#names + 1] = other end
      end
    end
    table.sort(names)
    return table.concat(names, " ")
  end

  it("is known of an await, gather, shield, wait, as_completed and TaskGroup", function()
    run(function()
      local a, b = sleeper "a", sleeper "b"
      start("await", function() await(a) end)
      start("gather", function() await(asyncio.gather(a, b)) end)
      start("shield", function() await(asyncio.shield(a)) end)
      start("wait", function() await(asyncio.wait({a, b}, {timeout = 50})) end)
      start("each", function() for _ in asyncio.as_completed{a, b} do end end)
      local list = entries()
      assert.equal("await each gather shield wait", above(list, "a"))
      assert.equal("each gather wait", above(list, "b"))
      assert.same({a = {}, b = {}}, {a = list.a.awaits_ids, b = list.b.awaits_ids})
      assert.same({list.a.id, list.b.id}, list.gather.awaits_ids)
    end)
  end)

  it("is known of a group whose body still runs", function()
    run(function()
      start("parent", function()
        local group <close> = asyncio.TaskGroup():enter()
        group:create_task(asyncio.sleep(99), {name = "child"})
        await(asyncio.sleep(50))
      end)
      local list = entries()
      assert.equal("parent", above(list, "child"))
      assert.same({list.child.id}, list.parent.awaits_ids)
      assert.equal("sleep(49.5 s left)", list.parent.awaits)
    end)
  end)

  it("goes through gathers of gathers and what they shield", function()
    run(function()
      local a = sleeper "a"
      asyncio.get_running_loop():set_exception_handler(function() end) -- the end of run() cancels what is shielded
      start("top", function() await(asyncio.gather(asyncio.shield(asyncio.gather(a)))) end)
      assert.equal("top", above(entries(), "a"))
    end)
  end)

  it("is known of a gather that another task has made", function()
    run(function()
      local a = sleeper "a"
      asyncio.current_task():set_name("maker")
      local both = asyncio.gather(a)
      start("other", function() await(both) end)
      assert.equal("maker other", above(entries(), "a"))
    end)
  end)

  it("takes what a thousand tasks await in one go", function()
    run(function()
      local tasks = {}
      for i = 1, 1000 do tasks[i] = sleeper("sleeper" .. i) end
      start("all", function() await(asyncio.gather(tasks)) end)
      for i = 1, 1000 do start("one" .. i, function() await(tasks[1]) end) end
      local list = entries()
      assert.equal(1000, #list.all.awaits_ids)
      assert.equal(1001, select(2, table.concat(list.sleeper1.awaited_by, " "):gsub("%d+", "")))
    end)
  end)
end)

describe("the texts", function()
  local function entry(fields)
    local filled = {name = "t" .. fields.id, coro = "work", state = "waiting", awaits = "future", line = "a.lua:1",
      awaits_ids = {}, awaited_by = {}, stack = {}}
    for key, value in pairs(fields) do filled[key] = value end
    return filled
  end

  it("are a table with a line for each task", function()
    assert.equal([[
ID  NAME  COROUTINE  STATE    AWAITS  AT       AWAITED BY
1   top   work       running  -       -
2   t2    work       waiting  future  a.lua:1  top, #7
]], snapshot.table_text{
      {id = 1, name = "top", coro = "work", state = "running", awaits_ids = {2}, awaited_by = {}},
      entry{id = 2, awaited_by = {1, 7}},
    })
  end)

  it("are a tree, in which each task comes once", function()
    assert.equal([[
t1 work: awaits future at a.lua:1
├── t2 work: awaits future at a.lua:1
│   └── t4 work: awaits future at a.lua:1
└── t3 work: awaits future at a.lua:1
    └── t4 work (see above)
t5: ready at a.lua:1
]], snapshot.tree{
      entry{id = 1, awaits_ids = {2, 3}}, entry{id = 2, awaits_ids = {4}, awaited_by = {1}},
      entry{id = 3, awaits_ids = {4}, awaited_by = {1}}, entry{id = 4, awaited_by = {2, 3}},
      {id = 5, name = "t5", coro = "t5", state = "ready", line = "a.lua:1", awaits_ids = {}, awaited_by = {}},
    })
  end)

  it("end cycles, and show those that nobody awaits from outside", function()
    assert.equal([[
t1 work: awaits future at a.lua:1
└── t2 work: awaits future at a.lua:1
    └── t1 work (a cycle: see above)
]], snapshot.tree{entry{id = 1, awaits_ids = {2}, awaited_by = {2}}, entry{id = 2, awaits_ids = {1}, awaited_by = {1}}})
  end)

  it("go no further to the right in a deep chain", function()
    local list = {}
    for i = 1, 5000 do list[i] = entry{id = i, awaits_ids = {i + 1}, awaited_by = i > 1 and {i - 1} or {}} end
    local text = snapshot.tree(list)
    assert.equal(5000, select(2, text:gsub("\n", "")))
    assert.is_true(#text < 5000 * 300)
  end)

  it("print no control characters, and believe no ids", function()
    local text = snapshot.tree{entry{id = 1, name = "a\27[2J\n", awaits_ids = {99}}}
    assert.equal("a?[2J? work: awaits future at a.lua:1\n", text)
    assert.is_nil(snapshot.table_text{entry{id = 1, name = "a\nb"}}:find("a\nb", 1, true))
  end)
end)
