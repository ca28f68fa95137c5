-- netcat and casync's streams: half-closed connections in both directions (`nc -N`, of OpenBSD's netcat, ends its half with its input).
local asyncio = require "casync"
local peer = require "spec.support.peer"
local streams = require "spec.support.streams"
local await, test = asyncio.await, streams.test

local function it_has_netcat(name, f)
  if not peer.has("nc") then return pending(name .. " (nc is not installed)") end
  it(name, test(f))
end

local function read_to_the_end_and_answer(reader, writer)
  local text = await(reader:read())
  writer:write(("%d bytes\n"):format(#text))
  writer:close()
end

describe("netcat", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it_has_netcat("gets an answer after it has ended its half", function()
    local server, port = streams.serve(read_to_the_end_and_answer)
    local output, status = peer.run(("printf 'one\\ntwo' | nc -N 127.0.0.1 %d"):format(port))
    assert.equal("7 bytes\n", output)
    assert.equal(0, status)
    server:close()
    await(server:wait_closed())
  end)

  it_has_netcat("gets 10 MB back that it sent, and then the end", function()
    local server, port = streams.serve(function(reader, writer)
      while true do
        local bytes = await(reader:read(10000))
        if bytes == "" then break end
        writer:write(bytes)
        await(writer:drain())
      end
      writer:close()
    end)
    local output = peer.run(("head -c 10000000 /dev/zero | tr '\\0' x | nc -N 127.0.0.1 %d | cksum;"
      .. "head -c 10000000 /dev/zero | tr '\\0' x | cksum"):format(port))
    local back, sent = output:match("^(.-)\n(.-)\n$")
    assert.equal(sent, back)
    server:close()
    await(server:wait_closed())
  end)

  it_has_netcat("that is gone ends a read", function()
    local loop = asyncio.get_running_loop()
    local come, gone = loop:create_future(), loop:create_future()
    local server, port = streams.serve(function(reader, writer)
      come:set_result(await(reader:readline()))
      gone:set_result(await(reader:readline()))
      writer:close()
    end)
    local child <close> = peer.start_with_input("exec nc 127.0.0.1 " .. port)
    child:say("hello\n")
    assert.equal("hello\n", await(come))
    child:close()
    assert.equal("", await(gone))
    server:close()
    await(server:wait_closed())
  end)

  it_has_netcat("that listens and has ended its half is answered", function()
    -- A port that was free a moment ago; netcat does not tell which one it took.
    local server, port = streams.serve(function() end)
    server:close()
    await(server:wait_closed())
    local child <close> = peer.start(("printf 'all I have\\n' | nc -N -l 127.0.0.1 %d"):format(port))
    local reader, writer
    streams.until_true(function()
      local ok, r, w = pcall(await, asyncio.open_connection("127.0.0.1", port))
      if ok then reader, writer = r, w end
      return ok
    end)
    assert.equal("all I have\n", await(reader:read()))
    writer:write("thanks\n")
    writer:close()
    await(writer:wait_closed())
    assert.equal("thanks\n", (child:rest()))
  end)
end)
