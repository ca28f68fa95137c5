-- What there is too much of, or not enough: lines without end, descriptors, signals. Each in a process of its own.
local process = require "spec.support.process"

local HEAD = [[
local asyncio = require "casync"
local streams = require "spec.support.streams"
local fds = require "fds"
local await = asyncio.await
]]

-- Runs a program in which a pair of connected streams is at hand; returns what it prints.
local function run(program, limits)
  return process.with_folder(function(folder)
    process.write(folder .. "/program.lua", HEAD .. program)
    return process.run((limits or "") .. "exec lua5.4 " .. process.quote(folder .. "/program.lua"))
  end)
end

local function assert_prints(expected, program, limits)
  local output, status = run(program, limits)
  assert.equal(expected, output)
  assert.equal(0, status)
end

describe("a line of 1 GiB", function()
  -- The most memory that the process has had, in bytes; sanitizers keep for a while what is freed.
  local MEASURE = [[
local function most_memory()
  local file <close> = assert(io.open("/proc/self/status"))
  return tonumber(file:read("a"):match("VmHWM:%s*(%d+)")) * 1024
end
local ROOM = (os.getenv("LD_PRELOAD") and 700 or 16) * 1024 * 1024
local SIZE, PIECE = 1 << 30, ("x"):rep(1 << 20)

local function send(writer)
  for _ = 1, SIZE // #PIECE do
    writer:write(PIECE)
    await(writer:drain())
  end
  writer:write("\nthe next line\n")
  writer:close()
end
]]

  local function it_is(name, read)
    if not io.open("/proc/self/status") then return pending(name .. ": this system does not tell how much memory is used") end
    it(name, function()
      assert_prints("the next line\nfits\n", MEASURE .. read .. [[
asyncio.run(function()
  local near, far = streams.pair()
  local before = most_memory()
  local sending = asyncio.create_task(function() send(far.writer) end)
  io.write(read(near.reader))
  await(sending)
  near.writer:close()
  local used = most_memory() - before
  print(used < ROOM and "fits" or ("%d bytes"):format(used))
end)]])
    end)
  end

  it_is("is refused by readline() again and again, in little memory", [[
local function read(reader)
  while true do
    local ok, line = pcall(await, reader:readline())
    if ok and line == "the next line\n" then return line end
    assert(ok or asyncio.isinstance(line, asyncio.ValueError), tostring(line))
  end
end
]])

  it_is("is refused by readuntil(), which keeps no more than a part of it; what is kept can be skipped", [[
local function read(reader)
  while true do
    local ok, line = pcall(await, reader:readuntil("\n"))
    if ok and line == "the next line\n" then return line end
    if not ok then
      assert(asyncio.isinstance(line, asyncio.LimitOverrunError), tostring(line))
      assert(line.consumed <= 1 << 20)
      await(reader:readexactly(line.consumed))
    end
  end
end
]])

  it_is("that nobody reads is kept out by the reader's limit, and can be read in pieces", [[
local function read(reader)
  await(asyncio.sleep(0.05))
  local size, tail = 0, ""
  repeat
    local bytes = await(reader:read(1 << 20))
    size = size + #bytes
    tail = (tail .. bytes:sub(-20)):sub(-20)
  until bytes == ""
  assert(size == SIZE + #"\nthe next line\n")
  return tail:match("[^\n]*\n$")
end
]])
end)

describe("a server that is out of descriptors", function()
  -- asyncio: "socket.accept() out of system resource", with the socket, and not again for a second.
  it("reports it, waits for a second, and goes on", function()
    assert_prints([[
socket.accept() out of system resource	24
a socket: true
refused in between: 0 times
answered after a second: true
]], [[
local reports, used = {}, {}
asyncio.run(function()
  local loop = asyncio.get_running_loop()
  local reported = loop:create_future()
  loop:set_exception_handler(function(_, context)
    reports[#reports + 1] = context
    if not reported:done() then reported:set_result(loop:time()) end
  end)
  local server, port = streams.serve(function(reader, writer)
    writer:write(await(reader:readline()))
    writer:close()
  end)
  -- All descriptors but one, which the client takes.
  for i = 1, 200 do
    local file = io.open("/dev/null")
    if not file then break end
    used[i] = file
  end
  assert(#used < 100)
  table.remove(used):close()
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
  writer:write("hello\n")
  local from = await(reported)
  print(reports[1].message, reports[1].exception.errno)
  print("a socket: " .. tostring(reports[1].socket:fileno() == server.sockets[1]:fileno()))
  await(asyncio.sleep(0.3))
  print(("refused in between: %d times"):format(#reports - 1))
  table.remove(used):close()
  assert(await(reader:readline()) == "hello\n")
  local waited = loop:time() - from
  print("answered after a second: " .. tostring(waited > 0.9 and waited < 3))
  writer:close()
  server:close()
  await(server:wait_closed())
end)
]], "ulimit -n 40; ")
  end)

  it("lets open_connection() raise OSError in who has none left", function()
    assert_prints("OSError 24\n", [[
asyncio.run(function()
  local server, port = streams.serve(function() end)
  local used = {}
  for i = 1, 200 do used[i] = io.open("/dev/null") if not used[i] then break end end
  local err = streams.raises(asyncio.OSError, asyncio.open_connection("127.0.0.1", port))
  print(("%s %d"):format(err.name, err.errno))
  table.remove(used):close()
  server:close()
end)
]], "ulimit -n 40; ")
  end)
end)

describe("signals all the time", function()
  it("interrupt nothing that streams do", function()
    assert_prints("30000000 bytes came back\n", [[
fds.interrupt_every(0.0002)
asyncio.run(function()
  local near, far = streams.pair()
  local echo = asyncio.create_task(function()
    while true do
      local bytes = await(far.reader:read(65536))
      if bytes == "" then break end
      far.writer:write(bytes)
      await(far.writer:drain())
    end
    far.writer:close()
    await(far.writer:wait_closed())
  end)
  local pieces = {}
  for i = 1, 100 do pieces[i] = string.char(64 + i):rep(1000) end
  local expected = table.concat(pieces)
  local sending = asyncio.create_task(function()
    for _ = 1, 300 do
      near.writer:writelines(pieces)
      await(near.writer:drain())
    end
    near.writer:write_eof()
  end)
  local size = 0
  for _ = 1, 300 do
    local back = await(near.reader:readexactly(#expected))
    assert(back == expected)
    size = size + #back
  end
  await(sending)
  await(echo)
  assert(await(near.reader:read()) == "")
  near.writer:close()
  print(size .. " bytes came back")
end)
fds.interrupt_every(0)
]])
  end)

  it("do not disturb connecting and accepting", function()
    assert_prints("200 connections\n", [[
fds.interrupt_every(0.0002)
local count = 0
asyncio.run(function()
  local server, port = streams.serve(function(reader, writer)
    writer:write(await(reader:readline()))
    writer:close()
  end)
  for _ = 1, 200 do
    local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
    writer:write("x\n")
    if await(reader:readline()) == "x\n" then count = count + 1 end
    writer:close()
    await(writer:wait_closed())
  end
  server:close()
  await(server:wait_closed())
end)
fds.interrupt_every(0)
print(count .. " connections")
]])
  end)
end)
