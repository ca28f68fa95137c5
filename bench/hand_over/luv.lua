-- SPDX-License-Identifier: MIT
-- luv has neither tasks nor locks: coroutines in a ready list that an idle handle runs, one batch an iteration, and
-- units with a list of the coroutines that wait for one.
local harness = require "harness"
local uv = require "luv"

local what, messages = harness.args()
local turns = messages // 2
local yield, resume, running = coroutine.yield, coroutine.resume, coroutine.running
local pairs_of = {}

local batch, ready, count, left = {}, {}, 0, 2

local function make_ready(co)
  count = count + 1
  ready[count] = co
end

local function units(free)
  local waiting, first, last = {}, 1, 0
  local function acquire()
    if free > 0 then
      free = free - 1
      return
    end
    last = last + 1
    waiting[last] = running()
    yield()
  end
  local function release()
    if first > last then
      free = free + 1
      return
    end
    make_ready(waiting[first])
    waiting[first] = nil
    first = first + 1
  end
  return acquire, release
end

function pairs_of.lock()
  local acquire, release = units(1)
  local function taker()
    acquire()
    make_ready(running())
    yield()
    for _ = 1, turns do
      release()
      acquire()
    end
    release()
  end
  return taker, taker
end

function pairs_of.semaphore()
  local acquire_a, release_a = units(0)
  local acquire_b, release_b = units(0)
  local function ping()
    for _ = 1, turns do
      release_b()
      acquire_a()
    end
  end
  local function pong()
    for _ = 1, turns do
      acquire_b()
      release_a()
    end
  end
  return ping, pong
end

pairs_of.event = pairs_of.semaphore

function pairs_of.free()
  local acquire, release = units(1)
  return function()
    for _ = 1, 2 * turns do
      acquire()
      release()
    end
  end, function() end
end

for _, body in ipairs{pairs_of[what]()} do
  make_ready(coroutine.create(function()
    body()
    left = left - 1
  end))
end

local idle = uv.new_idle()
local start = harness.clock()
idle:start(function()
  batch, ready = ready, batch
  local n = count
  count = 0
  for i = 1, n do assert(resume(batch[i])) end
  if left == 0 then idle:close() end
end)
uv.run()
harness.report(turns * 2, harness.clock() - start)
