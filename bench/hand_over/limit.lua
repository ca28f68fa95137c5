-- SPDX-License-Identifier: MIT
-- The mini runtime has one thing to wait in line for: units. A lock is one of them; an event that each message sets
-- and clears for one waiter is a unit that is handed over.
local harness = require "harness"
local mini = require "mini"
local units, acquire, release = mini.units, mini.acquire, mini.release

local what, messages = harness.args()
local turns = messages // 2
local pairs_of = {}

function pairs_of.lock()
  local lock = units(1)
  local function taker()
    acquire(lock)
    mini.switch()
    for _ = 1, turns do
      release(lock)
      acquire(lock)
    end
    release(lock)
  end
  return taker, taker
end

function pairs_of.semaphore()
  local a, b = units(0), units(0)
  local function ping()
    for _ = 1, turns do
      release(b)
      acquire(a)
    end
  end
  local function pong()
    for _ = 1, turns do
      acquire(b)
      release(a)
    end
  end
  return ping, pong
end

pairs_of.event = pairs_of.semaphore

function pairs_of.free()
  local lock = units(1)
  return function()
    for _ = 1, 2 * turns do
      acquire(lock)
      release(lock)
    end
  end, function() end
end

mini.run(function()
  local one, other = pairs_of[what]()
  local start = harness.clock()
  mini.gather{mini.spawn(one), mini.spawn(other)}
  harness.report(turns * 2, harness.clock() - start)
end)
