-- SPDX-License-Identifier: MIT
-- What wakes the next task: `lock`, two tasks that take one lock in turns; `semaphore` and `event`, two tasks that
-- wake each other by two of them; `free`, one task that acquires and releases a lock that nobody else wants.
-- One message is one acquire or wait, and what ends it.
local harness = require "harness"
local asyncio = require "casync"
local await = asyncio.await

local what, messages = harness.args()
local turns = messages // 2
local pairs_of = {}

function pairs_of.lock()
  local lock = asyncio.Lock()
  local function taker()
    await(lock:acquire())
    await(asyncio.sleep(0)) -- the other one stands in line now
    for _ = 1, turns do
      lock:release()
      await(lock:acquire())
    end
    lock:release()
  end
  return taker, taker
end

function pairs_of.semaphore()
  local a, b = asyncio.Semaphore(0), asyncio.Semaphore(0)
  local function ping()
    for _ = 1, turns do
      b:release()
      await(a:acquire())
    end
  end
  local function pong()
    for _ = 1, turns do
      await(b:acquire())
      a:release()
    end
  end
  return ping, pong
end

function pairs_of.event()
  local a, b = asyncio.Event(), asyncio.Event()
  local function ping()
    for _ = 1, turns do
      b:set()
      await(a:wait())
      a:clear()
    end
  end
  local function pong()
    for _ = 1, turns do
      await(b:wait())
      b:clear()
      a:set()
    end
  end
  return ping, pong
end

function pairs_of.free()
  local lock = asyncio.Lock()
  return function()
    for _ = 1, 2 * turns do
      await(lock:acquire())
      lock:release()
    end
  end, function() end
end

asyncio.run(function()
  local one, other = pairs_of[what]()
  local start = harness.clock()
  await(asyncio.gather(asyncio.create_task(one), asyncio.create_task(other)))
  harness.report(turns * 2, harness.clock() - start)
end)
