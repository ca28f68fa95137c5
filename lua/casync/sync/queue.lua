-- SPDX-License-Identifier: MIT
-- Queue, PriorityQueue, LifoQueue: the classes, made on first use, their text, and the numbered iterator.
-- Not here: what they do (the core's sync/).
-- Invariant: one set of classes in a Lua state, however often this file is loaded.
local core = require "casync.core"
local class = require "casync.class"
local options = require "casync.options"

if core.queues then return core.queues end

local Queue, PriorityQueue, LifoQueue, queue_info, queue_item, queue_step = core.queue_classes()
local MAXSIZE = {maxsize = "integer"}

-- Items that are shown; the rest is counted.
local MOST_ITEMS = 12

local function items_text(queue, count)
  local value = require("casync.debug.repr").value
  local texts = {}
  for i = 1, math.min(count, MOST_ITEMS) do texts[i] = value(queue_item(queue, i)) end
  if count > MOST_ITEMS then texts[#texts + 1] = ("... %d more"):format(count - MOST_ITEMS) end
  return " _queue={" .. table.concat(texts, ", ") .. "}"
end

local function waiting_text(name, count)
  return count > 0 and (" %s[%d]"):format(name, count) or ""
end

local function queue_tostring(queue)
  local maxsize, count, getters, putters, unfinished, is_shutdown = queue_info(queue)
  return ("<%s maxsize=%d%s%s%s%s%s>"):format(class.of(queue).__name, maxsize, count > 0 and items_text(queue, count) or "",
    waiting_text("_getters", getters), waiting_text("_putters", putters),
    unfinished > 0 and (" tasks=%d"):format(unfinished) or "", is_shutdown and " shutdown" or "")
end

-- A step of the numbered iterator: what the wait returned, nothing at the end.
local function number(n, ...)
  if select("#", ...) > 0 then return n + 1, (...) end
end

local function next_numbered(queue, n) return number(n, core.await(queue_step(queue))) end

-- The metatable of the objects of C with this maxsize. The field is found in what stands before the class, so that a method is
-- found without calling anything.
local function meta_of(C, metas, maxsize)
  local meta = metas[maxsize]
  if not meta then
    meta = {}
    for key, value in next, C.__meta do meta[key] = value end
    meta.__index = setmetatable({maxsize = maxsize}, {__index = C})
    metas[maxsize] = meta
  end
  return meta
end

local init, items = Queue.init, Queue.items
local metas = {}
Queue.maxsize = 0

--- Queue([maxsize]) or Queue{maxsize = n}: zero or less means that it is never full.
function Queue:init(maxsize)
  if type(maxsize) == "table" then maxsize = options.get(1, "Queue", MAXSIZE, maxsize).maxsize end
  maxsize = options.optional(1, "Queue", "integer", maxsize) or 0
  local C = class.of(self)
  if rawget(C, "__userdata") then
    return init(self, maxsize, maxsize ~= 0 and meta_of(C, metas[C], maxsize) or nil)
  end
  self.maxsize = maxsize
  return init(self, maxsize)
end

--- for item in queue:items() do: takes items as they come, ends when the queue is shut down and empty. A nil item ends the
--- loop too, as a last one; for n, item in queue:items("n") do counts from 1 and takes nil as any other item.
function Queue:items(format)
  if format == nil then return items(self) end
  if format ~= "n" then error("bad argument #1 to 'items' (invalid format)", 2) end
  items(self) -- which checks
  return next_numbered, self, 0
end

for _, C in ipairs{Queue, PriorityQueue, LifoQueue} do
  C.__meta.__tostring = queue_tostring
  metas[C] = setmetatable({}, {__mode = "v"})
end

core.queues = {
  Queue = class.adopt(Queue),
  PriorityQueue = class.adopt(PriorityQueue, Queue),
  LifoQueue = class.adopt(LifoQueue, Queue),
}
return core.queues
