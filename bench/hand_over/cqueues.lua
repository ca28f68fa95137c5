-- SPDX-License-Identifier: MIT
-- cqueues has conditions; lock, semaphore and event are written on them as its manual shows.
local harness = require "harness"
local cqueues = require "cqueues"
local condition = require "cqueues.condition"

local what, messages = harness.args()
local turns = messages // 2
local pairs_of = {}

local function units(free)
  local changed, waiting = condition.new(), 0
  local function acquire()
    if free > 0 and waiting == 0 then
      free = free - 1
      return
    end
    waiting = waiting + 1
    changed:wait() -- who releases hands the unit over
    waiting = waiting - 1
  end
  local function release()
    if waiting > 0 then
      changed:signal(1)
    else
      free = free + 1
    end
  end
  return acquire, release
end

function pairs_of.lock()
  local acquire, release = units(1)
  local function taker()
    acquire()
    cqueues.sleep(0)
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

local function event()
  local changed, is_set = condition.new(), false
  return {
    wait = function() while not is_set do changed:wait() end end,
    set = function()
      is_set = true
      changed:signal()
    end,
    clear = function() is_set = false end,
  }
end

function pairs_of.event()
  local a, b = event(), event()
  local function ping()
    for _ = 1, turns do
      b.set()
      a.wait()
      a.clear()
    end
  end
  local function pong()
    for _ = 1, turns do
      b.wait()
      b.clear()
      a.set()
    end
  end
  return ping, pong
end

function pairs_of.free()
  local acquire, release = units(1)
  return function()
    for _ = 1, 2 * turns do
      acquire()
      release()
    end
  end, function() end
end

local loop = cqueues.new()
local one, other = pairs_of[what]()
local start = harness.clock()
loop:wrap(one)
loop:wrap(other)
assert(loop:loop())
harness.report(turns * 2, harness.clock() - start)
