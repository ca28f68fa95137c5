-- SPDX-License-Identifier: MIT
local harness = require "harness"
local port = harness.args()

require "wire".serve(port, function(connection)
  while true do
    local data = connection:read()
    if data == "" then break end
    connection:write(data == "count\n" and harness.lua_kb() .. "\n" or data)
  end
end)
