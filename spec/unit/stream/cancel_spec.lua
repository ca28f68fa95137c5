-- Everything on streams that waits is cancelled: before it starts, while it waits, in the same turn as it is done, and twice.
-- Nothing is lost by it. CPython 3.14.2 gave the same results; where not, the test says so.
local asyncio = require "casync"
local streams = require "spec.support.streams"
local await = asyncio.await
local test, pair, raises = streams.test, streams.pair, streams.raises

local MUCH = ("x"):rep(20000000) -- more than the kernel takes for a peer that does not read

local function close(...)
  for _, side in ipairs{...} do side.writer:close() end
end

local function start(awaitable)
  local task = asyncio.create_task(awaitable)
  await(asyncio.sleep(0))
  return task
end

local function is_cancelled(task)
  raises(asyncio.CancelledError, task)
  assert.is_true(task:cancelled())
end

local reads = {read = {}, readline = {}, readexactly = {5}, readuntil = {"\n"}}

for method, arguments in pairs(reads) do
  local function read(side) return side.reader[method](side.reader, table.unpack(arguments)) end

  describe(method .. "()", function()
    asyncio.testing.check_leaks(before_each, after_each)

    it("is cancelled before it starts", test(function()
      local near, far = pair()
      local task = asyncio.create_task(read(near))
      task:cancel()
      is_cancelled(task)
      close(near, far)
    end))

    it("is cancelled twice while it waits, and the next read reads all", test(function()
      local near, far = pair()
      local task = start(read(near))
      assert.is_true(task:cancel())
      assert.is_true(task:cancel())
      is_cancelled(task)
      assert.is_false(task:cancel())
      far.writer:write("abcd\n")
      far.writer:close()
      assert.equal("abcd\n", await(read(near)))
      close(near)
    end))

    it("is cancelled after what it waits for has come, which is kept", test(function()
      local reader = asyncio.StreamReader()
      local task = start(read{reader = reader})
      reader:feed_data("abcd\n")
      task:cancel()
      is_cancelled(task)
      reader:feed_eof()
      assert.equal("abcd\n", await(read{reader = reader}))
    end))

    it("is cancelled before what it waits for comes in the same turn, which is kept", test(function()
      local reader = asyncio.StreamReader()
      local task = start(read{reader = reader})
      task:cancel()
      reader:feed_data("abcd\n")
      reader:feed_eof()
      is_cancelled(task)
      assert.equal("abcd\n", await(read{reader = reader}))
    end))

    it("keeps what had come when it timed out", test(function()
      local near, far = pair()
      far.writer:write("ab")
      if method == "read" then
        raises(asyncio.TimeoutError, asyncio.wait_for(near.reader:read(-1), 0.02))
        far.writer:write("cd\n")
        far.writer:close()
        assert.matches("cd\n$", await(near.reader:read()))
      else
        raises(asyncio.TimeoutError, asyncio.wait_for(read(near), 0.02))
        far.writer:write("cd\n")
        assert.equal("abcd\n", await(read(near)))
      end
      close(near, far)
    end))
  end)
end

describe("drain()", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function full_pair()
    local near, far = pair()
    far.transport:pause_reading()
    near.writer:write(MUCH)
    return near, far
  end

  it("is cancelled before it starts", test(function()
    local near, far = full_pair()
    local task = asyncio.create_task(near.writer:drain())
    task:cancel()
    is_cancelled(task)
    near.transport:abort()
    close(far)
  end))

  it("is cancelled twice while it waits, and may be called again", test(function()
    local near, far = full_pair()
    local task = start(near.writer:drain())
    task:cancel()
    task:cancel()
    is_cancelled(task)
    far.transport:resume_reading()
    local draining = asyncio.create_task(near.writer:drain())
    assert.equal(#MUCH, #await(far.reader:readexactly(#MUCH)))
    await(draining)
    close(near, far)
  end))

  it("is cancelled in the turn in which the connection ends", test(function()
    local near, far = full_pair()
    local task = start(near.writer:drain())
    near.transport:abort()
    task:cancel()
    is_cancelled(task)
    close(far)
  end))
end)

describe("wait_closed() of a writer", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("is cancelled before it starts", test(function()
    local near, far = pair()
    local task = asyncio.create_task(near.writer:wait_closed())
    task:cancel()
    is_cancelled(task)
    close(near, far)
    await(near.writer:wait_closed())
  end))

  it("is cancelled twice while it waits; the connection is closed all the same", test(function()
    local near, far = pair()
    local task = start(near.writer:wait_closed())
    task:cancel()
    task:cancel()
    is_cancelled(task)
    near.writer:close()
    assert.equal("", await(far.reader:read()))
    close(far)
  end))

  it("is cancelled in the turn in which the connection ends", test(function()
    local near, far = pair()
    local task = start(near.writer:wait_closed())
    near.writer:close()
    task:cancel()
    is_cancelled(task)
    assert.equal("", await(far.reader:read()))
    close(far)
  end))
end)

describe("open_connection()", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function accept_none()
    local server, port = streams.serve(function(_, writer) writer:close() end)
    return server, port
  end

  it("is cancelled before it starts", test(function()
    local server, port = accept_none()
    local task = asyncio.create_task(asyncio.open_connection("127.0.0.1", port))
    task:cancel()
    is_cancelled(task)
    server:close()
  end))

  for turns = 1, 8 do
    it(("is cancelled twice after %d turns; what is connected by then is closed"):format(turns), test(function()
      local server, port = accept_none()
      local task = asyncio.create_task(asyncio.open_connection("127.0.0.1", port))
      for _ = 1, turns do await(asyncio.sleep(0)) end
      if task:cancel() then
        task:cancel()
        is_cancelled(task)
      else
        local _, writer = await(task)
        writer:close()
      end
      server:close()
      await(server:wait_closed())
    end))
  end

  it("is cancelled while it looks up a name", test(function()
    local server, port = accept_none()
    local task = start(asyncio.open_connection("localhost", port))
    task:cancel()
    is_cancelled(task)
    server:close()
  end))

  it("is cancelled when it is refused in the same turn", test(function()
    local server, port = accept_none()
    server:close()
    local task = asyncio.create_task(asyncio.open_connection("127.0.0.1", port))
    await(asyncio.sleep(0))
    await(asyncio.sleep(0))
    local was_waiting = task:cancel()
    raises(was_waiting and asyncio.CancelledError or asyncio.ConnectionRefusedError, task)
  end))
end)

describe("start_server()", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function serve_nobody() return asyncio.start_server(function() end, "127.0.0.1", 0) end

  it("is cancelled before it starts", test(function()
    local task = asyncio.create_task(serve_nobody())
    task:cancel()
    is_cancelled(task)
  end))

  for turns = 1, 4 do
    -- CPython leaves a server listening whose maker was cancelled late.
    it(("is cancelled twice after %d turns"):format(turns), test(function()
      local task = asyncio.create_task(serve_nobody())
      for _ = 1, turns do await(asyncio.sleep(0)) end
      if task:cancel() then
        task:cancel()
        is_cancelled(task)
      else
        await(task):close()
      end
    end))
  end
end)

describe("serve_forever()", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function serve_nobody() return (streams.serve(function(_, writer) writer:close() end)) end

  it("is cancelled before it starts, and the server serves on", test(function()
    local server = serve_nobody()
    local task = asyncio.create_task(server:serve_forever())
    task:cancel()
    is_cancelled(task)
    assert.is_true(server:is_serving())
    server:close()
  end))

  it("is cancelled while it serves, which closes the server", test(function()
    local server = serve_nobody()
    local task = start(server:serve_forever())
    task:cancel()
    is_cancelled(task)
    assert.is_false(server:is_serving())
    assert.matches("is closed", raises(asyncio.RuntimeError, server:serve_forever()).message)
  end))

  it("is cancelled again while it waits for its last connection", test(function()
    local far
    local server, port = streams.serve(function(_, writer) far = writer end)
    local _, writer = await(asyncio.open_connection("127.0.0.1", port))
    streams.until_true(function() return far end)
    local task = start(server:serve_forever())
    task:cancel()
    await(asyncio.sleep(0.01))
    assert.is_false(task:done())
    task:cancel()
    is_cancelled(task)
    far:close()
    writer:close()
  end))

  it("is cancelled in the turn in which the server is closed", test(function()
    local server = serve_nobody()
    local task = start(server:serve_forever())
    server:close()
    task:cancel()
    is_cancelled(task)
  end))
end)

describe("wait_closed() of a server", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("is cancelled before it starts, while it waits, and as it is done", test(function()
    local server = streams.serve(function() end)
    local task = asyncio.create_task(server:wait_closed())
    task:cancel()
    is_cancelled(task)
    task = start(server:wait_closed())
    task:cancel()
    task:cancel()
    is_cancelled(task)
    task = start(server:wait_closed())
    server:close()
    task:cancel()
    is_cancelled(task)
    await(server:wait_closed())
  end))
end)
