-- SPDX-License-Identifier: MIT
-- Asks another process what its tasks do (casync/loop.h says how), and says what to do about it where that fails.
-- Not here: what is printed (ps.lua), system calls (ps.c), the other side (the library's ps/ and casync.debug.ps).
-- Invariant: it comes back: a process that says nothing is given a second, one that has begun to answer two minutes.
local process = require "casync.host.process"

-- Seconds: until code that is busy is interrupted, until the process counts as busy, until a part that was begun is given up.
local URGE_AFTER, BUSY_AFTER, GIVE_UP_AFTER = 0.4, 1.0, 120

-- Bytes of a part, of which that of 100,000 tasks has some 40 million; of a line.
local LONGEST, LONGEST_LINE = 1 << 30, 1000

-- What is wrong

local function contents(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a") or ""
end

-- Whether an environment, as Linux shows that which a process began with, has an entry.
local function began_with(pid, entry)
  return ("\0" .. contents(("/proc/%d/environ"):format(pid))):find("\0" .. entry .. "\0", 1, true) ~= nil
end

local function is_stopped(pid) return contents(("/proc/%d/stat"):format(pid)):find("%) [Tt] ") ~= nil end

local NO_SOCKET = [[process %d has no socket where it could be asked. Is it a process of casync?
  - Its loop must run, and have run for 100 ms.
  - An application that embeds casync has to say so: casync_lua_answer_ps() (casync/lua.h).
  - CASYNC_PS=0 in its environment switches it off.
  - Ask as the user whose process it is; where that has set XDG_RUNTIME_DIR or TMPDIR to other folders, with the same ones.]]

local function no_socket(pid, distrusted)
  if distrusted then
    return ("process %d cannot be asked: others may write into %s. Only folders of yours with mode 0700 are used: chmod 700 it, "
      .. "or set XDG_RUNTIME_DIR to one"):format(pid, distrusted)
  end
  if began_with(pid, "CASYNC_PS=0") then
    return ("process %d was started with CASYNC_PS=0, which switches this off"):format(pid)
  end
  return NO_SOCKET:format(pid)
end

local function busy(pid)
  if is_stopped(pid) then return ("process %d is stopped: kill -CONT %d lets it go on"):format(pid, pid) end
  return ("process %d is busy: its loop did not answer within a second, and it runs no Lua code that could say where. "
    .. "Something in C blocks it, such as os.execute, io.read or a C module"):format(pid)
end

-- Connecting

-- The connection; nil and why there is none.
local function connect(pid)
  local distrusted
  for n = 0, math.huge do
    local path, _, code, folder = process.place(n, pid)
    if code == process.EINVAL then return nil, no_socket(pid, distrusted) end
    if code == process.EACCES then distrusted = distrusted or folder end
    local connection, message, why = nil, nil, nil
    if path then connection, message, why = process.connect(path, pid) end
    if connection then return connection end
    if why == process.EAGAIN then return nil, busy(pid) end
    local is_absent = not path or why == process.ENOENT or why == process.ECONNREFUSED
    if not is_absent then return nil, ("cannot ask process %d at %s: %s"):format(pid, path, message) end
  end
end

-- The socket that a process which was killed has left.
local function forget(pid)
  for n = 0, math.huge do
    local path, _, code = process.place(n, pid)
    if code == process.EINVAL then return end
    if path then os.remove(path) end
  end
end

-- Receiving

local function text_of(file)
  local size = file:seek("end")
  file:seek("set")
  return size and size <= LONGEST and file:read("a") or nil
end

local hear = {}

function hear.casync(answer, rest)
  answer.expected = math.tointeger(tonumber(rest:match("%d+$"))) or 0
end

function hear.begin(answer) answer.begun = answer.begun + 1 end

function hear.part(answer, _, file)
  local text = file and text_of(file)
  if text then table.insert(answer.parts, text) else hear.failed(answer, "its answer cannot be read") end
end

function hear.failed(answer, rest) table.insert(answer.failed, rest) end

local function ended(answer) return #answer.parts + #answer.failed end

-- A descriptor comes with the line "part", which is the last one of its message. Lines are short; what is none is cut.
local function take(answer, bytes, file)
  local text, from = answer.rest .. bytes, 1
  for stop in text:gmatch("()\n") do
    local word, rest = text:sub(from, stop - 1):match("^(%a+) ?(.*)$")
    if hear[word] then hear[word](answer, rest, word == "part" and file or nil) end
    from = stop + 1
  end
  answer.rest = text:sub(from):sub(1, LONGEST_LINE)
  if file then file:close() end
end

-- How much longer to wait.
local function patience(answer, waited)
  local is_at_work = answer.begun > ended(answer)
  local limit = is_at_work and GIVE_UP_AFTER or answer.is_urged and BUSY_AFTER or URGE_AFTER
  return limit - waited
end

local function receive(connection, pid)
  local answer = {expected = 1, begun = 0, parts = {}, failed = {}, rest = ""}
  local began = process.now()
  while true do
    local left = patience(answer, process.now() - began)
    local bytes, file = connection:receive(math.max(left, 0))
    if bytes == "" then return answer end
    if bytes then
      take(answer, bytes, file)
    elseif left <= 0 and answer.is_urged then
      return answer
    elseif left <= 0 then
      answer.is_urged = true
      process.urge(pid)
    end
  end
end

--- Asks process `pid`. Returns {parts = texts of JSON, one a Lua state; failed = messages; missing = how many said nothing}; or nil
--- and what went wrong.
return function(pid)
  local there = process.exists(pid)
  if there == nil then
    return nil, ("process %d belongs to another user: ask as that user, for example with sudo -u"):format(pid)
  end
  if not there then
    forget(pid)
    return nil, ("no such process: %d"):format(pid)
  end
  local connection <close>, message = connect(pid)
  if not connection then return nil, message end
  local answer = receive(connection, pid)
  answer.missing = math.max(answer.expected - ended(answer), 0)
  if ended(answer) > 0 then return answer end
  return nil, process.exists(pid) and busy(pid) or ("no such process: %d"):format(pid)
end
