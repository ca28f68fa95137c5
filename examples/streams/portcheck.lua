-- Tells which TCP ports accept connections, many at a time; the status is 0 if all do.
--   lua5.4 examples/streams/portcheck.lua [--timeout SECONDS] [--parallel N] HOST:PORT[-PORT] ...
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await

local function fail(message)
  io.stderr:write("portcheck: ", message, "\n",
    "usage: portcheck.lua [--timeout SECONDS] [--parallel N] HOST:PORT[-PORT] ...\n")
  os.exit(2)
end

local function arguments(words)
  local options, targets = {timeout = 3, parallel = 100}, {}
  local i = 1
  while words[i] do
    local option = words[i]:match("^%-%-(%w+)$")
    local host, first, last = words[i]:match("^(.+):(%d+)%-?(%d*)$")
    if options[option] then
      i = i + 1
      options[option] = tonumber(words[i]) or fail(words[i - 1] .. " needs a number")
    elseif host then
      for port = tonumber(first), tonumber(last) or tonumber(first) do
        targets[#targets + 1] = {name = host .. ":" .. port, host = host:match("^%[(.*)%]$") or host, port = port}
      end
    else
      fail("what is " .. words[i] .. "?")
    end
    i = i + 1
  end
  return targets, options
end

local check = async("check", function(target, seconds)
  local connecting = asyncio.open_connection(target.host, target.port)
  local ok, err, writer = asyncio.pcall(await, asyncio.wait_for(connecting, seconds))
  if ok then return writer:close() or "open" end
  if asyncio.isinstance(err, asyncio.TimeoutError) then return "no answer" end
  return asyncio.isinstance(err, asyncio.ConnectionRefusedError) and "closed" or tostring(err)
end)

-- The limit is the number of workers: each takes the next target when it is done with one.
local check_all = async("check_all", function(targets, options)
  local taken = 0
  local workers <close> = asyncio.TaskGroup():enter()
  for _ = 1, math.min(options.parallel, #targets) do
    workers:create_task(function()
      while taken < #targets do
        taken = taken + 1
        local target = targets[taken]
        target.state = await(check(target, options.timeout))
      end
    end)
  end
end)

local targets, options = arguments(arg)
if #targets == 0 then fail("no port given") end
asyncio.run(check_all, targets, options)
local is_fine = true
for _, target in ipairs(targets) do
  print(target.name .. " " .. target.state)
  is_fine = is_fine and target.state == "open"
end
os.exit(is_fine, true)
