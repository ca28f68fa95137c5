-- SPDX-License-Identifier: MIT
-- What this process has open: descriptors, threads, child processes, loops; and what of it is new since an earlier look.
-- Not here: what a loop holds (leftovers.lua), whether it is an error (leaks.lua).
-- Invariant: what this system cannot tell is named by unchecked(), never taken for nothing.
local core = require "casync.core"

local testing = core.testing_functions()

local M = {}

-- Without /proc nobody says how many descriptors there can be in use: so many are looked at.
local FEW_DESCRIPTORS = 4096

local function read(path)
  local file <close> = io.open(path, "rb")
  return file and file:read("a")
end

-- The loop's own thread has its children listed under its number, whatever thread asks.
local function child_list()
  local pid = (read("/proc/self/stat") or ""):match("^%d+")
  return pid and read(("/proc/self/task/%s/children"):format(pid))
end

local function most_descriptors(status)
  local slots = status and math.tointeger(tonumber(status:match("FDSize:%s*(%d+)")))
  if slots then return slots, true end
  local most = testing.most_descriptors()
  if most >= 0 and most <= FEW_DESCRIPTORS then return most, true end
  return FEW_DESCRIPTORS, false
end

--- What cannot be done here: a table from "descriptors", "threads", "processes" or "timeout" to the reason.
function M.unchecked()
  local status, reasons = read("/proc/self/status"), {}
  if not select(2, most_descriptors(status)) then
    reasons.descriptors = ("only those below %d are looked at: no /proc"):format(FEW_DESCRIPTORS)
  end
  if not (status and status:find("Threads:", 1, true)) then reasons.threads = "not looked at: no /proc" end
  if not testing.may_limit() then reasons.timeout = "no limit: signals are the main thread's" end
  if not child_list() then reasons.processes = "not looked at: no list of children in /proc" end
  return reasons
end

-- The descriptors that are open: from the number to what the system calls it, where it does.
local function descriptors(status)
  local found = {}
  for _, fd in ipairs(testing.descriptors((most_descriptors(status)))) do found[fd] = testing.descriptor_link(fd) or true end
  return found
end

local function children()
  local found = {}
  for pid in (child_list() or ""):gmatch("%d+") do found[math.tointeger(tonumber(pid))] = true end
  return found
end

local function loops()
  local found = setmetatable({}, {__mode = "k"})
  for _, loop in ipairs(testing.loops()) do found[loop] = true end
  return found
end

--- What there is now.
function M.look()
  local status = read("/proc/self/status")
  return {
    descriptors = descriptors(status),
    threads = status and math.tointeger(tonumber(status:match("Threads:%s*(%d+)"))) or 1,
    processes = children(),
    loops = loops(),
  }
end

-- Texts

local function address_text(address)
  if type(address) ~= "table" then return address end
  local host = tostring(address.host)
  return (host:find(":", 1, true) and "[%s]:%s" or "%s:%s"):format(host, address.port)
end

-- The system's word for what has no name in a folder: "anon_inode:[eventpoll]".
local function link_text(link)
  return link:match("^anon_inode:%[?(.-)%]?$") or link
end

--- "socket 127.0.0.1:80 to 127.0.0.1:51000", "file /tmp/x", "eventpoll".
function M.describe(fd)
  local kind, own, peer = testing.descriptor(fd)
  if not kind then return "closed" end
  local link = testing.descriptor_link(fd)
  if kind:find("socket", 1, true) then
    own, peer = address_text(own), address_text(peer)
    return kind .. (own and own ~= "" and " " .. own or "") .. (peer and peer ~= "" and " to " .. peer or "")
  elseif kind == "descriptor" then
    return link and link_text(link) or kind
  end
  return kind .. (link and not link:find("^pipe:") and " " .. link or "")
end

local function process_text(pid)
  local command = read(("/proc/%d/cmdline"):format(pid))
  local name, state = (read(("/proc/%d/stat"):format(pid)) or ""):match("^%d+ %((.*)%) (%a)")
  command = command and command ~= "" and command:gsub("%z+$", ""):gsub("%z", " ") or name or "?"
  return ("child process %d: %s%s"):format(pid, command, state == "Z" and " (ended, not waited for)" or "")
end

-- Comparing

local function new_keys(before, now)
  local keys = {}
  for key, value in next, now do
    if before[key] ~= value then keys[#keys + 1] = key end
  end
  return keys
end

local function add_all(left, kind, keys, text_of)
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do left[#left + 1] = {kind = kind, text = function() return text_of(key) end} end
end

local function descriptor_text(fd) return ("descriptor %d: %s"):format(fd, M.describe(fd)) end

local function loop_text(loop) return "loop that is not closed: " .. tostring(loop) end

--- What there is now and was not before, of the kinds asked for: a list of {kind, text}, where text is a
--- function.
function M.since(before, kinds)
  local now, left = M.look(), {}
  if kinds.descriptors then add_all(left, "descriptors", new_keys(before.descriptors, now.descriptors), descriptor_text) end
  if kinds.threads and now.threads > before.threads then
    local more = now.threads - before.threads
    left[#left + 1] = {kind = "threads", text = function() return more == 1 and "a thread" or more .. " threads" end}
  end
  if kinds.processes then add_all(left, "processes", new_keys(before.processes, now.processes), process_text) end
  if kinds.loops then add_all(left, "loops", new_keys(before.loops, now.loops), loop_text) end
  return left
end

M.rest = testing.rest

return M
