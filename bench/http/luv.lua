-- SPDX-License-Identifier: MIT
local harness = require "harness"
local uv = require "luv"

local hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!"

local function serve(client)
  local rest = ""
  client:read_start(function(_, data)
    if not data then return client:close() end
    if rest ~= "" then data = rest .. data end
    local from = 1
    while true do
      local _, stop = data:find("\r\n\r\n", from, true)
      if not stop then break end
      if data:match("^(%u+) (%S+) HTTP/1%.1\r\n", from) ~= "GET" then return client:close() end
      client:write(hello)
      from = stop + 1
    end
    rest = from <= #data and data:sub(from) or ""
  end)
end

local port = harness.args()
local server = uv.new_tcp()
assert(server:bind("127.0.0.1", port))
assert(server:listen(4096, function()
  local client = uv.new_tcp()
  server:accept(client)
  client:nodelay(true)
  serve(client)
end))
uv.run()
