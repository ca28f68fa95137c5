-- Called in a describe or a spec file, it counts descriptors: each test ends with those it began with.
local lfs = require "lfs"
local fds = require "fds"

-- What a descriptor is, where the system says so.
local function name_of(fd)
  local link = lfs.symlinkattributes("/proc/self/fd/" .. fd, "target")
  return link and ("%d (%s)"):format(fd, link) or tostring(fd)
end

local function open_now()
  collectgarbage()
  collectgarbage() -- what a finalizer let go
  local is_open = {}
  for _, fd in ipairs(fds.list()) do is_open[fd] = true end
  return is_open
end

-- before_each and after_each are busted's, as the describe or the file that calls has them.
return function(before_each, after_each)
  local before

  before_each(function() before = open_now() end)

  after_each(function()
    local left = {}
    for fd in pairs(open_now()) do
      if not before[fd] then left[#left + 1] = name_of(fd) end
    end
    table.sort(left)
    assert(#left == 0, "left open: " .. table.concat(left, ", "))
  end)
end
