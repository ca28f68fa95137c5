-- SPDX-License-Identifier: MIT
local port = require "harness".args()

require "wire".serve(port, function(connection)
  while true do
    local data = connection:read()
    if data == "" then break end
    connection:write(data)
  end
end)
