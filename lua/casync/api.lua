-- SPDX-License-Identifier: MIT
-- The public names, in asyncio's order, and where each is; loaded on first use. No other code.
-- Invariant: a name is loaded once and then a plain field; pairs() loads them all. One table in a Lua state, however often the
-- files are loaded.
local core = require "casync.core"

if core.hooks.api then return core.hooks.api end

-- "module: names". A module that is one function, or one class, gives its only name.
local NAMES = {}
for line in ([[
await: async await
generator: generator
core: sleep create_task iscoroutine iscoroutinefunction isfuture kw Handle TimerHandle Future Task
tasks.ensure: ensure_future current_task all_tasks eager_task_factory create_eager_task_factory
tasks.gather: gather
tasks.shield: shield
tasks.wait_for: wait_for
tasks.wait: wait FIRST_COMPLETED FIRST_EXCEPTION ALL_COMPLETED
tasks.as_completed: as_completed
tasks.timeout: Timeout timeout timeout_at
tasks.taskgroup: TaskGroup
runners: run Runner
debug.call_graph: capture_call_graph format_call_graph print_call_graph FrameCallGraphEntry FutureCallGraph
debug.graph: future_add_to_awaited_by future_discard_from_awaited_by
sync.native: Lock Event Semaphore BoundedSemaphore
sync.condition: Condition
sync.barrier: Barrier
sync.queue: Queue PriorityQueue LifoQueue
loop.server: AbstractServer Server
loop.policy: get_running_loop get_event_loop set_event_loop new_event_loop
with: with
stream.reader: StreamReader
buffer: Buffer
stream.open: open_connection start_server
stream.writer: StreamWriter
stream.protocol: StreamReaderProtocol
protocols: BaseProtocol Protocol BufferedProtocol
transports: BaseTransport ReadTransport WriteTransport Transport
exceptions: isinstance pcall xpcall
]]):gmatch("[^\n]+") do
  local module, names = line:match("^(%S+): (.*)$")
  for name in names:gmatch("%S+") do NAMES[name] = module end
end

-- Modules that are fields of the module: true, or the file.
local MODULES = {contextvars = true, exceptions = true, testing = true, log = true, coroutine = true, files = true,
  socket = true, staggered = "tasks.staggered"}

local M = {}

local function load(name)
  local file = MODULES[name]
  if file then return require("casync." .. (file == true and name or file)) end
  local module = NAMES[name]
  if not module then return require("casync.exceptions")[name] end
  local value = require("casync." .. module)
  if type(value) == "function" or rawget(value, "__meta") then return value end
  return value[name]
end

setmetatable(M, {
  __index = function(_, name)
    local value = type(name) == "string" and load(name) or nil
    M[name] = value
    return value
  end,
  __pairs = function()
    for name in pairs(NAMES) do M[name] = load(name) end
    for name in pairs(MODULES) do M[name] = load(name) end
    for name, value in pairs(require "casync.exceptions") do M[name] = M[name] or value end
    return next, M, nil
  end,
})

local class = require "casync.class"
class.adopt(core.Future)
class.adopt(core.Task, core.Future)
class.adopt(core.GatheringFuture, core.Future)
class.adopt(core.Handle)
class.adopt(core.TimerHandle, core.Handle)
class.adopt(core.Loop)
class.adopt(core.Coroutine)
class.adopt(core.Op)
-- The second metatables of two classes, for objects with (or without) a finalizer.
core.op_checked_meta.__tostring = core.Op.__meta.__tostring
core.coroutine_plain_meta.__tostring = core.Coroutine.__meta.__tostring
M.version = core.version

-- Last: an error while the file loads must not leave a half of it behind.
core.hooks.api = M
return M
