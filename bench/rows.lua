-- SPDX-License-Identifier: MIT
-- The rows of the benchmark: which programs run, with which arguments, what
-- is compared, and the goals. The only place with goals in it.
--
-- A case is one set of programs that run interleaved; each row of a case
-- compares one of their measurements with that of its limit.
--   rate: the ratio is limit / casync (a speed: more is better); without it
--   the ratio is casync / limit (a cost: less is better).
--   goal: of the core's issue; final: of the whole project.
--   few: programs so slow that they run at most three rounds.


local function switch_case(id, title, tasks, goal, final)
  local slow = tasks .. " 1000000"
  return {
    question = "switch", title = title, quick = "- 20000",
    programs = {
      {"C lua_resume", "limit.lua", tasks .. " 10000000"},
      {"casync", "casync.lua", tasks .. " 5000000"},
      {"C lua_resume, 1 coroutine", "limit.lua", "1 10000000"},
      {"C mini runtime", "mini.lua", tasks .. " 10000000"},
      {"luv", "luv.lua", tasks .. " 5000000"},
      {"cqueues", "cqueues.lua", slow},
      {"uvloop", "python.py", slow},
      {"asyncio", "python.py", slow},
      {"node", "node.js", slow},
    },
    rows = {{id = id, limit = "C lua_resume", goal = goal, final = final}},
  }
end

local function memory_case(name, tasks, with_create)
  local case = {
    question = "pending_memory", title = "tasks on a long sleep, " .. name, quick = "1000",
    programs = {
      {"C suspended coroutine", "limit.lua", tasks .. " suspended"},
      {"C coroutine + Task + ev_timer", "limit.lua", tasks .. " task"},
      {"bare loop", "limit.lua", tasks .. " bare"},
      {"casync", "casync.lua", tasks},
      {"luv", "luv.lua", tasks},
      {"cqueues", "cqueues.lua", tasks},
      {"uvloop", "python.py", tasks, few = true},
      {"asyncio", "python.py", tasks, few = true},
      {"node", "node.js", tasks, few = true},
    },
    rows = {
      {id = "3a-" .. name, measure = "bytes", limit = "C suspended coroutine",
       goal = 1.45, final = 1.38},
    },
  }
  if with_create then
    case.rows[2] = {id = "3b-" .. name, limit = "C coroutine + Task + ev_timer",
                    bare = "bare loop", final = 1.4}
  end
  return case
end

local function sleeping_case(name, tasks, seconds, goal, final)
  local args = tasks .. " " .. seconds
  return {
    question = "sleeping_tasks", title = "sleeping tasks, " .. name, quick = "1000 0.01",
    programs = {
      {"C mini runtime + libev", "limit.lua", args},
      {"bare loop", "bare.lua", args},
      {"casync", "casync.lua", args},
      {"cqueues", "cqueues.lua", args},
      {"uvloop", "python.py", args, few = true},
      {"asyncio", "python.py", args, few = true},
      {"node", "node.js", args, few = true},
    },
    rows = {{id = "5b-" .. name, limit = "C mini runtime + libev", bare = "bare loop",
             goal = goal, final = final}},
  }
end

local function wait_for_case(id, title, what, more)
  local case = {
    question = "wait_for", title = title, quick = "2000",
    programs = {
      -- The limit of both rows makes a child task that finishes at once.
      {"C mini runtime + libev", "limit.lua", "2000000 coroutine"},
      {"bare loop", "bare.lua", "2000000"},
      {"casync", "casync.lua", "1000000 " .. what},
      {"luv", "luv.lua", "500000"},
      {"cqueues", "cqueues.lua", "200000 " .. what},
      {"uvloop", "python.py", "100000 " .. what},
      {"asyncio", "python.py", "100000 " .. what},
      {"node", "node.js", "500000 " .. what},
    },
    rows = {{id = id, limit = "C mini runtime + libev", bare = "bare loop",
             goal = 2.5, final = 2.0}},
  }
  table.insert(case.programs, 4, more)
  return case
end

local function hand_over_case(what, title)
  return {
    question = "hand_over", title = title, quick = "- 2000",
    programs = {
      {"C mini runtime", "limit.lua", what .. " 4000000"},
      {"casync", "casync.lua", what .. " 2000000"},
      {"luv", "luv.lua", what .. " 1000000"},
      {"cqueues", "cqueues.lua", what .. " 500000"},
      {"uvloop", "python.py", what .. " 300000"},
      {"asyncio", "python.py", what .. " 300000"},
    },
    rows = {{id = "4c-" .. what, limit = "C mini runtime", rate = true}},
  }
end

return {
  switch_case("1a-100", "switch, 100 tasks", 100, 2.0, 1.8),
  switch_case("1a-10k", "switch, 10,000 tasks", 10000, 2.0, 1.8),
  switch_case("1b", "switch, 1 task", 1, 3.2, 2.8),
  {
    question = "spawn_join", title = "spawn and join, 1M tasks by 1,000", quick = "2000 1000",
    programs = {
      {"C mini runtime", "limit.lua", "1000000 1000"},
      {"bare loop", "bare.lua", "1000000 1000"},
      {"casync", "casync.lua", "1000000 1000"},
      {"cqueues", "cqueues.lua", "1000000 1000"},
      {"uvloop", "python.py", "200000 1000"},
      {"asyncio", "python.py", "200000 1000"},
      {"node", "node.js", "1000000 1000"},
    },
    rows = {
      {id = "2", limit = "C mini runtime", bare = "bare loop", rate = true,
       goal = 0.45, final = 0.65, final_rss_kb = 8192},
    },
  },
  memory_case("100k", 100000, true),
  memory_case("1M", 1000000, true),
  {
    question = "ping_pong", title = "future ping-pong", quick = "2000",
    programs = {
      {"C mini runtime", "limit.lua", "4000000"},
      {"bare loop", "bare.lua", "4000000"},
      {"casync", "casync.lua", "2000000"},
      {"cqueues", "cqueues.lua", "500000"},
      {"uvloop", "python.py", "500000"},
      {"asyncio", "python.py", "300000"},
      {"node", "node.js", "2000000"},
    },
    rows = {
      {id = "4a", limit = "C mini runtime", bare = "bare loop", rate = true,
       goal = 0.5, final = 0.68},
    },
  },
  hand_over_case("lock", "a lock that two tasks take in turns"),
  hand_over_case("semaphore", "two semaphores by which two tasks wake each other"),
  hand_over_case("event", "two events by which two tasks wake each other"),
  hand_over_case("free", "a lock that nobody else wants"),
  {
    question = "queue", title = "Queue(1) between two tasks", quick = "2000",
    programs = {
      {"C mini runtime", "limit.lua", "4000000"},
      {"bare loop", "bare.lua", "4000000"},
      {"casync", "casync.lua", "2000000"},
      {"casync, items()", "iterate.lua", "2000000"},
      {"luv", "luv.lua", "2000000"},
      {"cqueues", "cqueues.lua", "500000"},
      {"uvloop", "python.py", "300000"},
      {"asyncio", "python.py", "200000"},
      {"node", "node.js", "2000000"},
    },
    rows = {
      {id = "4b", limit = "C mini runtime", bare = "bare loop", rate = true, final = 0.55},
    },
  },
  {
    question = "call_later", title = "call_later, 100,000 pending", quick = "1000 0.01",
    programs = {
      {"C libev timers only", "timers", "100000 0.01"},
      {"bare loop", "timers", "100000 0.01 bare"},
      {"casync", "casync.lua", "100000 0.01"},
      {"luv", "luv.lua", "100000 0.01"},
      {"uvloop", "python.py", "100000 0.01"},
      {"asyncio", "python.py", "100000 0.01"},
      {"node", "node.js", "100000 0.01"},
    },
    rows = {{id = "5a", limit = "C libev timers only", bare = "bare loop", final = 1.9}},
  },
  sleeping_case("100k", 100000, 0.5, 1.7, 1.4),
  sleeping_case("1M", 1000000, 3, 1.7, 1.25),
  wait_for_case("5c-coroutine", "wait_for, a coroutine that finishes at once", "coroutine",
    {"casync, given a function", "casync.lua", "1000000 function"}),
  wait_for_case("5c-done", "wait_for, a finished task", "done",
    {"C mini runtime, finished task", "limit.lua", "2000000 done"}),
  {
    question = "startup", title = "start, run nothing, end (wall)", quick = "2", wall = true,
    programs = {
      {"lua5.4", "-e ''", "40"},
      {"casync", "casync.lua", "40"},
      {"luv", "luv.lua", "40"},
      {"cqueues", "cqueues.lua", "40"},
      {"uvloop", "python.py", "5"},
      {"asyncio", "python.py", "5"},
      {"node", "node.js", "5"},
    },
    rows = {{id = "9", limit = "lua5.4", goal = 1.8, final = 1.5, final_rss_over_kb = 820}},
  },
}
