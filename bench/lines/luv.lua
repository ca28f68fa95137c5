-- SPDX-License-Identifier: MIT
local harness = require "harness"
local uv = require "luv"

local port, expected = harness.args()
local rest, count, start = "", 0, nil

-- One call for each line, each a string of its own.
local function take(data)
  if rest ~= "" then data = rest .. data end
  local last = 1
  for _, stop in data:gmatch("([^\n]*\n)()") do
    count = count + 1
    last = stop
  end
  rest = data:sub(last)
end

local client = uv.new_tcp()
client:connect("127.0.0.1", port, function(failure)
  assert(not failure, failure)
  start = harness.clock()
  client:read_start(function(_, data)
    if data then take(data) else client:close() end
  end)
end)
uv.run()
assert(count == expected)
harness.report(count, harness.clock() - start)
