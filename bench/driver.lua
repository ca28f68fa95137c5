-- SPDX-License-Identifier: MIT
-- Runs the programs of rows.lua, rows_net.lua and rows_embed.lua interleaved and prints their tables. Started
-- by script/bench, which builds what is built and sets the paths.
--
--   driver.lua [--rounds N] [--quick] [--no-peers] [ROW…]
--
-- Every program prints one line of `name=number` words. One that is missing,
-- fails or prints something else is reported in its table and makes the
-- driver's exit status 1; a missing peer does not.

local cases = {}
for _, name in ipairs{"rows", "rows_net", "rows_embed"} do
  for _, case in ipairs(require(name)) do cases[#cases + 1] = case end
end

local VOID_ABOVE = 1.15 -- a limit this much slower than its bare loop says nothing
local FEW_ROUNDS = 3
local TIMEOUT_SECONDS = 600

local lua = os.getenv("BENCH_LUA") or "lua5.4"
local root = os.getenv("BENCH_ROOT") or "."

-- The shell ---------------------------------------------------------------

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local function succeeds(command)
  return (os.execute(command .. " >/dev/null 2>&1 </dev/null")) == true
end

local function output_of(command)
  local pipe = assert(io.popen(command .. " 2>&1 </dev/null"))
  local text = pipe:read("a")
  local ok = pipe:close()
  return text, ok == true
end

local function read_file(path)
  local file = io.open(path)
  if not file then return nil end
  local text = file:read("a")
  file:close()
  return text
end

-- All programs of a run share one core, the last that this process may use.
local function pinning()
  local status = read_file("/proc/self/status")
  local list = status and status:match("Cpus_allowed_list:%s*(%S+)")
  if not list or not succeeds("command -v taskset") then return "" end
  return "taskset -c " .. list:match("(%d+)$") .. " "
end

local function time_limit()
  return succeeds("command -v timeout") and "timeout " .. TIMEOUT_SECONDS .. " " or ""
end

-- Peers -------------------------------------------------------------------

-- The first Python that has the module; a distribution's packages belong to
-- its own Python, which need not be the first in PATH.
local function find_python(module)
  local candidates = {os.getenv("PYTHON") or "/usr/bin/python3", "python3"}
  for _, candidate in ipairs(candidates) do
    if succeeds(quote(candidate) .. " -c 'import " .. module .. "'") then return candidate end
  end
end

local python = {asyncio = find_python("asyncio"), uvloop = find_python("uvloop")}

local function has_module(name) return succeeds(quote(lua) .. " -e 'require \"" .. name .. "\"'") end

local is_peer = {luv = true, cqueues = true, uvloop = true, asyncio = true, node = true, nginx = true}
local is_there = {
  luv = has_module("luv"),
  cqueues = has_module("cqueues"),
  uvloop = python.uvloop ~= nil,
  asyncio = python.asyncio ~= nil,
  node = succeeds("command -v node"),
  nginx = succeeds("command -v nginx"),
}

-- "uvloop streams" is a program of the peer uvloop.
local function first_word(label) return label:match("^%S+") end

local can_load = read_file(root .. "/build/bench/load") ~= nil

-- Why a program is not run, or nil.
local function reason_to_skip(case, label, options)
  local peer = first_word(label)
  if (case.load or case.linux) and not can_load then return "needs Linux" end
  if not is_peer[peer] then return nil end
  if options.no_peers then return "left out" end
  return not is_there[peer] and "not installed (script/bench --peers)" or nil
end

-- Running one program -----------------------------------------------------

local function interpreter(name, file)
  if file:find("%.lua$") then return quote(lua) end
  if file:find("%.py$") then return quote(python[first_word(name)]) end
  if file:find("%.sh$") then return "sh" end
  if file:find("%.js$") then return "node" end
end

local function command_of(case, program, args, load)
  local name, file = program[1], program[2]
  local by = interpreter(name, file)
  local words
  if file:find("^%-") then -- options of a bare interpreter
    words = quote(lua) .. " " .. file
  elseif by then
    words = by .. " " .. quote(root .. "/bench/" .. case.question .. "/" .. file)
  else
    words = quote(root .. "/build/bench/" .. file)
  end
  if file:find("%.py$") then words = words .. " " .. first_word(name) end
  if case.wall then return quote(root .. "/build/bench/startup") .. " " .. args .. " " .. words end
  if load then return quote(root .. "/build/bench/load") .. " " .. load .. " -- " .. words .. " " .. args end
  return words .. " " .. args
end

-- A quick run replaces a program's arguments, those at "-" and those behind
-- the last excepted.
local function quick_args(args, quick)
  local words = {}
  for word in args:gmatch("%S+") do words[#words + 1] = word end
  local i = 0
  for word in quick:gmatch("%S+") do
    i = i + 1
    if words[i] and word ~= "-" then words[i] = word end
  end
  return table.concat(words, " ")
end

local function parse(text)
  local reason = text:match("skipped=([^\n]*)")
  if reason then return {skipped = reason} end
  local line = text:match("([^\n]*ns_per_op=[^\n]*)")
  if not line then return nil end
  local sample = {}
  for name, value in line:gmatch("([%w_]+)=(%S+)") do sample[name] = tonumber(value) end
  return sample.ns_per_op and sample or nil
end

-- The line of a failed program's output that says why: Lua's traceback follows
-- it, Python's precedes it.
local function last_words(text)
  local line = text:gsub("\nstack traceback:.*", ""):gsub("%s+$", ""):match("[^\n]*$")
  return line ~= "" and line or "no figure"
end

-- Returns a sample, or nil and what went wrong.
local function run_once(case, program, options)
  local args, load = tostring(program[3]), case.load
  if options.quick and load then
    load = case.quick
  elseif options.quick then
    args = quick_args(args, tostring(case.quick))
  end
  local text, ok = output_of(options.prefix .. command_of(case, program, args, load))
  local sample = parse(text)
  if ok and sample then return sample end
  return nil, last_words(text)
end

-- Foreign load ------------------------------------------------------------

-- Seconds that all cores were busy and seconds that our programs took.
local function cpu_seconds()
  local stat, own = read_file("/proc/stat"), read_file("/proc/self/stat")
  if not stat or not own then return nil end
  local user, nice, system, _, _, irq, soft, steal =
    stat:match("^cpu%s+(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)")
  local fields = {}
  for word in own:match("%) (.*)"):gmatch("%S+") do fields[#fields + 1] = tonumber(word) or 0 end
  local ours = fields[12] + fields[13] + fields[14] + fields[15]
  return (user + nice + system + irq + soft + steal) / 100, ours / 100
end

local function load_watch()
  local busy, ours = cpu_seconds()
  local start = os.time()
  return function()
    local seconds = os.difftime(os.time(), start)
    if not busy or seconds == 0 then return nil end
    local busy_now, ours_now = cpu_seconds()
    return math.max(0, (busy_now - busy - (ours_now - ours)) / seconds)
  end
end

-- Running a case ----------------------------------------------------------

local function spread(samples, measure)
  local values = {}
  for _, sample in ipairs(samples) do values[#values + 1] = sample[measure] end
  if #values == 0 then return nil end
  table.sort(values)
  local middle = (values[(#values + 1) // 2] + values[#values // 2 + 1]) / 2
  return {median = middle, min = values[1], max = values[#values]}
end

-- Interleaved: the first round of all, then the second of all …
local function run_case(case, options)
  local results = {}
  for _, program in ipairs(case.programs) do results[program[1]] = {} end
  for round = 1, options.rounds do
    for _, program in ipairs(case.programs) do
      local result = results[program[1]]
      result.missing = result.missing or reason_to_skip(case, program[1], options)
      if not result.missing and not result.trouble and not (program.few and round > FEW_ROUNDS) then
        local sample, trouble = run_once(case, program, options)
        result.trouble, result.missing = trouble, sample and sample.skipped
        result[#result + 1] = sample
      end
    end
  end
  return results
end

-- Judging a row -----------------------------------------------------------

local function number(x)
  if not x then return "-" end
  return string.format(x < 10 and "%.2f" or x < 1000 and "%.1f" or "%.0f", x)
end

local function met(row, ratio, goal)
  if row.rate then return ratio >= goal end
  return ratio <= goal
end

local function verdict(row, ratio, goal)
  if not goal then return "-" end
  local text = (row.rate and ">= " or "<= ") .. goal
  return text .. (met(row, ratio, goal) and " met" or " NOT met")
end

local function memory_verdict(row, results)
  local mine = spread(results[row.mine or "casync"], "rss_kb")
  local limit = spread(results[row.limit], "rss_kb")
  local most = row.final_rss_kb or row.final_rss_over_kb and limit and limit.median + row.final_rss_over_kb
  if not most or not mine then return nil end
  return string.format("peak RSS %.0f KB, limit row %s KB; final <= %.0f KB %s", mine.median,
    limit and string.format("%.0f", limit.median) or "-", most, mine.median <= most and "met" or "NOT met")
end

-- Returns why the ratios of a row mean nothing, or nil.
local function void_reason(row, results)
  local limit = spread(results[row.limit], "ns_per_op")
  if not limit then return "the limit program failed" end
  local bare = row.bare and spread(results[row.bare], "ns_per_op")
  if row.bare and not bare then return "the bare loop failed" end
  if bare and limit.median > bare.median * VOID_ABOVE then
    return string.format("the limit is %.2fx its bare loop", limit.median / bare.median)
  end
end

local function ratio_of(row, spread_here, limit)
  if row.beyond then return spread_here and spread_here.median - (limit and limit.median or 0) end
  if not spread_here or not limit then return nil end
  if row.rate then return limit.median / spread_here.median end
  return spread_here.median / limit.median
end

local function ratio_text(row, ratio)
  return ratio and string.format(row.beyond and "%.0f" or "%.3f", ratio) or "-"
end

local function program_line(row, program, results, limit)
  local result = results[program[1]]
  local here = spread(result, row.measure or "ns_per_op")
  local rss = spread(result, "rss_kb")
  if result.missing then
    return string.format("  %-32s %s", program[1], result.missing)
  elseif result.trouble or not here then
    return string.format("  %-32s %s", program[1], result.trouble and "FAILED: " .. result.trouble or "-")
  end
  local ratio = ratio_of(row, here, limit)
  return string.format("  %-32s %10s %21s %8s %10.0f", program[1], number(here.median),
    number(here.min) .. " - " .. number(here.max), ratio_text(row, ratio), rss.median)
end

-- Rows that compare the same figures with the same limit share a table.
local function is_same_table(a, b)
  return a.limit == b.limit and a.measure == b.measure and a.rate == b.rate and a.beyond == b.beyond
end

local function print_table(row, case, results)
  local measure = row.measure or "ns_per_op"
  local limit = spread(results[row.limit], measure)
  local ids = {}
  for _, other in ipairs(case.rows) do
    if is_same_table(other, row) then ids[#ids + 1] = other.id end
  end
  if ids[1] ~= row.id then return end
  print(string.format("\n%s  %s", table.concat(ids, ", "), case.title))
  print(string.format("  %-32s %10s %21s %8s %10s", "", measure:find("bytes") and "bytes" or "ns",
    "min - max", row.beyond and "beyond" or row.rate and "speed" or "ratio", "peak KB"))
  for _, program in ipairs(case.programs) do print(program_line(row, program, results, limit)) end
end

-- What the summary says behind the figures of a row.
local function ending_of(row, results, ratio)
  local missing = results[row.mine or "casync"].missing
  if missing then return "skipped: " .. missing end
  local void = void_reason(row, results)
  if void then return "VOID: " .. void end
  if not ratio then return "casync FAILED" end
  return string.format("%-16s %s", verdict(row, ratio, row.goal), verdict(row, ratio, row.final))
end

-- Prints one row's table and returns its line for the summary.
local function print_row(row, case, results, quick)
  local measure = row.measure or "ns_per_op"
  local limit = spread(results[row.limit], measure)
  local mine = spread(results[row.mine or "casync"], measure)
  local ratio = ratio_of(row, mine, limit)
  print_table(row, case, results)
  if quick then
    local missing = results[row.mine or "casync"].missing
    return string.format("  %-14s %s", row.id, ratio and "ran" or missing or "casync FAILED")
  end
  local memory = memory_verdict(row, results)
  if memory then print("  casync: " .. memory) end
  return string.format("  %-14s %-30s %8s %9s %9s  %s", row.id, row.limit, number(limit and limit.median),
    number(mine and mine.median), ratio_text(row, ratio), ending_of(row, results, ratio))
end

-- The command line --------------------------------------------------------

local function usage(message)
  io.stderr:write("bench: ", message, "\nusage: script/bench [--peers] [--rounds N] [--quick] [--no-peers] [ROW ...]\n")
  os.exit(2)
end

local function parse_arguments(words)
  local options = {rounds = 5, wanted = {}, prefix = time_limit() .. pinning()}
  local i = 1
  while words[i] do
    local word = words[i]
    if word == "--quick" then
      options.quick, options.rounds = true, 1
    elseif word == "--rounds" then
      i = i + 1
      options.rounds = math.tointeger(tonumber(words[i])) or 0
      if options.rounds < 1 then usage("--rounds takes a number above 0") end
    elseif word == "--no-peers" then
      options.no_peers = true
    elseif word:find("^%-") then
      usage("unknown option " .. word)
    else
      options.wanted[#options.wanted + 1] = word
    end
    i = i + 1
  end
  return options
end

-- "5", "5b" and "5b-1M" all select 5b-1M; "1" does not select 10.
local function selects(word, id)
  if word == id then return true end
  return id:sub(1, #word) == word and not (word:find("%d$") and id:sub(#word + 1):find("^%d"))
end

local function is_wanted(case, wanted)
  if #wanted == 0 then return true end
  for _, row in ipairs(case.rows) do
    for _, word in ipairs(wanted) do
      if selects(word, row.id) then return true end
    end
  end
  return false
end

local function check_wanted(wanted)
  for _, word in ipairs(wanted) do
    local found = false
    for _, case in ipairs(cases) do found = found or is_wanted(case, {word}) end
    if not found then usage("no row " .. word) end
  end
end

local options = parse_arguments(arg)
check_wanted(options.wanted)
local summary, failed = {}, false
local foreign = load_watch()
for _, case in ipairs(cases) do
  if is_wanted(case, options.wanted) then
    local results = run_case(case, options)
    for _, row in ipairs(case.rows) do
      summary[#summary + 1] = print_row(row, case, results, options.quick)
    end
    for _, result in pairs(results) do failed = failed or result.trouble ~= nil end
    io.stdout:flush()
  end
end
print(options.quick and "\nsummary (quick: the figures mean nothing)"
  or string.format("\nsummary (medians of %d rounds)", options.rounds))
if not options.quick then
  print(string.format("  %-14s %-30s %8s %9s %9s  %-16s %s", "row", "limit row", "limit", "casync", "ratio", "goal", "final goal"))
end
for _, line in ipairs(summary) do print(line) end
local load = foreign()
if load then print(string.format("foreign load: %.2f cores busy with other work", load)) end
os.exit(not failed)
