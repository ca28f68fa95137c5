-- SPDX-License-Identifier: MIT
-- Lines of 60 bytes: an iterator, or an await for each.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local port, expected, style = harness.args()

local function iterate(reader)
  local count = 0
  for _ in reader:lines() do count = count + 1 end
  return count
end

local function readline(reader)
  local count = 0
  while await(reader:readline()) ~= "" do count = count + 1 end
  return count
end

asyncio.run(function()
  local reader, writer = await(asyncio.open_connection("127.0.0.1", port))
  local start = harness.clock()
  local count = (style == "lines" and iterate or readline)(reader)
  local seconds = harness.clock() - start
  writer:close()
  assert(count == expected)
  harness.report(count, seconds)
end)
