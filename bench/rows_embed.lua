-- SPDX-License-Identifier: MIT
-- The rows of applications that embed casync, in the form of rows.lua and rows_net.lua: what a loop costs that another one
-- drives, and what a state takes of memory with nothing running.

-- linux: the case needs what only Linux has.

-- Rows 1 and 6a in each kind of loop; the limit is casync's own loop, which the other rows measure.
local function attached_case(id, title, question, args, more)
  return {
    question = "embed", title = title .. ", in each kind of loop", quick = more.quick, load = more.load,
    programs = {
      {"own loop", "embedded", "own " .. question .. " " .. args},
      {"guest in libev", "embedded", "guest " .. question .. " " .. args},
      {"stepped by poll", "embedded", "stepped " .. question .. " " .. args},
    },
    rows = {
      {id = "guest-" .. id, mine = "guest in libev", limit = "own loop", goal = 1.1, final = 1.1},
      {id = "stepped-" .. id, mine = "stepped by poll", limit = "own loop", goal = 1.3, final = 1.3},
    },
  }
end

local function switch_case(id, tasks)
  return attached_case(id, "switch, " .. tasks .. (tasks == 1 and " task" or " tasks"), "switch", tasks .. " 5000000",
    {quick = "- - - 20000"})
end

local function echo_case(connections)
  return attached_case("6a-" .. connections, "echo, 64 B x " .. connections, "echo", "PORT streams",
    {load = "echo 64 " .. connections .. " 200000", quick = "echo 64 " .. connections .. " 200"})
end

local memory = {
  question = "embed", title = "a Lua state with nothing running: resident bytes, and the time to open it", quick = "1",
  linux = true,
  programs = {
    {"Lua", "state", "41 plain"},
    {"casync", "state", "41 own"},
    {"casync guest", "state", "41 guest"},
    {"casync stepped", "state", "41 stepped"},
    {"Lua, in a program without casync", "state_without", "41 plain"},
  },
  rows = {
    {id = "mem-state", mine = "casync", limit = "Lua", measure = "bytes", beyond = true, goal = 409600, final = 409600},
    {id = "mem-program", mine = "casync", limit = "Lua, in a program without casync", measure = "bytes", beyond = true,
     goal = 409600, final = 409600},
  },
}

return {switch_case("1a-100", 100), switch_case("1a-10k", 10000), switch_case("1b", 1), echo_case(10), echo_case(100), memory}
