-- SPDX-License-Identifier: MIT
-- luv has no tasks and no queues: coroutines in a ready list that an idle
-- handle runs, one batch an iteration, and two lines of those that wait.
local harness = require "harness"
local uv = require "luv"

local messages = harness.args()
local yield, resume = coroutine.yield, coroutine.resume

local batch, ready, count = {}, {}, 0
local current

local function wake(line)
  local co = line[line.first]
  if not co then return end
  line[line.first] = nil
  line.first = line.first + 1
  count = count + 1
  ready[count] = co
end

local function wait(line)
  line.last = line.last + 1
  line[line.last] = current
  yield()
end

local size, first, last, items = 1, 1, 0, {}
local getters, putters = {first = 1, last = 0}, {first = 1, last = 0}

local function put(item)
  while last - first + 1 >= size do wait(putters) end
  last = last + 1
  items[last] = item
  wake(getters)
end

local function get()
  while last < first do wait(getters) end
  local item = items[first]
  items[first] = nil
  first = first + 1
  wake(putters)
  return item
end

ready[1] = coroutine.create(function()
  for i = 1, messages do put(i) end
end)
ready[2] = coroutine.create(function()
  for _ = 1, messages do get() end
end)
count = 2

local idle = uv.new_idle()
local start = harness.clock()
idle:start(function()
  batch, ready = ready, batch
  local n = count
  count = 0
  for i = 1, n do
    current = batch[i]
    resume(current)
  end
  if count == 0 then idle:close() end
end)
uv.run()
harness.report(messages, harness.clock() - start)
