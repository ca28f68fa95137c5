-- The examples of examples/streams do what they say, on loopback, alone and with netcat, curl, wrk and Python.
local lfs = require "lfs"
local asyncio = require "casync"
local peer = require "spec.support.peer"
local streams = require "spec.support.streams"
local await, test = asyncio.await, streams.test

-- Programs with a sanitizer in them keep it: they are casync's.
local function start(script, words)
  return peer.start(("LD_PRELOAD=%s exec lua5.4 examples/streams/%s.lua %s"):format(os.getenv("LD_PRELOAD") or "", script, words or ""))
end

-- Starts a server of the examples on a free port; returns the child and the port.
local function serve(script)
  local child = start(script, "0")
  local line = child:line() or error(script .. " ended at once", 0)
  return child, assert(line:match("ing on %S-127%.0%.0%.1:(%d+)"), line)
end

local function run(script, words)
  local child <close> = start(script, words)
  return child:rest()
end

local function it_has(program, name, f)
  if not peer.has(program) then return pending(("%s (%s is not installed)"):format(name, program)) end
  it(name, test(f))
end

describe("the examples of streams", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("are all run by this spec or the one about HTTP", function()
    local text = ""
    for _, path in ipairs{"spec/stream_examples_spec.lua", "spec/interop/http_spec.lua"} do
      local spec <close> = assert(io.open(path))
      text = text .. spec:read("a")
    end
    for file in lfs.dir("examples/streams") do
      local name = file:match("^(.*)%.lua$")
      assert(not name or text:find("%f[%w_]" .. name .. "%f[^%w_]"), file .. " is not run")
    end
  end)

  for server_name, client_name in pairs{tcp_echo_server = "tcp_echo_client", echo_protocol_server = "echo_protocol_client"} do
    it(server_name .. " and " .. client_name .. " say what asyncio's say", test(function()
      local server <close>, port = serve(server_name)
      local output, status = run(client_name, port .. " 'Hello World!'")
      if client_name == "tcp_echo_client" then
        assert.equal('Send: "Hello World!"\nReceived: "Hello World!"\nClose the connection\n', output)
        assert.equal('Received "Hello World!" from 127.0.0.1', server:line())
        assert.equal('Send: "Hello World!"', server:line())
        assert.equal("Close the connection", server:line())
      else
        assert.equal('Data sent: "Hello World!"\nData received: "Hello World!"\nThe server closed the connection\n', output)
        assert.equal("Connection from 127.0.0.1", server:line())
        assert.equal('Data received: "Hello World!"', server:line())
        assert.equal('Send: "Hello World!"', server:line())
        assert.equal("Close the client socket", server:line())
      end
      assert.equal(0, status)
    end))
  end

  it("echo_client pipelines 20,000 lines to echo_server, two at a time", test(function()
    local server <close>, port = serve("echo_server")
    local first <close> = start("echo_client", port .. " 20000")
    local second <close> = start("echo_client", port .. " 20000")
    assert.equal("20000 of 20000 lines came back\n", (first:rest()))
    assert.equal("20000 of 20000 lines came back\n", (second:rest()))
    assert.equal("", server.text)
  end))

  it("echo_server ends at Ctrl-C without a word", test(function()
    local server <close> = peer.start(("echo $$; LD_PRELOAD=%s exec lua5.4 examples/streams/echo_server.lua 0"):format(
      os.getenv("LD_PRELOAD") or ""))
    local pid = server:line()
    assert.matches("^serving on", server:line())
    assert(os.execute("kill -INT " .. pid)) -- to it alone: a second one would interrupt whatever it does then
    local output, status = server:rest()
    assert.equal("", output)
    assert.equal(0, status)
  end))
end)

describe("chat", function()
  asyncio.testing.check_leaks(before_each, after_each)

  local function join(port, name)
    local child = peer.start_with_input("exec nc 127.0.0.1 " .. port)
    assert.equal("What is your name?", child:line())
    child:say(name .. "\n")
    return child
  end

  it_has("nc", "brings two netcats and a Python program together", function()
    local server <close>, port = serve("chat")
    local ann <close> = join(port, "ann")
    assert.equal("* welcome, ann", ann:line())
    local bob <close> = join(port, "ann")
    assert.equal("Somebody has that name. What is yours?", bob:line())
    bob:say("bob\r\n")
    assert.equal("* welcome, bob", bob:line())
    assert.equal("* bob has joined", ann:line())

    local robot <close> = peer.python(("call chat %s robot"):format(port))
    assert.equal("* robot has joined", ann:line())
    assert.equal("* robot has joined", bob:line())
    ann:say("hi robot\n")
    assert.equal("robot: hi ann", ann:line())
    assert.equal("ann: hi robot", bob:line())
    assert.equal("robot: hi ann", bob:line())
    bob:say("go, robot\n")
    assert.equal("What is your name?\n* welcome, robot\nann: hi robot\nbob: go, robot\n", (robot:rest()))
    assert.equal("bob: go, robot", ann:line())
    assert.equal("* robot has left", ann:line())
    assert.equal("* robot has left", bob:line())

    bob:close()
    assert.equal("* bob has left", ann:line())
    assert.equal("", server.text)
  end)

  local function join_here(port, name)
    local reader, writer = await(asyncio.open_connection("127.0.0.1", tonumber(port)))
    await(reader:readline())
    writer:write(name .. "\n")
    assert.equal(("* welcome, %s\n"):format(name), await(reader:readline()))
    return reader, writer
  end

  it("is not stopped by one who does not read, and shows that one the door", test(function()
    local _ <close>, port = serve("chat")
    local slow_reader, slow_writer = join_here(port, "slow")
    local ann_reader, ann = join_here(port, "ann")
    local bob_reader, bob = join_here(port, "bob")
    slow_writer.transport:pause_reading()
    assert.equal("* bob has joined\n", await(ann_reader:readline()))
    local line = ("x"):rep(60000) .. "\n"
    local sent, has_left = 0, false
    while not has_left do
      for _ = 1, 10 do bob:write(line) end
      await(bob:drain())
      sent = sent + 10
      local received = 0
      while received < 10 do
        local heard = await(ann_reader:readline())
        if heard == "* slow has left\n" then has_left = true else received = received + 1 end
      end
      assert(sent < 10000, "slow is still there")
    end
    assert.equal("* slow has left\n", (function()
      for heard in bob_reader:lines() do
        if heard:find("slow") then return heard end
      end
    end)())
    slow_writer.transport:abort()
    assert(slow_reader)
    ann:close()
    bob:close()
  end))

  it("lets a line that is too long and a broken connection end the chat of who sent it, no other", test(function()
    local server <close>, port = serve("chat")
    local ann_reader, ann = join_here(port, "ann")
    local _, long = join_here(port, "long")
    long:write(("x"):rep(200000))
    local _, broken = join_here(port, "broken")
    streams.break_off{writer = broken, transport = broken.transport}
    local seen = {}
    for _ = 1, 4 do seen[#seen + 1] = await(ann_reader:readline()) end
    table.sort(seen)
    assert.same({"* broken has joined\n", "* broken has left\n", "* long has joined\n", "* long has left\n"}, seen)
    ann:close()
    long.transport:abort()
    assert.equal("", server.text)
  end))
end)

describe("portcheck", function()
  asyncio.testing.check_leaks(before_each, after_each)

  it("tells what is open and what is closed", test(function()
    local open, port = streams.serve(function(_, writer) writer:close() end)
    local gone, closed = streams.serve(function() end)
    gone:close()
    local output, status = run("portcheck", ("127.0.0.1:%d [127.0.0.1]:%d localhost:%d"):format(port, closed, port))
    assert.equal(("127.0.0.1:%d open\n[127.0.0.1]:%d closed\nlocalhost:%d open\n"):format(port, closed, port), output)
    assert.equal(1, status)
    output, status = run("portcheck", ("--parallel 1 127.0.0.1:%d-%d"):format(port, port))
    assert.equal(("127.0.0.1:%d open\n"):format(port), output)
    assert.equal(0, status)
    open:close()
  end))

  it("checks no more at a time than it may, and a range in its order", test(function()
    local output = run("portcheck", "--parallel 3 --timeout 5 127.0.0.1:1-7")
    local expected = {}
    for i = 1, 7 do expected[i] = ("127.0.0.1:%d closed\n"):format(i) end
    assert.equal(table.concat(expected), output)
  end))

  it("does not wait for who does not answer", test(function()
    -- A socket that listens and whose queue is full answers nobody.
    local deaf <close> = peer.start([[exec python3 -c '
import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(0)
rest = [socket.socket() for _ in range(4)]
for c in rest: c.setblocking(False); c.connect_ex(s.getsockname())
time.sleep(0.2); print(s.getsockname()[1], flush=True); time.sleep(20)']])
    local port = deaf:line()
    local output, status = run("portcheck", "--timeout 0.2 127.0.0.1:" .. port)
    assert.equal(("127.0.0.1:%s no answer\n"):format(port), output)
    assert.equal(1, status)
  end))

  for words, problem in pairs{["localhost"] = "what is localhost?", ["--soon 3 x:1"] = "what is --soon?",
    ["--timeout x:1 x:1"] = "--timeout needs a number", [""] = "no port given"} do
    it("says how it is used: " .. words, test(function()
      local output, status = run("portcheck", words)
      assert.equal("portcheck: " .. problem .. "\n" ..
        "usage: portcheck.lua [--timeout SECONDS] [--parallel N] HOST:PORT[-PORT] ...\n", output)
      assert.equal(2, status)
    end))
  end
end)
