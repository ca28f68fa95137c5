-- StreamReader on a transport of the library's own, over socket pairs: bytes that come, pausing, resuming, the end.
local asyncio = require "casync"
local core = require "casync.core"
local fds = require "fds"
local await, create_task, sleep = asyncio.await, asyncio.create_task, asyncio.sleep

-- Runs body(reader, peer, transport) with a reader of that limit whose peer is a bare descriptor.
local function with_reader(limit, body)
  asyncio.run(function()
    local loop = asyncio.get_running_loop()
    local reader = asyncio.StreamReader(limit, loop)
    local fd, peer = fds.socketpair()
    local protocol = asyncio.StreamReaderProtocol(reader, nil, loop)
    local transport = core.open_transport(loop, fd, protocol)
    await(sleep(0))
    body(reader, peer, transport)
    transport:abort()
    await(sleep(0)) await(sleep(0))
    fds.close(peer)
  end)
end

-- Gives up iterations until the condition holds; an error after many.
local function until_true(condition)
  for _ = 1, 10000 do
    if condition() then return end
    await(sleep(0))
  end
  error("it never came true", 2)
end

asyncio.testing.check_leaks(before_each, after_each)

describe("a StreamReader on a transport", function()
  it("pauses it above twice the limit and resumes it", function()
    with_reader(4, function(reader, peer, transport)
      fds.write(peer, "123456789")
      until_true(function() return not transport:is_reading() end)
      assert.is_truthy(tostring(reader):find("^<StreamReader 9 bytes limit=4 transport=.* paused>$"), tostring(reader))
      assert.equal("1234", await(reader:read(4)))
      assert.is_false(transport:is_reading())
      assert.equal("5", await(reader:read(1)))
      assert.is_true(transport:is_reading())
    end)
  end)

  it("resumes it to wait for more than twice the limit", function()
    with_reader(4, function(reader, peer, transport)
      local task = create_task(reader:readexactly(40))
      for _ = 1, 4 do
        fds.write(peer, "1234567890")
        for _ = 1, 20 do await(sleep(0)) end
      end
      assert.equal(("1234567890"):rep(4), await(task))
      assert.is_true(transport:is_reading())
    end)
  end)

  it("hands what comes to a read that waits, small and large", function()
    for _, size in ipairs{1, 1000, 5000, 60000} do
      with_reader(nil, function(reader, peer)
        local bytes, got = ("z"):rep(size), 0
        local task = create_task(function()
          while got < size do got = got + #await(reader:read(65536)) end
        end)
        await(sleep(0))
        fds.write(peer, bytes)
        await(asyncio.wait_for(task, 5))
        assert.equal(size, got)
      end)
    end
  end)

  it("iterates lines until the peer closes", function()
    asyncio.run(function()
      local loop = asyncio.get_running_loop()
      local reader = asyncio.StreamReader()
      local fd, peer = fds.socketpair()
      local protocol = asyncio.StreamReaderProtocol(reader, nil, loop)
      local transport = core.open_transport(loop, fd, protocol)
      local task = create_task(function()
        local lines = {}
        for line in reader:lines("l") do lines[#lines + 1] = line end
        return lines
      end)
      for _, chunk in ipairs{"one\ntw", "o\n", "\nlast"} do
        fds.write(peer, chunk)
        for _ = 1, 5 do await(sleep(0)) end
      end
      fds.close(peer)
      assert.same({"one", "two", "", "last"}, await(asyncio.wait_for(task, 5)))
      transport:abort()
      await(sleep(0)) await(sleep(0))
    end)
  end)

  it("may pause and resume one that has ended", function()
    with_reader(2, function(reader, peer, transport)
      fds.write(peer, "123456")
      until_true(function() return not transport:is_reading() end)
      transport:abort()
      await(sleep(0)) await(sleep(0))
      assert.equal("123456", await(reader:read(9)))
      assert.equal("", await(reader:read(9)))
    end)
  end)
end)
