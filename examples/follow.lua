-- Follows pipes and growing log files, and says each second how many lines came.
--   lua5.4 examples/follow.lua [--all] [--seconds N] SOURCE ...
-- SOURCE is a file, a named pipe, or - for standard input. A file is read from its end on, with --all from its beginning. Ends
-- after N seconds, when all sources have ended (a file never does), or at Ctrl-C; then it prints a total for each source.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local USAGE = "usage: follow.lua [--all] [--seconds N] SOURCE ..."
local PAUSE = 0.1 -- seconds between two looks at a file
local CHUNK = 65536
local EBADF = 9 -- no such descriptor: standard input is closed
local INTERRUPTED = 130 -- the exit status of what Ctrl-C ends

local function fail(status, message)
  io.stderr:write("follow: ", message, "\n")
  os.exit(status, true)
end

-- Sources: {name, file, lines, partial}. A line counts when its end has come; `partial` says that one has only begun.

local function count(source, bytes)
  local _, ends = bytes:gsub("\n", "")
  source.lines = source.lines + ends
  source.partial = bytes:sub(-1) ~= "\n"
end

-- Pipes: the loop says when there is something to read; what is there is taken without waiting for more.

local function take(source)
  local bytes = asyncio.files.read(source.file, CHUNK)
  if bytes == nil then return false end
  if bytes == "" then return true end
  if source.keeper then source.keeper = source.keeper:close() and nil end
  count(source, bytes)
  return true
end

local follow_pipe = async("follow_pipe", function(source)
  local loop = asyncio.get_running_loop()
  local ended = loop:create_future()
  loop:add_reader(source.file, function()
    local ok, more = pcall(take, source)
    if ok and more then return end
    loop:remove_reader(source.file)
    if ok then ended:set_result() else ended:set_exception(more) end
  end)
  local _ <close> = setmetatable({}, {__close = function() loop:remove_reader(source.file) end})
  await(ended)
  -- What a writer leaves without an end is its last line.
  if source.partial then source.lines = source.lines + 1 end
  source.ended = true
end)

-- Files: no system says when a file has grown, so it is looked at now and then.

local function restart_if_truncated(source)
  local position = source.file:seek()
  if source.file:seek("end") >= position then
    source.file:seek("set", position)
    return
  end
  print(source.name .. ": truncated, reading from its beginning")
  source.file:seek("set", 0)
  source.partial = false
end

local follow_file = async("follow_file", function(source)
  while true do
    restart_if_truncated(source)
    local bytes, message = source.file:read(CHUNK)
    if bytes then
      count(source, bytes)
    elseif message then
      error(source.name .. ": " .. message, 0)
    end
    -- A long file is read in pieces, between which the others have their turn.
    await(asyncio.sleep(bytes and #bytes == CHUNK and 0 or PAUSE))
  end
end)

-- Opening a named pipe for reading waits for its writer; while somebody has it open for both (on Linux and the BSDs that waits for
-- nobody) it does not. This keeper is closed when the first bytes are here: the pipe ends with its last writer.
local function open(name, from_start)
  if name == "-" then
    local _, message, errno = io.stdin:seek()
    if errno == EBADF then return nil, "-: " .. message end
    return {name = name, file = io.stdin, lines = 0}
  end
  local keeper = io.open(name, "r+")
  local file, message = io.open(name, "r")
  if not file then return nil, message end
  local source = {name = name, file = file, lines = 0, keeper = keeper}
  if not file:seek() then return source end
  if keeper then source.keeper = keeper:close() and nil end
  message = select(2, file:read(0))
  if message then return nil, name .. ": " .. message end
  file:seek(from_start and "set" or "end")
  return source
end

local function open_all(names, from_start)
  local sources, problems, seen = {}, {}, {}
  for _, name in ipairs(names) do
    local source, problem = nil, name .. ": given twice"
    if not seen[name] then source, problem = open(name, from_start) end
    seen[name] = true
    sources[#sources + 1] = source
    if not source then problems[#problems + 1] = problem end
  end
  if #problems > 0 then fail(1, table.concat(problems, "\nfollow: ")) end
  return sources
end

local report = async("report", function(sources)
  local loop = asyncio.get_running_loop()
  local started, before = loop:time(), {}
  for second = 1, math.huge do
    await(asyncio.sleep(started + second - loop:time()))
    local rates = {}
    for i, source in ipairs(sources) do
      rates[i] = ("%s %d lines/s"):format(source.name, source.lines - (before[source] or 0))
      before[source] = source.lines
    end
    print(("%d s: %s"):format(second, table.concat(rates, ", ")))
  end
end)

local function main(sources, seconds)
  local scope = asyncio.timeout(seconds)
  local reporter = asyncio.create_task(report(sources))
  local ok, err = asyncio.pcall(asyncio.with, scope, function()
    local group <close> = asyncio.TaskGroup():enter()
    for _, source in ipairs(sources) do
      group:create_task(source.file:seek() and follow_file(source) or follow_pipe(source))
    end
  end)
  reporter:cancel()
  if not ok and not scope:expired() then error(err, 0) end
end

local function arguments(words)
  local names, seconds, from_start = {}, nil, false
  local i = 1
  while words[i] do
    local word = words[i]
    if word == "--seconds" then
      i = i + 1
      seconds = tonumber(words[i])
      if not seconds or seconds <= 0 then fail(2, "--seconds needs a number above 0\n" .. USAGE) end
    elseif word == "--all" then
      from_start = true
    elseif word:find("^%-.") then
      fail(2, "unknown option " .. word .. "\n" .. USAGE)
    else
      names[#names + 1] = word
    end
    i = i + 1
  end
  if #names == 0 then fail(2, "no source given\n" .. USAGE) end
  return names, seconds, from_start
end

io.stdout:setvbuf("line")
local names, seconds, from_start = arguments(arg)
local sources = open_all(names, from_start)
local ok, err = pcall(asyncio.run, main, sources, seconds)
for _, source in ipairs(sources) do
  print(("%s: %d lines in all%s"):format(source.name, source.lines, source.ended and ", ended" or ""))
end
if asyncio.isinstance(err, asyncio.KeyboardInterrupt) then os.exit(INTERRUPTED, true) end
if asyncio.isinstance(err, asyncio.ExceptionGroup) then err = err.exceptions[1] end
if not ok then fail(1, tostring(err)) end
