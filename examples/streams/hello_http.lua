-- An HTTP/1.1 server that says hello at /. Connections stay; requests may be sent before the answers are here (pipelining).
--   lua5.4 examples/streams/hello_http.lua [PORT]     then: curl -i http://127.0.0.1:8080/
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local REASONS = {[200] = "OK", [400] = "Bad Request", [404] = "Not Found", [405] = "Method Not Allowed",
  [431] = "Request Header Fields Too Large", [501] = "Not Implemented"}
local PAGES = {["/"] = "Hello, World!\n"}
local NAME = "([%w!#$%%&'*+.^_`|~-]+)"

-- A request from its head, nil if it is none.
local function parse(head)
  local method, target, version, rest = head:match("^" .. NAME .. " (%S+) HTTP/1%.([01])\r?\n(.*)$")
  local fields = {}
  for line in (rest or ""):gmatch("([^\r\n]+)\r?\n") do
    local name, value = line:match("^" .. NAME .. ":[ \t]*(.-)[ \t]*$")
    if not name then return nil end
    fields[name:lower()] = value
  end
  local length = (fields["content-length"] or "0"):match("^%d+$")
  if not method or not length or version == "1" and not fields.host then return nil end
  local wish, coding = (fields.connection or ""):lower(), fields["transfer-encoding"]
  return {method = method, path = target:gsub("^http://[^/]*", ""):match("^[^?]*"), length = tonumber(length), is_chunked = coding,
    is_last = coding or wish:find("close") or version == "0" and not wish:find("keep-alive", 1, true)}
end

local function status_of(request)
  local is_known = request.method == "GET" or request.method == "HEAD"
  return request.is_chunked and 501 or not PAGES[request.path] and 404 or is_known and 200 or 405
end

local function respond(writer, status, request)
  local body = status == 200 and PAGES[request.path] or REASONS[status] .. "\n"
  writer:write(("HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: %s\r\n%s\r\n%s"):format(
    status, REASONS[status], os.date("!%a, %d %b %Y %H:%M:%S GMT"), #body, request.is_last and "close" or "keep-alive",
    status == 405 and "Allow: GET, HEAD\r\n" or "", request.method == "HEAD" and "" or body))
end

local serve = async("serve", function(reader, writer)
  local request = {}
  local ok, err = asyncio.pcall(function()
    repeat
      local head = await(reader:readuntil{"\r\n\r\n", "\n\n"})
      request = parse(head) or {is_last = true}
      respond(writer, request.method and status_of(request) or 400, request)
      for at = 1, request.is_last and 0 or request.length, 65536 do -- the next request is behind the body, which nobody wants
        await(reader:readexactly(math.min(65536, request.length - at + 1)))
      end
      await(writer:drain())
    until request.is_last
  end)
  local is_too_long = asyncio.isinstance(err, asyncio.LimitOverrunError)
  if is_too_long then respond(writer, 431, {is_last = true}) end
  writer:close()
  local is_over = asyncio.isinstance(err, asyncio.EOFError) or asyncio.isinstance(err, asyncio.OSError) -- no further request
  if not (ok or is_too_long or is_over) then error(err, 0) end
end)

io.stdout:setvbuf("line")
asyncio.run(function()
  local server <close> = await(asyncio.start_server(serve, "127.0.0.1", tonumber(arg[1]) or 8080)):enter()
  print(("serving on http://%s:%d/"):format(table.unpack(server.sockets[1]:getsockname())))
  await(server:serve_forever())
end)
