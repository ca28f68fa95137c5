-- Runs a function as the main task of a loop whose clock is virtual, in debug mode, until the loop is closed. Returns what its exception
-- handler was told and what was logged, each a list.
local asyncio = require "casync"

local logger = asyncio.log.logger

return function(f, opts)
  local reports, logged = {}, {}
  local handler = logger.handler
  logger.handler = function(level, text) logged[#logged + 1] = level .. ": " .. text end
  local ok, err = pcall(asyncio.testing.run, function()
    asyncio.get_running_loop():set_exception_handler(function(_, context) reports[#reports + 1] = context end)
    f()
  end, asyncio.kw{debug = not (opts and opts.debug == false)})
  logger.handler = handler
  if not ok then error(err, 0) end
  return reports, logged
end
