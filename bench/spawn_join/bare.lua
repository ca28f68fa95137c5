-- SPDX-License-Identifier: MIT
-- The same calls: an object each, a pooled coroutine run to its end, a list
-- of results.
local harness = require "harness"
local bare = require "bare"
local make, run, results = bare.make, bare.run, bare.results

local tasks, size = harness.args()

local function body(x) return x end

-- As many pooled coroutines as there are tasks at a time.
local pool = {}
for i = 1, size do pool[i] = coroutine.create(body) end
for i = 1, size do coroutine.resume(pool[i]) end

local start = harness.clock()
for _ = 1, tasks // size do
  local all = {}
  for i = 1, size do all[i] = make(pool[i], body, i) end
  run(pool)
  assert(results(all)[size] == size)
end
harness.report(tasks // size * size, harness.clock() - start)
