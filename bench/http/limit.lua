-- SPDX-License-Identifier: MIT
local port = require "harness".args()

local hello = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\nConnection: keep-alive\r\n\r\nHello, world!"

require "wire".serve(port, function(connection)
  while true do
    local request = connection:readline()
    if request == "" then break end
    repeat local header = connection:readline() until header == "\r\n" or header == ""
    if request:match("^(%u+) (%S+) HTTP/1%.1\r\n$") ~= "GET" then break end
    connection:write(hello)
  end
end)
