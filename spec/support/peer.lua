-- Other programs that talk to casync in the specs: child processes whose output a task waits for, while the loop goes on.
-- The loop must be a real one. A child ends when it is closed, and after 30 seconds whatever happens.
local asyncio = require "casync"
local process = require "spec.support.process"
local await = asyncio.await

local Child = {}
Child.__index = Child

local function on_readable(child)
  local bytes = asyncio.files.read(child.pipe)
  if bytes then
    child.text = child.text .. bytes
  else
    child.loop:remove_reader(child.pipe)
    child.has_ended = true
  end
  if child.waiting and not child.waiting:done() then child.waiting:set_result() end
end

local function wait_for_more(child)
  child.waiting = child.loop:create_future()
  await(child.waiting)
end

--- The next line of the child's output without its end; nil when there is none. Awaits.
function Child:line()
  while true do
    local line, rest = self.text:match("^(.-)\n(.*)$")
    if line then
      self.text = rest
      return line
    end
    if self.has_ended then return nil end
    wait_for_more(self)
  end
end

--- What else it prints until it ends, and its exit status. Awaits.
function Child:rest()
  while not self.has_ended do wait_for_more(self) end
  local _, _, status = self.pipe:close()
  return self.text, status
end

--- Writes to its standard input (only for who was started with an input).
function Child:say(text)
  assert(self.input:write(text))
  self.input:flush()
end

--- Its standard input ends.
function Child:end_input()
  self.input:close()
end

--- Ends it.
function Child:close()
  if self.input and io.type(self.input) == "file" then self.input:close() end
  if io.type(self.pipe) == "file" then
    self.loop:remove_reader(self.pipe)
    os.execute(("kill %s 2>/dev/null"):format(self.pid))
    self.pipe:close()
  end
  if self.path then os.remove(self.path) end
end

Child.__close = Child.close

local peer = {}

--- Starts a command of the shell, standard error with its output; returns the child, to be held in a <close> variable. It has no
--- sanitizer of casync's build in it.
function peer.start(command)
  local pipe = assert(io.popen("echo $$; exec env -u LD_PRELOAD timeout -k 1 30 sh -c " .. process.quote(command) .. " 2>&1"))
  local child = setmetatable({pipe = pipe, text = "", loop = asyncio.get_running_loop()}, Child)
  child.loop:add_reader(pipe, on_readable, child)
  child.pid = child:line()
  return child
end

--- The same with something to write to the command's standard input.
function peer.start_with_input(command)
  local path = os.tmpname()
  os.remove(path)
  assert(os.execute("mkfifo " .. process.quote(path)))
  local input = assert(io.open(path, "r+")) -- waits for nobody
  local child = peer.start(("{ %s; } <%s"):format(command, process.quote(path)))
  child.input = input
  child.path = path
  return child
end

--- Runs a command to its end; returns its output and exit status. Awaits.
function peer.run(command)
  local child <close> = peer.start(command)
  return child:rest()
end

--- A program on Python's asyncio (spec/interop/peer.py).
function peer.python(words)
  return peer.start("exec python3 spec/interop/peer.py " .. words)
end

--- Whether a program is installed.
function peer.has(name)
  return (os.execute("command -v " .. name .. " >/dev/null"))
end

return peer
