-- SPDX-License-Identifier: MIT
-- What the Lua programs of the benchmark share: arguments, memory, the line.

local harness = {}

-- The program's arguments as numbers, words as they are.
function harness.args()
  local values = {}
  for i = 1, #arg do values[i] = math.tointeger(arg[i]) or tonumber(arg[i]) or arg[i] end
  return table.unpack(values)
end

local function status_kb(field)
  local file = io.open("/proc/self/status")
  if not file then return 0 end
  local text = file:read("a")
  file:close()
  return tonumber(text:match(field .. ":%s*(%d+)")) or 0
end

function harness.rss_kb() return status_kb("VmRSS") end

-- KiB that Lua holds, garbage apart.
function harness.lua_kb()
  collectgarbage()
  collectgarbage()
  return collectgarbage("count")
end

-- Seconds of CPU since the program started: other load on the machine does
-- not count.
harness.clock = os.clock

-- The delays of the timer benchmarks (limit/delays.h): a function that
-- returns the next number in (0, 1).
function harness.delays()
  local seed = 42
  return function()
    seed = seed * 48271 % 2147483647
    return seed / 2147483647
  end
end

-- Prints the line that the driver reads.
function harness.report(ops, seconds, more)
  io.stdout:write(string.format("ns_per_op=%.1f ops=%d rss_kb=%d%s\n",
    seconds * 1e9 / ops, ops, status_kb("VmHWM"), more and " " .. more or ""))
end

-- For the bare loops, which return nanoseconds themselves.
function harness.report_ns(ns, ops) harness.report(ops, ns * ops / 1e9) end

return harness
