-- A line-echo server: each line comes back as it is, to many clients at once. It ends at Ctrl-C.
--   lua5.4 examples/streams/echo_server.lua [PORT]     8007 unless told; 0 takes a free one
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

-- Runs as a task of its own for each client.
local echo = async("echo", function(reader, writer)
  for line in reader:lines() do
    writer:write(line)
    -- Waits while the client is too slow to take what it sent: what is kept for it stays small.
    await(writer:drain())
  end
  writer:close()
  await(writer:wait_closed())
end)

io.stdout:setvbuf("line")
local ok, err = pcall(asyncio.run, function()
  local server <close> = await(asyncio.start_server(echo, "127.0.0.1", tonumber(arg[1]) or 8007)):enter()
  print(("serving on %s:%d"):format(table.unpack(server.sockets[1]:getsockname())))
  await(server:serve_forever())
end)
if not ok and not asyncio.isinstance(err, asyncio.KeyboardInterrupt) then error(err, 0) end
