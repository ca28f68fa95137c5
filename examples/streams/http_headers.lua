-- asyncio's "Get HTTP headers": asks a web server for the headers of a page. Try it on hello_http.lua.
--   lua5.4 examples/streams/http_headers.lua http://127.0.0.1:8080/
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local print_http_headers = async("print_http_headers", function(url)
  local host, port, path = url:match("^http://([^/:]+):?(%d*)(.*)$")
  if not host then error("not an http:// address: " .. url, 0) end
  local reader, writer = await(asyncio.open_connection(host, tonumber(port) or 80))

  writer:write(("HEAD %s HTTP/1.0\r\nHost: %s\r\n\r\n"):format(path == "" and "/" or path, host))
  for line in reader:lines() do
    line = line:gsub("%s+$", "")
    if line ~= "" then print("HTTP header> " .. line) end
  end

  -- Ignore the body, close the socket.
  writer:close()
  await(writer:wait_closed())
end)

asyncio.run(print_http_headers(arg[1] or "http://127.0.0.1:8080/"))
