-- SPDX-License-Identifier: MIT
-- What a loop still holds: tasks, transports and servers, what it watches, timers, open generators.
-- Not here: what the process has open (probe.lua), whether it is an error (leaks.lua), what a task is doing
-- (debug/snapshot.lua).
-- Invariant: looks, and changes nothing; the loop is not closed. Texts are made when they are asked for.
local core = require "casync.core"
local class = require "casync.class"
local snapshot = require "casync.debug.snapshot"

local testing = core.testing_functions()

local M = {}

-- "file.lua:12" instead of the whole path.
local function short(line) return line:match("[^/]*$") end

local function entry_of(task)
  local id = core.task_info(task)
  for _, entry in ipairs(snapshot.tasks(task:get_loop())) do
    if entry.id == id then return entry end
  end
end

--- What a task does: "at file.lua:12, awaits sleep(5 s left)".
function M.doing(task)
  local entry = entry_of(task)
  local at = entry.line and "at " .. short(entry.line) .. ", " or ""
  return at .. (entry.awaits and "awaits " .. entry.awaits or entry.state)
end

local function task_text(task) return ("task '%s' %s"):format(task:get_name(), M.doing(task)) end

local function transport_text(transport)
  local text = "transport " .. tostring(transport)
  for _, name in ipairs{"sockname", "peername"} do
    local address = transport:get_extra_info(name)
    if address then
      text = ("%s %s=%s"):format(text, name, type(address) == "table" and address.host .. ":" .. address.port or address)
    end
  end
  return text
end

-- The kind of what is held, and what it is called.
local HELD = {
  Task = {"tasks", task_text},
  TimerHandle = {"timers", function(timer) return "timer " .. tostring(timer) end},
  SocketTransport = {"transports", transport_text},
  Socket = {"transports", function(socket) return "listening socket " .. tostring(socket) end},
}

-- Subclasses are what the class below which they are is.
local function row_of(object)
  local C = class.of(object)
  while C do
    local row = HELD[rawget(C, "__name")]
    if row then return row end
    C = getmetatable(C).__super
  end
end

local function add_held(left, loop)
  for _, object in ipairs(testing.held(loop)) do
    local row = row_of(object)
    if row then left[#left + 1] = {kind = row[1], text = function() return row[2](object) end} end
  end
end

local function add_watcher(left, format, number, handle)
  left[#left + 1] = {kind = "watchers", text = function() return format:format(number, tostring(handle)) end}
end

local function add_watched(left, loop)
  local watching, signals = testing.watching(loop)
  if core.hooks.limit then signals[select(2, testing.may_limit())] = nil end -- the time limit's
  for key, handle in next, watching do
    add_watcher(left, key % 2 == 0 and "reader of descriptor %d: %s" or "writer of descriptor %d: %s", key // 2, handle)
  end
  for number, handle in next, signals do add_watcher(left, "handler of signal %d: %s", number, handle) end
end

local function add_generators(left, loop)
  for generator in next, loop._asyncgens or {} do
    left[#left + 1] = {kind = "generators", text = function() return "open generator " .. tostring(generator) end}
  end
end

--- What `loop` holds, of the kinds asked for: a list of {kind, text}, where text is a function.
function M.of(loop, kinds)
  local all, left = {}, {}
  add_held(all, loop)
  add_watched(all, loop)
  add_generators(all, loop)
  for _, leak in ipairs(all) do
    if kinds[leak.kind] then left[#left + 1] = leak end
  end
  return left
end

return M
