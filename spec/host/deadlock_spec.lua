-- The command `casync` on programs in which everything waits and nothing can wake it, and on those that only look so.
local process = require "spec.support.process"

-- In front of a script's first line. signal_later sends the script's own process a signal.
local PRELUDE = [[
  local asyncio = require "casync"
  local async, await, sleep = asyncio.async, asyncio.await, asyncio.sleep
  local loop = asyncio.get_running_loop()
  local function start(name, f) return asyncio.create_task(async(name, f)(), {name = name}) end
  local function signal_later(name)
    local pid = io.popen("echo $PPID"):read("l")
    os.execute("(sleep 0.1; kill -" .. name .. " " .. pid .. ") &")
  end
]]

local function run(text, before)
  return process.with_folder(function(folder)
    process.write(folder .. "/script.lua", PRELUDE:gsub("\n", " ") .. text)
    return process.run(("cd %s && %s casync script.lua"):format(process.quote(folder), before or ""))
  end)
end

local REPORT = "casync: RuntimeError: deadlock: nothing is ready and no timer is left, so nothing can ever happen; "

local function assert_deadlock(tree, output, status)
  assert.equal(REPORT .. tree, output)
  assert.equal(1, status)
end

describe("a program that nothing can wake", function()
  it("ends with the tree of its tasks and status 1", function()
    assert_deadlock([[
the tasks:
Task-1 main: awaits gather(a, b) at script.lua:5
├── a: awaits Lock.acquire at script.lua:3
└── b: awaits Queue.get at script.lua:4
]], run [[
local lock, queue = asyncio.Lock(), asyncio.Queue()
await(lock:acquire())
local a = start("a", function() await(lock:acquire()) end)
local b = start("b", function() await(queue:get()) end); do
await(asyncio.gather(a, b)) end
]])
  end)

  it("is one whose tasks await each other in a circle", function()
    assert_deadlock([[
the tasks:
Task-1 main: awaits task a at script.lua:4
└── a: awaits task b at script.lua:2
    └── b: awaits task a at script.lua:3
        └── a (a cycle: see above)
]], run [[
local a, b
a = start("a", function() await(b) end)
b = start("b", function() await(a) end)
await(a)
]])
  end)

  it("is noticed when the last timer has fired", function()
    assert_deadlock("the tasks:\nTask-1 main: awaits future at script.lua:2\n", run [[
await(sleep(0.01))
await(loop:create_future())
]])
  end)

  it("cleans up like one that fails", function()
    local output, status = run [[
start("a", function()
  local _ <close> = setmetatable({}, {__close = function() await(sleep(0.01)) print("a is closed") end})
  await(loop:create_future())
end)
local _ <close> = setmetatable({}, {__close = function() print("main is closed") end})
await(loop:create_future())
]]
    assert.matches("a is closed", output)
    assert.matches("main is closed", output)
    assert.equal(1, status)
  end)

  it("is noticed in the clean-up too", function()
    local output, status = run [[
start("stubborn", function()
  while true do pcall(await, loop:create_future()) end
end)
await(sleep(0))
]]
    assert.matches("deadlock: .*\nstubborn: awaits future at script%.lua:2\n", output)
    assert.equal(1, status)
  end)

  it("gets the error where it runs a loop of its own, which it may catch", function()
    local output, status = run [[
local ok, err = pcall(asyncio.run, function() await(asyncio.Event():wait()) end)
print(ok, err)
print(await(sleep(0.001, "and goes on")))
]]
    assert.equal("false\tRuntimeError: " .. REPORT:match("deadlock.*") .. [[
the tasks:
Task-2 script.lua:1: awaits Event.wait at script.lua:1
and goes on
]], output)
    assert.equal(0, status)
  end)

  it("may have no tasks at all", function()
    local output, status = run "asyncio.new_event_loop():run_forever()\nprint('never')"
    assert.equal(1, (output:find(REPORT .. "there are no tasks\n", 1, true)))
    assert.equal(1, status)
  end)
end)

describe("a program that something may still wake", function()
  it("may be woken by a descriptor", function()
    local output, status = run([[
local line = loop:create_future()
loop:add_reader(0, function()
  loop:remove_reader(0)
  line:set_result(io.read("l"))
end)
print(await(line))
]], "(sleep 0.1; echo hello) |")
    assert.equal("hello\n", output)
    assert.equal(0, status)
  end)

  it("may be a server, which SIGTERM ends", function()
    local output, status = run [[
local server = await(asyncio.start_server(function() end, "127.0.0.1", 0))
signal_later "TERM"
await(loop:create_future())
]]
    assert.equal("", output)
    assert.equal(143, status)
  end)

  it("may be woken by a signal that it handles", function()
    local output, status = run [[
local came = loop:create_future()
loop:add_signal_handler(1, came.set_result, came, "came")
signal_later "HUP"
print(await(came))
loop:remove_signal_handler(1)
await(loop:create_future())
]]
    assert.matches("^came\n" .. REPORT:gsub("%p", "%%%0"), output)
    assert.equal(1, status)
  end)

  it("may wait for the answer of a thread", function()
    local output, status = run [[
print(#await(loop:getaddrinfo("localhost", 80)) > 0)
print(pcall(await, start("other", function() return (await(loop:getaddrinfo("127.0.0.1", 1))) ~= nil end)))
]]
    assert.equal("true\ntrue\ttrue\n", output)
    assert.equal(0, status)
  end)

  it("may wait in a loop of its own for the same", function()
    local output, status = run [[
asyncio.run(function()
  local inner = asyncio.get_running_loop()
  print(#await(inner:getaddrinfo("localhost", 80)) > 0)
  local server = await(asyncio.start_server(function(_, writer) writer:close() end, "127.0.0.1", 0))
  local reader = await(asyncio.open_connection("127.0.0.1", server.sockets[1]:getsockname().port))
  print(await(reader:read()) == "")
end)
]]
    assert.equal("true\ntrue\n", output)
    assert.equal(0, status)
  end)

  it("is none of the host's where lua5.4 runs it", function()
    local script = 'local asyncio = require "casync" asyncio.run(function() asyncio.await(asyncio.Event():wait()) end)'
    local output, status = process.run("timeout -s KILL 0.5 lua5.4 -e " .. process.quote(script) .. " 2>/dev/null")
    assert.equal("", output)
    assert.is_true(status ~= 0 and status ~= 1, tostring(status))
  end)
end)
