-- Child processes for specs: the output of commands, files that are gone afterwards.
local process = {}

--- A word of the shell.
function process.quote(word)
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

--- Runs a command in `sh`; returns what it wrote, standard error included, and its exit status. 20 seconds are the limit.
function process.run(command)
  local pipe = assert(io.popen(("timeout -k 2 20 sh -c %s 2>&1"):format(process.quote(command))))
  local output = pipe:read("a")
  local _, _, status = pipe:close()
  return output, status
end

--- Runs a Lua script as it is, but on a virtual clock (on_virtual_clock.lua).
function process.run_on_virtual_clock(path)
  return process.run("lua5.4 -l spec.support.on_virtual_clock " .. process.quote(path))
end

--- Calls f(folder) with a new folder, which is removed afterwards; returns what f returns.
function process.with_folder(f)
  local name = os.tmpname()
  local folder = name .. ".d"
  assert(os.execute("mkdir " .. process.quote(folder)))
  local _ <close> = setmetatable({}, {__close = function()
    os.remove(name)
    os.execute("rm -r " .. process.quote(folder))
  end})
  return f(folder)
end

function process.write(path, text)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
end

return process
