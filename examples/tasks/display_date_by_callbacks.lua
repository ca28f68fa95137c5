-- display_date.lua without a task: a callback that schedules itself, on a loop run by hand.
local asyncio = require "casync"

local function display_date(loop, end_time)
  print(os.date("%H:%M:%S"))
  if loop:time() + 1 < end_time then
    loop:call_later(1, display_date, loop, end_time)
  else
    loop:stop()
  end
end

local loop = asyncio.new_event_loop()
loop:call_soon(display_date, loop, loop:time() + 5)
loop:run_forever()
loop:close()
