-- SPDX-License-Identifier: MIT
-- The rows of servers and readers, in the form of rows.lua, and:
--
--   load: what build/bench/load does to the program; quick replaces it. The
--   program's words PORT and COUNT are the load's to fill in.
--   mine: the line of casync that a row judges, where there are several.
--   beyond: the goal bounds casync - limit, not a ratio.

local STAGE = 0.85 -- what the streams' issue asks for, of each final goal

local function row(id, mine, limit, final)
  return {id = id, mine = mine, limit = limit, rate = true, final = final,
          goal = math.floor(STAGE * final * 1000 + 0.5) / 1000}
end

local function echo_row(id, style, final)
  local r = row(id, "casync " .. style, "C libev", final)
  r.bare = "bare loop"
  return r
end

local function echo_case(title, size, connections, trips, rows)
  return {
    question = "echo", title = "echo, " .. title, load = ("echo %d %d %d"):format(size, connections, trips),
    quick = ("echo %d %d 200"):format(size, connections),
    programs = {
      {"C libev", "service_ev", "PORT echo"},
      {"bare loop", "service_epoll", "PORT echo"},
      {"C libev + Lua coroutines", "limit.lua", "PORT"},
      {"casync streams", "casync.lua", "PORT streams"},
      {"casync protocol", "casync.lua", "PORT protocol"},
      {"casync buffered", "casync.lua", "PORT buffered"},
      {"luv", "luv.lua", "PORT"},
      {"cqueues", "cqueues.lua", "PORT"},
      {"uvloop streams", "python.py", "PORT streams"},
      {"uvloop protocol", "python.py", "PORT protocol"},
      {"uvloop buffered", "python.py", "PORT buffered"},
      {"asyncio streams", "python.py", "PORT streams"},
      {"asyncio protocol", "python.py", "PORT protocol"},
      {"asyncio buffered", "python.py", "PORT buffered"},
      {"node", "node.js", "PORT"},
    },
    rows = rows,
  }
end

local http = {
  question = "http", title = "HTTP hello, 64 connections with keep-alive",
  load = "http 64 200000", quick = "http 64 200",
  programs = {
    {"C libev", "service_ev", "PORT http"},
    {"bare loop", "service_epoll", "PORT http"},
    {"C libev + Lua coroutines", "limit.lua", "PORT"},
    {"casync streams", "casync.lua", "PORT streams"},
    {"casync protocol", "casync.lua", "PORT protocol"},
    {"nginx", "nginx.sh", "PORT"},
    {"luv", "luv.lua", "PORT"},
    {"cqueues", "cqueues.lua", "PORT"},
    {"uvloop streams", "python.py", "PORT streams"},
    {"uvloop protocol", "python.py", "PORT protocol"},
    {"asyncio streams", "python.py", "PORT streams"},
    {"asyncio protocol", "python.py", "PORT protocol"},
    {"node", "node.js", "PORT"},
  },
  rows = {echo_row("7a", "streams", 0.62), echo_row("7b", "protocol", 0.70)},
}

local lines = {
  question = "lines", title = "lines of 60 bytes",
  load = "lines 5000000", quick = "lines 20000",
  programs = {
    {"Lua loop over C readline", "limit.lua", "PORT COUNT"},
    {"casync lines", "casync.lua", "PORT COUNT lines"},
    {"casync readline", "casync.lua", "PORT COUNT readline"},
    {"luv", "luv.lua", "PORT COUNT"},
    {"cqueues", "cqueues.lua", "PORT COUNT"},
    {"uvloop streams", "python.py", "PORT COUNT readline", few = true},
    {"uvloop protocol", "python.py", "PORT COUNT protocol"},
    {"asyncio streams", "python.py", "PORT COUNT readline", few = true},
    {"asyncio lines", "python.py", "PORT COUNT lines", few = true},
    {"node", "node.js", "PORT COUNT"},
  },
  rows = {
    row("8a", "casync lines", "Lua loop over C readline", 0.75),
    row("8a2", "casync readline", "Lua loop over C readline", 0.42),
  },
}

-- Nanoseconds a mebibyte.
local strings = {
  question = "bulk", title = "a mebibyte read into strings",
  load = "bulk 4096", quick = "bulk 16",
  programs = {
    {"Lua loop over C read", "limit.lua", "PORT COUNT strings"},
    {"the same, malloc keeps memory", "limit.lua", "PORT COUNT kept"},
    {"casync", "casync.lua", "PORT COUNT strings"},
    {"luv", "luv.lua", "PORT COUNT"},
    {"cqueues", "cqueues.lua", "PORT COUNT"},
    {"uvloop streams", "python.py", "PORT COUNT strings"},
    {"asyncio streams", "python.py", "PORT COUNT strings"},
    {"node", "node.js", "PORT COUNT strings"},
  },
  rows = {row("8b", "casync", "Lua loop over C read", 0.95)},
}

local buffer = {
  question = "bulk", title = "a mebibyte read into one buffer and searched",
  load = "bulk 4096", quick = "bulk 16",
  programs = {
    {"C read + memchr", "limit.lua", "PORT COUNT buffer"},
    {"casync", "casync.lua", "PORT COUNT buffer"},
    {"uvloop buffered", "python.py", "PORT COUNT buffer"},
    {"asyncio buffered", "python.py", "PORT COUNT buffer"},
    {"node", "node.js", "PORT COUNT buffer"},
  },
  rows = {row("8c", "casync", "C read + memchr", 0.90)},
}

local idle = {
  question = "idle", title = "10,000 idle connections: bytes each, and the time to accept one",
  load = "idle 10000", quick = "idle 200",
  programs = {
    {"C libev", "service_ev", "PORT echo"},
    {"C libev + Lua coroutines", "limit.lua", "PORT"},
    {"casync streams", "casync.lua", "PORT"},
    {"luv", "luv.lua", "PORT"},
    {"cqueues", "cqueues.lua", "PORT"},
    {"uvloop streams", "python.py", "PORT"},
    {"asyncio streams", "python.py", "PORT"},
    {"node", "node.js", "PORT"},
  },
  rows = {
    {id = "mem-idle", mine = "casync streams", limit = "C libev", measure = "bytes", beyond = true,
     goal = 3072, final = 3072},
    {id = "mem-idle-lua", mine = "casync streams", limit = "C libev", measure = "lua_bytes", beyond = true,
     goal = 3072, final = 3072},
  },
}

return {
  echo_case("64 B x 10", 64, 10, 200000,
    {echo_row("6a-10", "streams", 0.80), echo_row("6b-10", "protocol", 0.84)}),
  echo_case("64 B x 100", 64, 100, 200000,
    {echo_row("6a-100", "streams", 0.80), echo_row("6b-100", "protocol", 0.84)}),
  echo_case("64 B x 1", 64, 1, 100000, {echo_row("6c", "streams", 0.87)}),
  echo_case("1 KiB x 100", 1024, 100, 200000, {echo_row("6d", "streams", 0.78)}),
  echo_case("16 KiB x 10", 16384, 10, 100000,
    {echo_row("6e-16k", "streams", 0.68), echo_row("6f-16k", "buffered", 0.88)}),
  echo_case("100 KiB x 10", 102400, 10, 30000,
    {echo_row("6e-100k", "streams", 0.72), echo_row("6f-100k", "buffered", 0.90)}),
  http, lines, strings, buffer, idle,
}
