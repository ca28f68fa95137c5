-- A client of echo_server.lua that pipelines: it sends all lines without waiting for answers, while another task checks them.
--   lua5.4 examples/streams/echo_client.lua [PORT [LINES]]
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local port, count = tonumber(arg[1]) or 8007, tonumber(arg[2]) or 10000

local function line_of(i) return ("line %d of %d\n"):format(i, count) end

local send = async("send", function(writer)
  for i = 1, count do
    writer:write(line_of(i))
    await(writer:drain())
  end
  writer:write_eof() -- the server sees the end, and can still answer
end)

local check = async("check", function(reader)
  local i = 0
  for line in reader:lines() do
    i = i + 1
    if line ~= line_of(i) then error(("line %d came back as %q"):format(i, line), 0) end
  end
  return i
end)

asyncio.run(function()
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
  local tasks <close> = asyncio.TaskGroup():enter()
  tasks:create_task(send(writer))
  print(("%d of %d lines came back"):format(await(check(reader)), count))
  writer:close()
  await(writer:wait_closed())
end)
