-- Look-ups of names: loop:getaddrinfo, loop:getnameinfo, and the threads that do them. No network is needed.
local lfs = require "lfs"
local asyncio = require "casync"
local core = require "casync.core"
local testing = require "casync.testing"
local process = require "spec.support.process"
local socket = asyncio.socket -- opens what is looked at of the core
local await = asyncio.await

local STREAM = {type = socket.SOCK_STREAM}
local MOST_THREADS = 32

local function it_awaits(name, f) it(name, testing.async(f)) end

local function loop() return asyncio.get_running_loop() end

local function raises(class, text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  assert.equal(text, tostring(err))
  return err
end

local function count_threads()
  local count = 0
  for _ in lfs.dir("/proc/self/task") do count = count + 1 end
  return count
end

-- A thread that has ended may be listed for another moment.
local function wait_for_threads(expected)
  for _ = 1, 2000 do
    if count_threads() <= expected then break end
    asyncio.run(asyncio.sleep(0.001))
  end
  assert.is_true(count_threads() <= expected)
end

-- Runs a chunk in a process where "after-250.test" is found after 250 ms, in which `asyncio`, `await`, `loop` (a new one) and
-- so on are at hand; returns what it wrote and how many seconds it took.
local function run_slowly(chunk)
  local library = assert(package.searchpath("slow_resolver", package.cpath))
  local program = ([[
    local asyncio = require "casync"
    local core, testing = require "casync.core", asyncio.testing
    core.open_net()
    local await, sleep, create_task = asyncio.await, asyncio.sleep, asyncio.create_task
    local loop = asyncio.new_event_loop()
    local function run(f) return loop:run_until_complete(f) end
    io.stdout:setvbuf("no")
    %s]]):format(chunk)
  local clock <close> = setmetatable({loop = asyncio.new_event_loop()}, {__close = function(clock) clock.loop:close() end})
  local begin = clock.loop:time()
  local output, status = process.run(("LD_PRELOAD=\"${LD_PRELOAD:+$LD_PRELOAD:}\"%s lua5.4 -e %s")
    :format(process.quote(library), process.quote(program)))
  return status == 0 and output or output .. "(status " .. tostring(status) .. ")", clock.loop:time() - begin
end

describe("loop:getaddrinfo", function()
  it_awaits("finds IPv4 addresses given as numbers", function()
    local infos = await(loop():getaddrinfo("127.0.0.1", 80, STREAM))
    assert.equal(1, #infos)
    local info = infos[1]
    assert.same({socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", info.sockaddr},
      {info.family, info.type, info.proto, info.canonname, info[5]})
    assert.same({table.unpack(info)}, {info.family, info.type, info.proto, info.canonname, info.sockaddr})
    assert.same({"127.0.0.1", 80, host = "127.0.0.1", port = 80}, info.sockaddr)
  end)

  it_awaits("finds IPv6 addresses given as numbers", function()
    local infos = await(loop():getaddrinfo("::0001", "8080", STREAM))
    assert.equal(1, #infos)
    assert.equal(socket.AF_INET6, infos[1].family)
    assert.same({"::1", 8080, 0, 0, host = "::1", port = 8080, flowinfo = 0, scope_id = 0}, infos[1].sockaddr)
  end)

  it_awaits("answers what is all numbers at once, without a thread", function()
    for _, host in ipairs{"127.0.0.1", "::1", "255.255.255.255"} do
      for _, port in ipairs{0, 80, 65535, "80"} do
        assert.is_true(core.getaddrinfo(loop(), host, port):done())
        assert.is_true(#core.getaddrinfo(loop(), host, port):result() >= 1)
      end
      assert.is_true(core.getaddrinfo(loop(), host):done())
    end
    assert.is_true(core.getaddrinfo(loop(), nil, 80, nil, nil, nil, socket.AI_PASSIVE):done())
    assert.equal(0, core.work_threads(loop()))
  end)

  it_awaits("gives one address for each type, unless told which", function()
    local types = {}
    for _, info in ipairs(await(loop():getaddrinfo("127.0.0.1", 80))) do types[info.type] = info.proto end
    assert.equal(socket.IPPROTO_TCP, types[socket.SOCK_STREAM])
    assert.equal(socket.IPPROTO_UDP, types[socket.SOCK_DGRAM])
    assert.equal(1, #await(loop():getaddrinfo("127.0.0.1", 80, {proto = socket.IPPROTO_UDP})))
  end)

  it_awaits("finds localhost, in a thread", function()
    local future = core.getaddrinfo(loop(), "localhost", 80, socket.AF_INET, socket.SOCK_STREAM)
    assert.is_false(future:done())
    assert.equal(1, core.work_threads(loop()))
    assert.equal("127.0.0.1", await(future)[1].sockaddr.host)
    local infos = await(loop():getaddrinfo("localhost", nil, {family = socket.AF_INET, type = socket.SOCK_DGRAM}))
    assert.same({"127.0.0.1", 0}, {infos[1].sockaddr[1], infos[1].sockaddr[2]})
  end)

  it_awaits("knows services by their names", function()
    assert.equal(80, await(loop():getaddrinfo("127.0.0.1", "http", STREAM))[1].sockaddr.port)
    assert.equal(443, await(loop():getaddrinfo("::1", "https", STREAM))[1].sockaddr.port)
    local err = select(2, pcall(await, loop():getaddrinfo("127.0.0.1", "no-such-service", STREAM)))
    assert.is_true(asyncio.isinstance(err, asyncio.gaierror))
    assert.equal(socket.EAI_SERVICE, err.errno)
  end)

  it_awaits("has addresses to listen at where no host is given", function()
    local infos = await(loop():getaddrinfo(nil, 80, {type = socket.SOCK_STREAM, family = socket.AF_INET, flags = socket.AI_PASSIVE}))
    assert.equal("0.0.0.0", infos[1].sockaddr.host)
    infos = await(loop():getaddrinfo(nil, 80, {type = socket.SOCK_STREAM, family = socket.AF_INET}))
    assert.equal("127.0.0.1", infos[1].sockaddr.host)
  end)

  it_awaits("tells the canonical name", function()
    local infos = await(loop():getaddrinfo("127.0.0.1", 80, {type = socket.SOCK_STREAM, flags = socket.AI_CANONNAME}))
    assert.equal("127.0.0.1", infos[1].canonname)
  end)

  it_awaits("raises gaierror for names that are not known", function()
    local ok, err = pcall(await, loop():getaddrinfo("nonexistent.invalid", 80))
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.gaierror) and asyncio.isinstance(err, asyncio.OSError))
    local expected = {[socket.EAI_NONAME] = true, [socket.EAI_AGAIN] = true, [socket.EAI_FAIL] = true, [socket.EAI_NODATA] = true}
    assert.is_true(expected[err.errno], tostring(err)) -- without a network it may be "try again"
    assert.equal(("gaierror: [Errno %d] %s"):format(err.errno, err.strerror), tostring(err))
  end)

  it_awaits("raises Python's error where nothing can be found", function()
    local err = raises(asyncio.gaierror, "gaierror: [Errno -2] Name or service not known", await, loop():getaddrinfo(nil, nil))
    assert.equal(socket.EAI_NONAME, err.errno)
    assert.equal("Name or service not known", err.strerror)
    err = select(2, pcall(await, loop():getaddrinfo("127.0.0.1", 80, {family = 12345})))
    assert.equal(socket.EAI_FAMILY, err.errno)
    err = select(2, pcall(await, loop():getaddrinfo("127.0.0.1", 80, {type = 12345})))
    assert.equal(socket.EAI_SOCKTYPE, err.errno)
  end)

  it_awaits("reports an error that nobody reads", function()
    local message
    loop():set_exception_handler(function(_, context) message = context.message end)
    do
      local future = core.getaddrinfo(loop(), nil, nil)
      assert.is_true(future:done())
    end
    collectgarbage()
    collectgarbage()
    await(asyncio.sleep(0))
    await(asyncio.sleep(0))
    assert.equal("Future exception was never retrieved", message)
  end)

  it_awaits("refuses arguments of wrong types when it is called", function()
    local getaddrinfo = loop().getaddrinfo
    for _, host in ipairs{1, {}, true, print} do
      raises(asyncio.TypeError, ("TypeError: bad argument #1 to 'getaddrinfo' (string or nil expected, got %s)"):format(type(host)),
        getaddrinfo, loop(), host, 80)
    end
    for _, port in ipairs{1.5, {}, true, print} do
      raises(asyncio.TypeError, ("TypeError: bad argument #2 to 'getaddrinfo' (integer, string or nil expected, got %s)")
        :format(type(port)), getaddrinfo, loop(), "localhost", port)
    end
    raises(asyncio.TypeError, "TypeError: bad argument #3 to 'getaddrinfo' (table of options expected, got number)",
      getaddrinfo, loop(), "localhost", 80, 1)
    raises(asyncio.TypeError, "TypeError: unknown option 'timeout' to 'getaddrinfo'",
      getaddrinfo, loop(), "localhost", 80, {timeout = 1})
    raises(asyncio.TypeError, "TypeError: bad option 'family' to 'getaddrinfo' (integer expected, got string)",
      getaddrinfo, loop(), "localhost", 80, {family = "inet"})
  end)

  it_awaits("refuses names and ports that are none", function()
    raises(asyncio.ValueError, "ValueError: embedded null character", await, loop():getaddrinfo("local\0host", 80))
    raises(asyncio.ValueError, "ValueError: embedded null character", await, loop():getaddrinfo("localhost", "80\0"))
    for _, port in ipairs{-1, 65536, math.maxinteger} do
      raises(asyncio.ValueError, "ValueError: port must be 0-65535", await, loop():getaddrinfo("localhost", port))
    end
    assert.is_false(pcall(await, loop():getaddrinfo("localhost", 80, {flags = 1 << 40})))
  end)

  it("is refused by a closed loop", function()
    local closed = asyncio.new_event_loop()
    closed:close()
    raises(asyncio.RuntimeError, "RuntimeError: Event loop is closed", core.getaddrinfo, closed, "localhost", 80)
    raises(asyncio.RuntimeError, "RuntimeError: Event loop is closed", core.getaddrinfo, closed, "127.0.0.1", 80)
  end)

  it("is a coroutine that says when nobody awaited it", function()
    local message
    testing.run(function()
      loop():set_exception_handler(function(_, context) message = context.message end)
      loop():set_debug(true) -- where all of them are checked
      loop():getaddrinfo("localhost", 80)
      collectgarbage()
      collectgarbage()
      await(asyncio.sleep(0))
      await(asyncio.sleep(0))
    end)
    assert.equal("coroutine 'getaddrinfo' was never awaited", message)
  end)
end)

describe("loop:getnameinfo", function()
  it_awaits("tells host and service as numbers at once", function()
    local numbers = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV
    assert.same({"127.0.0.1", "80"}, {await(loop():getnameinfo({"127.0.0.1", 80}, numbers))})
    assert.same({"::1", "80"}, {await(loop():getnameinfo({"::1", 80, 0, 0}, numbers))})
    assert.is_true(core.getnameinfo(loop(), {"::1", 80}, numbers):done())
    assert.equal(0, core.work_threads(loop()))
  end)

  it_awaits("takes the addresses that getaddrinfo gives", function()
    local infos = await(loop():getaddrinfo("::1", 80, STREAM))
    local _, service = await(loop():getnameinfo(infos[1].sockaddr))
    assert.equal("http", service)
  end)

  it_awaits("tells the service's name, in a thread", function()
    local future = core.getnameinfo(loop(), {"127.0.0.1", 53}, socket.NI_NUMERICHOST | socket.NI_DGRAM)
    assert.is_false(future:done())
    assert.same({"127.0.0.1", "domain"}, {await(future)})
  end)

  it_awaits("keeps the scope of an address", function()
    local host = await(loop():getnameinfo({"fe80::1", 80, 0, 1}, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV))
    assert.is_truthy(host:find("^fe80::1%%"), host)
  end)

  it_awaits("does not look up hosts", function()
    raises(asyncio.gaierror, "gaierror: [Errno -2] Name or service not known", await, loop():getnameinfo{"localhost", 80})
  end)

  it_awaits("refuses what is no address", function()
    raises(asyncio.TypeError, "TypeError: bad argument #1 to 'getnameinfo' (table expected, got string)",
      loop().getnameinfo, loop(), "127.0.0.1")
    raises(asyncio.TypeError, "TypeError: bad argument #2 to 'getnameinfo' (integer expected, got string)",
      loop().getnameinfo, loop(), {"127.0.0.1", 80}, "0")
    local cases = {
      {"TypeError: bad address (host: string expected, got nil)", {nil, 80}},
      {"TypeError: bad address (host: string expected, got number)", {1, 80}},
      {"TypeError: bad address (port: integer expected, got nil)", {"127.0.0.1"}},
      {"TypeError: bad address (port: integer expected, got boolean)", {"127.0.0.1", true}},
      {"TypeError: bad address (flowinfo: integer expected, got table)", {"::1", 80, {}, 0}},
      {"ValueError: port must be 0-65535", {"127.0.0.1", 65536}},
      {"ValueError: port must be 0-65535", {"127.0.0.1", -1}},
      {"ValueError: flowinfo must be 0-1048575", {"::1", 80, 1 << 20, 0}},
      {"ValueError: scope_id must be 0-4294967295", {"::1", 80, 0, 1 << 32}},
    }
    for _, case in ipairs(cases) do
      local class = asyncio[case[1]:match("^%a+")]
      raises(class, case[1], await, loop():getnameinfo(case[2]))
    end
  end)
end)

-- asyncio's own cases (test_base_events.py, BaseEventTests), and ours.
describe("core.ipaddr_info", function()
  local INET, INET6, UNSPEC = socket.AF_INET, socket.AF_INET6, socket.AF_UNSPEC
  local S, D, TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.IPPROTO_TCP, socket.IPPROTO_UDP

  local function assert_info(family, kind, proto, host, port, ...)
    local info = core.ipaddr_info(...)
    assert.same({family, kind, proto, "", info[5]}, {info[1], info[2], info[3], info[4], info.sockaddr})
    assert.same({host, port}, {info.sockaddr[1], info.sockaddr[2]})
    assert.equal(family == INET6 and 4 or 2, #info.sockaddr)
    return info.sockaddr
  end

  it("knows addresses that are numbers", function()
    assert_info(INET, S, TCP, "1.2.3.4", 1, "1.2.3.4", 1, INET, S, TCP)
    assert_info(INET, D, UDP, "1.2.3.4", 1, "1.2.3.4", 1, INET, D, UDP)
    assert_info(INET, S, TCP, "1.2.3.4", 1, "1.2.3.4", 1, UNSPEC, S, TCP)
    assert_info(INET, D, UDP, "1.2.3.4", 1, "1.2.3.4", 1, UNSPEC, D, UDP)
    assert_info(INET6, S, TCP, "::3", 1, "::3", 1, INET6, S, TCP)
    assert_info(INET6, S, TCP, "::3", 1, "::3", 1, UNSPEC, S, TCP)
    assert_info(INET, S, TCP, "1.2.3.4", 1, "1.2.3.4", 1, INET, S, 0)
    assert_info(INET, D, UDP, "1.2.3.4", 1, "1.2.3.4", 1, INET, D, 0)
  end)

  it("has no answer for what has to be asked", function()
    for _, case in ipairs{
      {"1.2.3.4", 1, UNSPEC, 0, 0}, {"1.2.3.4", 1, UNSPEC, socket.SOCK_RAW, 0}, {"1.2.3.4", 1, UNSPEC, S, socket.IPPROTO_ICMP},
      {"::3", 1, INET, S, TCP}, {"1.2.3.4", 1, INET6, S, TCP}, {"1.2.3.4", 1, socket.AF_UNIX, S, TCP},
      {"example.org", 1, UNSPEC, S, TCP}, {"", 1, UNSPEC, S, TCP}, {"1.2.3", 1, UNSPEC, S, TCP}, {"fe80::1%lo", 1, INET6, S, TCP},
      {"1.2.3.4\0", 1, UNSPEC, S, TCP}, {nil, 1, UNSPEC, S, TCP}, {1234, 1, UNSPEC, S, TCP},
      {"1.2.3.4", "http", UNSPEC, S, TCP}, {"1.2.3.4", " 1", UNSPEC, S, TCP}, {"1.2.3.4", "1\0", UNSPEC, S, TCP},
      {"1.2.3.4", {}, UNSPEC, S, TCP}, {"1.2.3.4", true, UNSPEC, S, TCP}, {"1.2.3.4", 1.5, UNSPEC, S, TCP},
    } do
      assert.is_nil(core.ipaddr_info(table.unpack(case, 1, 5)))
    end
  end)

  it("takes ports in all forms", function()
    for port, expected in pairs{[0] = 0, [1] = 1, [65535] = 65535, ["1"] = 1, ["0080"] = 80, [""] = 0, [2.0] = 2} do
      assert_info(INET, S, TCP, "1.2.3.4", expected, "1.2.3.4", port, UNSPEC, S, TCP)
    end
    assert_info(INET, S, TCP, "1.2.3.4", 0, "1.2.3.4", nil, UNSPEC, S, TCP)
    for _, port in ipairs{-1, 65536, "65536", ("9"):rep(30)} do
      raises(asyncio.ValueError, "ValueError: port must be 0-65535", core.ipaddr_info, "1.2.3.4", port, UNSPEC, S, TCP)
    end
  end)

  it("keeps flow and scope of IPv6 addresses", function()
    local sockaddr = assert_info(INET6, S, TCP, "fe80::1", 80, "fe80::1", 80, INET6, S, TCP, 7, 9)
    assert.same({7, 9, 7, 9}, {sockaddr[3], sockaddr[4], sockaddr.flowinfo, sockaddr.scope_id})
  end)
end)

describe("many look-ups at once", function()
  it("all come back, and their threads are bounded and gone in the end", function()
    local before = count_threads()
    local most = 0
    testing.run(function()
      local tasks = {}
      for i = 1, 200 do tasks[i] = asyncio.create_task(loop():getaddrinfo("localhost", i, {family = socket.AF_INET, type = 1})) end
      await(asyncio.sleep(0))
      most = core.work_threads(loop())
      local infos = await(asyncio.gather(tasks))
      for i = 1, 200 do assert.equal(i, infos[i][1].sockaddr.port) end
    end)
    assert.is_true(most >= 1 and most <= MOST_THREADS, most)
    wait_for_threads(before)
  end)

  it("may all be cancelled", function()
    local before = count_threads()
    testing.run(function()
      local tasks = {}
      for i = 1, 200 do tasks[i] = asyncio.create_task(loop():getaddrinfo("localhost", i)) end
      await(asyncio.sleep(0))
      for i = 1, 200 do assert.is_true(tasks[i]:cancel()) end
      await(asyncio.wait(tasks))
      for i = 1, 200 do assert.is_true(tasks[i]:cancelled()) end
      assert.equal("127.0.0.1", await(loop():getaddrinfo("localhost", 80, {family = socket.AF_INET}))[1].sockaddr.host)
    end)
    wait_for_threads(before)
  end)
end)

describe("a cancelled look-up", function()
  it_awaits("never begins if its task has not begun", function()
    local task = asyncio.create_task(loop():getaddrinfo("localhost", 80))
    task:cancel()
    assert.is_false(pcall(await, task))
    assert.is_true(task:cancelled())
    assert.equal(0, core.work_threads(loop()))
  end)

  it_awaits("is cancelled once, however often it is asked", function()
    local task = asyncio.create_task(loop():getaddrinfo("localhost", 80))
    await(asyncio.sleep(0))
    assert.is_true(task:cancel())
    assert.is_true(task:cancel())
    raises(asyncio.CancelledError, "CancelledError", await, task)
    assert.equal(2, task:cancelling())
    assert.is_false(task:cancel())
  end)

  it_awaits("may also be completed by somebody else", function()
    local future = core.getaddrinfo(loop(), "localhost", 80)
    future:set_result("mine")
    assert.equal("mine", await(future))
    await(asyncio.sleep(1))
    assert.equal("mine", future:result())
  end)

  it_awaits("has one outcome if it is cancelled in the iteration in which it ends", function()
    for i = 1, 200 do
      local future = core.getaddrinfo(loop(), "localhost", 80)
      local task = asyncio.create_task(function() return await(future) end)
      for _ = 1, i % 5 do await(asyncio.sleep(0)) end
      local was_cancelled = future:cancel()
      local ok = pcall(await, task)
      assert.equal(was_cancelled, not ok)
      assert.equal(was_cancelled, future:cancelled())
    end
  end)

  it("is not waited for while it runs", function()
    local output, took = run_slowly([[
      run(function()
        local task = create_task(loop:getaddrinfo("after-15000.test", 80))
        await(sleep(0.1))
        task:cancel("enough")
        local ok, err = pcall(await, task)
        print(ok, err)
      end)
      loop:close()
      os.exit(0, false)
    ]])
    assert.equal("<after-15000.test>false\tCancelledError: enough\n", output)
    assert.is_true(took < 10, took)
  end)

  it("never runs if all threads are busy", function()
    local output = run_slowly([[
      run(function()
        local tasks = {}
        for i = 1, 32 do tasks[i] = create_task(loop:getaddrinfo("after-300.test", 80)) end
        await(sleep(0))
        local late = create_task(loop:getaddrinfo("after-1.test", 80))
        await(sleep(0.02))
        late:cancel()
        await(asyncio.wait(tasks))
        print(late:cancelled(), core.work_threads(loop) <= 32)
      end)
      loop:close()
    ]])
    output = output:gsub("<after%-300%.test>", "")
    -- With 28 processors or more the last one had a thread of its own.
    assert.equal("true\ttrue\n", (output:gsub("<after%-1%.test>", "")))
    local processors = io.popen("getconf _NPROCESSORS_ONLN"):read("n")
    if processors < 28 then assert.is_nil(output:find("<after-1.test>", 1, true)) end
  end)

  it("times out as everything does", function()
    local output, took = run_slowly([[
      run(function() print(pcall(await, asyncio.wait_for(loop:getaddrinfo("after-15000.test", 80), 0.1))) end)
      loop:close()
      os.exit(0, false)
    ]])
    assert.equal("<after-15000.test>false\tTimeoutError\n", output)
    assert.is_true(took < 10, took)
  end)
end)

describe("a loop that is closed during a look-up", function()
  it("does not wait for it, and its future stays pending", function()
    local output, took = run_slowly([[
      local future = core.getaddrinfo(loop, "after-15000.test", 80)
      loop:run_until_complete(sleep(0.1))
      loop:close()
      print(future:done())
      collectgarbage()
      print(future:cancel(), future:cancelled())
      os.exit(0, false)
    ]])
    assert.equal("<after-15000.test>false\ntrue\ttrue\n", output)
    assert.is_true(took < 10, took)
  end)

  it("is not disturbed when it ends later", function()
    local output = run_slowly([[
      local future = core.getaddrinfo(loop, "after-200.test", 80)
      loop:run_until_complete(sleep(0.05))
      loop:close()
      loop = nil
      local other = asyncio.new_event_loop()
      for _ = 1, 10 do
        collectgarbage()
        other:run_until_complete(sleep(0.03))
      end
      print(future:done())
      other:close()
    ]])
    assert.equal("<after-200.test>false\n", output)
  end)

  it("drops the ones that have not begun", function()
    local output = run_slowly([[
      local futures = {}
      for i = 1, 100 do futures[i] = core.getaddrinfo(loop, "after-100.test", i) end
      loop:run_until_complete(sleep(0.02))
      loop:close()
      for i = 1, 100 do assert(not futures[i]:done()) end
      print "closed"
    ]])
    local _, begun = output:gsub("<after%-100%.test>", "")
    assert.is_true(begun >= 1 and begun <= MOST_THREADS, begun)
    assert.is_truthy(output:find("closed", 1, true))
  end)
end)

describe("the end of a Lua state during a look-up", function()
  it("waits for it a second at most", function()
    local output, took = run_slowly([[
      Future = core.getaddrinfo(loop, "after-15000.test", 80)
      loop:run_until_complete(sleep(0.05))
      print "end"
    ]])
    assert.equal("<after-15000.test>end\n", output)
    assert.is_true(took >= 1 and took < 10, took)
  end)

  it("waits for one that is quick", function()
    local output, took = run_slowly([[
      Future = core.getaddrinfo(loop, "after-200.test", 80)
      loop:run_until_complete(sleep(0.05))
      print "end"
    ]])
    assert.equal("<after-200.test>end\n", output)
    assert.is_true(took < 10, took)
  end)

  it("may come in the middle of a run", function()
    local output, took = run_slowly([[
      run(function()
        create_task(loop:getaddrinfo("after-15000.test", 80))
        await(sleep(0.05))
        print "end"
        os.exit(0, true)
      end)
    ]])
    assert.is_truthy(output:find("<after-15000.test>end\n", 1, true), output)
    assert.is_nil(output:find("status", 1, true), output)
    assert.is_true(took < 10, took)
  end)
end)

describe("a loop with a virtual clock", function()
  it("waits for a look-up in real time", function()
    local output = run_slowly([[
      testing.run(function()
        local loop = asyncio.get_running_loop()
        loop:call_later(3600, print, "an hour later")
        local infos = await(loop:getaddrinfo("after-100.test", 80, {type = 1}))
        print(infos[1].sockaddr.host, loop:time())
        await(sleep(3600))
      end)
      loop:close()
    ]])
    assert.equal("<after-100.test>127.0.0.1\t0.0\nan hour later\n", output)
  end)

  it("does not wait for one that was cancelled", function()
    local output, took = run_slowly([[
      testing.run(function()
        local loop = asyncio.get_running_loop()
        local task = create_task(loop:getaddrinfo("after-15000.test", 80))
        await(sleep(0))
        await(sleep(0))
        task:cancel()
        await(sleep(3600))
        print(loop:time())
      end)
      os.exit(0, false)
    ]])
    assert.equal("3600.0\n", (output:gsub("^<after%-15000%.test>", "")))
    assert.is_true(took < 10, took)
  end)
end)
