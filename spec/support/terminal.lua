-- A program on a pseudo-terminal, for specs: what it shows, what is typed; bounded in time.
local pty = require "pty"

local SECONDS = 15 -- for whatever is waited for

local Terminal = {}
Terminal.__index = Terminal

-- What is on the screen without the sequences that move the cursor and erase, lines ended by \n alone.
local function plain(bytes)
  return (bytes:gsub("\27%[[%d;?]*%a", ""):gsub("\27[=>]", ""):gsub("\r", ""))
end

local function open(argv, variables)
  local fd, pid = pty.spawn(argv, variables)
  return setmetatable({fd = fd, pid = pid, screen = ""}, Terminal)
end

--- Waits until what was shown since the last `expect` ends in `text`; returns it.
function Terminal:expect(text)
  local deadline = os.time() + SECONDS
  while plain(self.screen):sub(-#text) ~= text do
    local bytes = os.time() <= deadline and pty.read(self.fd, 1)
    if bytes == "" or os.time() > deadline then
      error(("expected %q at the end of what is shown, which is: %q"):format(text, plain(self.screen)), 2)
    end
    self.screen = self.screen .. (bytes or "")
  end
  local shown = plain(self.screen)
  self.screen = ""
  return shown
end

--- Types a key again and again until `text` is shown: the system makes one of two signals that come at once, and takes its
--- time to interrupt who is busy.
function Terminal:press_until(key, text)
  for _ = 1, SECONDS * 4 do
    self:type(key)
    repeat
      local bytes = pty.read(self.fd, 0.25)
      self.screen = self.screen .. (bytes or "")
      if plain(self.screen):find(text, 1, true) then return end
    until not bytes or bytes == ""
  end
  error(("%q is not shown; this is: %q"):format(text, plain(self.screen)), 2)
end

function Terminal:type(text) pty.write(self.fd, text) end

--- Types a line and waits for the next prompt; returns what was shown between the two.
function Terminal:enter(line, prompt)
  self:type(line .. "\n")
  local shown = self:expect("\n" .. (prompt or "> "))
  return (shown:sub(#line + 2, -#(prompt or "> ") - 1))
end

--- The exit status once the program has ended; what it still showed.
function Terminal:finish()
  local rest = {self.screen}
  repeat
    local bytes = pty.read(self.fd, SECONDS)
    rest[#rest + 1] = bytes
  until not bytes or bytes == ""
  local status = pty.wait(self.pid, SECONDS)
  self:close()
  return status, plain(table.concat(rest))
end

function Terminal:close()
  if not self.fd then return end
  pty.close(self.fd)
  self.fd = nil
end

--- A terminal that is no longer needed: its program is ended.
Terminal.__close = function(self)
  if not self.fd then return end
  self:close()
  pty.wait(self.pid, 1)
end

return open
