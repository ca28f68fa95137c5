-- What goes wrong on streams, and what they do then. What CPython 3.14.2 does was found by the same steps there; where a test says
-- nothing else, casync does just that.
local asyncio = require "casync"
local streams = require "spec.support.streams"
local await = asyncio.await
local test, pair, raises = streams.test, streams.pair, streams.raises

local FOUND = "Separator is found, but chunk is longer than limit"
local NOT_FOUND = "Separator is not found, and chunk exceed the limit"
local MUCH = ("x"):rep(20000000) -- more than the kernel takes for a peer that does not read

local function close(...)
  for _, side in ipairs{...} do side.writer:close() end
end

describe("a line beyond the limit", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("is dropped by readline() if it has its end, and the next one is read", test(function()
    local near, far = pair{limit = 10}
    far.writer:write(("x"):rep(15) .. "\nok\n")
    await(asyncio.sleep(0.01))
    assert.equal(FOUND, raises(asyncio.ValueError, near.reader:readline()).message)
    assert.equal("ok\n", await(near.reader:readline()))
    close(near, far)
  end))

  it("is dropped by readline() as far as it has come", test(function()
    local near, far = pair{limit = 10}
    far.writer:write(("x"):rep(15))
    assert.equal(NOT_FOUND, raises(asyncio.ValueError, near.reader:readline()).message)
    far.writer:write("y\n")
    assert.equal("y\n", await(near.reader:readline()))
    close(near, far)
  end))

  it("is kept by readuntil(), and can be taken", test(function()
    local near, far = pair{limit = 10}
    far.writer:write(("x"):rep(15))
    local err = raises(asyncio.LimitOverrunError, near.reader:readuntil("\n"))
    assert.equal(NOT_FOUND, err.message)
    assert.equal(15, err.consumed)
    assert.equal(("x"):rep(15), await(near.reader:readexactly(err.consumed)))
    close(near, far)
  end))

  it("is one of more than 64 KiB unless told", test(function()
    local near, far = pair()
    far.writer:write(("x"):rep(65536) .. "\n" .. ("y"):rep(65537) .. "\nz\n")
    assert.equal(65537, #await(near.reader:readline()))
    raises(asyncio.ValueError, near.reader:readline())
    close(near, far)
  end))

  it("ends a for loop over lines", test(function()
    local near, far = pair{limit = 10}
    far.writer:write("a\nb\n" .. ("x"):rep(15))
    local seen = {}
    local ok, err = pcall(function()
      for line in near.reader:lines() do seen[#seen + 1] = line end
    end)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.ValueError))
    assert.same({"a\n", "b\n"}, seen)
    close(near, far)
  end))
end)

describe("a connection", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("that nobody accepts is refused", test(function()
    local server, port = streams.serve(function() end)
    server:close()
    await(server:wait_closed())
    local err = raises(asyncio.ConnectionRefusedError, asyncio.open_connection("127.0.0.1", port))
    assert.equal(111, err.errno)
    assert.matches("Connect call failed", tostring(err), 1, true)
    assert.matches(tostring(port), tostring(err), 1, true)
  end))

  it("that is reset wakes a read with the error, and each later one", test(function()
    local near, far = pair()
    local reading = asyncio.create_task(near.reader:read(10))
    await(asyncio.sleep(0))
    streams.break_off(far)
    assert.equal("Connection reset by peer", raises(asyncio.ConnectionResetError, reading).strerror)
    raises(asyncio.ConnectionResetError, near.reader:read(10))
    raises(asyncio.ConnectionResetError, near.reader:readline())
    assert.is_false(near.reader:at_eof())
    assert.is_true(near.writer:is_closing())
    assert.is_true(asyncio.isinstance(near.reader:exception(), asyncio.ConnectionResetError))
  end))

  it("that was reset raises in drain() and, each time, in wait_closed(); what is written is dropped", test(function()
    local near, far = pair()
    streams.break_off(far)
    raises(asyncio.ConnectionResetError, near.reader:read(10))
    near.writer:write("x")
    raises(asyncio.ConnectionResetError, near.writer:drain())
    raises(asyncio.ConnectionResetError, near.writer:wait_closed())
    raises(asyncio.ConnectionResetError, near.writer:wait_closed())
    await(far.writer:wait_closed()) -- it was this end's own wish
  end))

  it("that is reset wakes drain() with the error, and forgets what was still to be sent", test(function()
    local near, far = pair()
    far.transport:pause_reading()
    near.writer:write(MUCH)
    local draining = asyncio.create_task(near.writer:drain())
    await(asyncio.sleep(0.01))
    assert.is_false(draining:done())
    streams.break_off(far)
    raises(asyncio.ConnectionResetError, draining)
    assert.equal(0, near.transport:get_write_buffer_size())
    raises(asyncio.ConnectionResetError, near.writer:drain())
  end))

  it("that is reset is no affair of the exception handler's", test(function(reports)
    local near, far = pair()
    streams.break_off(far)
    raises(asyncio.ConnectionResetError, near.writer:wait_closed())
    assert.same({}, reports)
  end))

  it("carries single bytes", test(function()
    local near, far = pair()
    local text = "one byte at a time\n"
    local echo = asyncio.create_task(function()
      for _ = 1, #text do far.writer:write(await(far.reader:read(1))) end
    end)
    local back = {}
    for byte in text:gmatch(".") do
      near.writer:write(byte)
      await(near.writer:drain())
      back[#back + 1] = await(near.reader:readexactly(1))
    end
    await(echo)
    assert.equal(text, table.concat(back))
    close(near, far)
  end))
end)

describe("a peer that never reads", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function full_pair()
    local near, far = pair()
    far.transport:pause_reading()
    near.writer:write(MUCH)
    return near, far
  end

  it("lets drain() wait, and the buffer grow by what is written alone", test(function()
    local near, far = full_pair()
    raises(asyncio.TimeoutError, asyncio.wait_for(near.writer:drain(), 0.02))
    local size = near.transport:get_write_buffer_size()
    assert.is_true(size > 65536 and size < #MUCH)
    near.writer:write("twelve bytes")
    assert.equal(size + 12, near.transport:get_write_buffer_size())
    near.transport:abort()
    close(far)
  end))

  it("gets all of it when it reads at last, and drain() returns", test(function()
    local near, far = full_pair()
    local draining = asyncio.create_task(near.writer:drain())
    await(asyncio.sleep(0.01))
    far.transport:resume_reading()
    assert.equal(#MUCH, #await(far.reader:readexactly(#MUCH)))
    await(draining)
    assert.equal(0, near.transport:get_write_buffer_size())
    close(near, far)
  end))

  it("gets all of it after close() too, for which wait_closed() waits", test(function()
    local near, far = full_pair()
    near.writer:close()
    local closing = asyncio.create_task(near.writer:wait_closed())
    await(asyncio.sleep(0.01))
    assert.is_false(closing:done())
    far.transport:resume_reading()
    assert.equal(#MUCH, #await(far.reader:read()))
    await(closing)
    close(far)
  end))

  it("is got rid of by abort(), after which drain() and wait_closed() return", test(function()
    local near, far = full_pair()
    local draining = asyncio.create_task(near.writer:drain())
    near.writer:close()
    local closing = asyncio.create_task(near.writer:wait_closed())
    await(asyncio.sleep(0.01))
    assert.is_false(draining:done())
    assert.is_false(closing:done())
    near.transport:abort()
    assert.equal(0, near.transport:get_write_buffer_size())
    await(draining)
    await(closing)
    close(far)
  end))

  it("lets several tasks drain at once", test(function()
    local near, far = full_pair()
    local tasks = {}
    for i = 1, 3 do tasks[i] = asyncio.create_task(near.writer:drain()) end
    await(asyncio.sleep(0.01))
    for i = 1, 3 do assert.is_false(tasks[i]:done()) end
    tasks[2]:cancel()
    raises(asyncio.CancelledError, tasks[2])
    far.transport:resume_reading()
    await(far.reader:readexactly(#MUCH))
    await(asyncio.gather(tasks[1], tasks[3]))
    close(near, far)
  end))
end)

describe("a peer that never closes", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("does not keep this end open", test(function()
    local near, far = pair()
    near.writer:close()
    await(near.writer:wait_closed())
    close(far)
  end))

  it("lets the server's wait_closed() wait, until its connections are closed from here", test(function()
    local far
    local server, port = streams.serve(function(_, writer) far = writer end)
    local _, writer = await(asyncio.open_connection("127.0.0.1", port))
    streams.until_true(function() return far end)
    server:close()
    raises(asyncio.TimeoutError, asyncio.wait_for(server:wait_closed(), 0.02))
    server:close_clients()
    await(server:wait_closed())
    writer:close()
  end))
end)

describe("two readers on one stream", function()
  asyncio.testing.check_leaks(before_each, after_each)

  -- Of readline() CPython says that readuntil() was called, which it is there.
  for _, method in ipairs{"read", "readline", "readexactly", "readuntil"} do
    it("are one too many for " .. method, test(function()
      local near, far = pair()
      local first = asyncio.create_task(near.reader:read(1))
      await(asyncio.sleep(0))
      local err = raises(asyncio.RuntimeError, near.reader[method](near.reader, method == "readexactly" and 1 or nil))
      assert.equal(method .. "() called while another coroutine is already waiting for incoming data", err.message)
      far.writer:write("a")
      assert.equal("a", await(first))
      close(near, far)
    end))
  end
end)

describe("close()", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local results = {read = "ab", readline = "ab"}
  for _, method in ipairs{"read", "readline", "readexactly", "readuntil"} do
    it("while somebody waits in " .. method .. "() is the end of the stream there", test(function()
      local near, far = pair()
      local reading = asyncio.create_task(near.reader[method](near.reader, method == "readexactly" and 5 or nil))
      await(asyncio.sleep(0))
      far.writer:write("ab")
      await(asyncio.sleep(0.01))
      near.writer:close()
      if results[method] then
        assert.equal(results[method], await(reading))
      else
        assert.equal("ab", raises(asyncio.IncompleteReadError, reading).partial)
      end
      assert.is_true(near.reader:at_eof())
      close(far)
    end))
  end

  it("leaves what has come to be read", test(function()
    local near, far = pair()
    far.writer:write("abc")
    await(asyncio.sleep(0.01))
    near.writer:close()
    assert.equal("ab", await(near.reader:read(2)))
    assert.equal("c", await(near.reader:read(2)))
    assert.equal("", await(near.reader:read(2)))
    close(far)
  end))

  it("makes drain() raise ConnectionResetError, now and later", test(function()
    local near, far = pair()
    near.writer:close()
    assert.equal("Connection lost", raises(asyncio.ConnectionResetError, near.writer:drain()).message)
    near.writer:write("x")
    await(asyncio.sleep(0.01))
    raises(asyncio.ConnectionResetError, near.writer:drain())
    close(far)
  end))

  it("may be called again, and after the connection is gone", test(function()
    local near, far = pair()
    near.writer:close()
    near.writer:close()
    await(near.writer:wait_closed())
    near.writer:close()
    near.transport:abort()
    await(near.writer:wait_closed())
    close(far)
  end))

  it("of both ends at once is clean", test(function()
    local near, far = pair()
    close(near, far)
    await(asyncio.gather(near.writer:wait_closed(), far.writer:wait_closed()))
  end))
end)

describe("a handler that raises", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("is reported with its connection, which is closed; the server goes on", test(function(reports)
    reports.expected = true
    local server, port = streams.serve(function(reader)
      local line = await(reader:readline())
      error("no " .. line, 0)
    end)
    local ports = {}
    for i = 1, 2 do
      local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
      ports[i] = writer:get_extra_info("sockname").port
      writer:write(i .. "\n")
      assert.equal("", await(reader:read()))
      writer:close()
    end
    assert.is_true(server:is_serving())
    assert.equal(2, #reports)
    for i = 1, 2 do
      assert.equal("Unhandled exception in client_connected_cb", reports[i].message)
      assert.equal(("no %d\n"):format(i), reports[i].exception)
      assert.equal(ports[i], reports[i].transport:get_extra_info("peername").port)
    end
    server:close()
    await(server:wait_closed())
  end))

  it("is reported at once, before it has awaited", test(function(reports)
    reports.expected = true
    local server, port = streams.serve(function() error("at once", 0) end)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    assert.equal("", await(reader:read()))
    assert.equal("at once", reports[1].exception)
    writer:close()
    server:close()
  end))

  it("is not reported when it was cancelled, and its connection is closed", test(function(reports)
    local handler
    local server, port = streams.serve(function(reader)
      handler = asyncio.current_task()
      await(reader:read())
    end)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    streams.until_true(function() return handler end)
    handler:cancel()
    assert.equal("", await(reader:read()))
    assert.same({}, reports)
    writer:close()
    server:close()
  end))

  it("that takes no writer has its connection while it runs", test(function()
    local server, port = streams.serve(function(reader) await(reader:readline()) end)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    await(asyncio.sleep(0.01))
    collectgarbage()
    collectgarbage()
    raises(asyncio.TimeoutError, asyncio.wait_for(reader:read(), 0.02))
    writer:write("\n")
    streams.until_true(function()
      collectgarbage()
      return reader:at_eof()
    end)
    writer:close()
    server:close()
    await(server:wait_closed())
  end))

  it("that returns leaves the connection open", test(function()
    local far
    local server, port = streams.serve(function(_, writer) far = writer end)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    streams.until_true(function() return far end)
    await(asyncio.sleep(0.01))
    far:write("still here\n")
    assert.equal("still here\n", await(reader:readline()))
    far:close()
    writer:close()
    server:close()
  end))
end)

describe("a writer that is collected unclosed", function()
  asyncio.testing.check_leaks(before_each, after_each)

  -- CPython warns (ResourceWarning "unclosed <StreamWriter …>"), which Python shows in its development mode.
  local function lose_one()
    local server, port = streams.serve(function() end)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    await(asyncio.sleep(0.01))
    collectgarbage()
    collectgarbage()
    assert.equal("", await(reader:read()))
    writer:close()
    server:close()
    await(server:wait_closed())
  end

  it("closes its connection", test(lose_one))

  it("is told of in debug mode", test(function(reports)
    reports.expected = true
    asyncio.get_running_loop():set_debug(true)
    lose_one()
    assert.equal(1, #reports)
    assert.matches("^unclosed", reports[1].message)
  end))

  it("is not told of when it was closed", test(function(reports)
    asyncio.get_running_loop():set_debug(true)
    do
      local near, far = pair()
      close(near, far)
      await(asyncio.gather(near.writer:wait_closed(), far.writer:wait_closed()))
    end
    collectgarbage()
    collectgarbage()
    await(asyncio.sleep(0))
    assert.same({}, reports)
  end))
end)
