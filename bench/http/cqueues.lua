-- SPDX-License-Identifier: MIT
local harness = require "harness"
local cqueues = require "cqueues"
local socket = require "cqueues.socket"

local hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!"

local function serve(client)
  client:setmode("bf", "bn")
  while true do
    local request = client:read("*L")
    if not request then break end
    repeat local header = client:read("*L") until not header or header == "\r\n"
    if request:match("^(%u+) (%S+) HTTP/1%.1\r\n$") ~= "GET" then break end
    client:write(hello)
  end
  client:close()
end

local port = harness.args()
local loop = cqueues.new()
loop:wrap(function()
  local server = assert(socket.listen{host = "127.0.0.1", port = port, nodelay = true, reuseaddr = true})
  for client in server:clients() do
    loop:wrap(serve, client)
  end
end)
assert(loop:loop())
