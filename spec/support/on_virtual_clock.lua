-- Loaded before a script (lua5.4 -l spec.support.on_virtual_clock SCRIPT) it lets the script run as it was written, but on loops whose
-- clock is virtual: it starts at 0 and jumps to the next timer. os.date tells that clock's time.
local asyncio = require "casync"

local new_event_loop = asyncio.testing.new_event_loop
local Runner, date = asyncio.Runner, os.date

io.stdout:setvbuf("no") -- in order with standard error

asyncio.run = asyncio.testing.run
asyncio.new_event_loop = new_event_loop

function asyncio.Runner(options)
  options = options or {}
  options.loop_factory = options.loop_factory or new_event_loop
  return Runner(options)
end

rawset(os, "date", function(format)
  return date("!" .. format, math.floor(asyncio.get_running_loop():time()))
end)
