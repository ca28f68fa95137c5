-- A chat room for netcat, telnet and programs: the first line is your name, each other line goes to everybody else.
--   lua5.4 examples/streams/chat.lua [PORT [HOST]]     then, in several terminals: nc 127.0.0.1 8888
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local PATIENCE = 1024 * 1024 -- bytes kept for one who does not read
local writers = {} -- name -> writer

local function say(writer, text)
  -- Nobody waits for a slow reader, and nobody's memory is filled by one.
  if writer.transport:get_write_buffer_size() > PATIENCE then return writer.transport:abort() end
  writer:write(text .. "\n")
end

local function say_to_all_but(speaker, text)
  for name, writer in pairs(writers) do
    if name ~= speaker then say(writer, text) end
  end
end

-- The next line, without what would trouble a terminal; nil at the end.
local function next_line(reader)
  local line = await(reader:readline())
  return line ~= "" and line:gsub("%c", "") or nil
end

local function ask_for_name(reader, writer)
  say(writer, "What is your name?")
  for name in next_line, reader do
    if name ~= "" and not writers[name] then return name end
    say(writer, "Somebody has that name. What is yours?")
  end
end

local function take_part(name, reader, writer)
  local _ <close> = setmetatable({}, {__close = function()
    writers[name] = nil
    say_to_all_but(name, "* " .. name .. " has left")
  end})
  say_to_all_but(name, "* " .. name .. " has joined")
  say(writer, "* welcome, " .. name)
  writers[name] = writer
  for line in next_line, reader do say_to_all_but(name, name .. ": " .. line) end
end

local serve = async("serve", function(reader, writer)
  local ok, err = asyncio.pcall(function()
    local name = ask_for_name(reader, writer)
    if name then take_part(name, reader, writer) end
  end)
  writer:close()
  -- A lost connection ends a chat as any other end does; a line that is too long is a ValueError.
  if ok or asyncio.isinstance(err, asyncio.OSError) or asyncio.isinstance(err, asyncio.ValueError) then return end
  error(err, 0)
end)

io.stdout:setvbuf("line")
asyncio.run(function()
  local server <close> = await(asyncio.start_server(serve, arg[2] or "127.0.0.1", tonumber(arg[1]) or 8888)):enter()
  print(("chatting on %s:%d"):format(table.unpack(server.sockets[1]:getsockname())))
  await(server:serve_forever())
end)
