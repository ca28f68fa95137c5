-- SPDX-License-Identifier: MIT
-- The call graph of a future (asyncio's graph.py): the functions that a task is in, who awaits it, and so on up.
-- Not here: who awaits whom (graph.lua), frames (frames.lua), all tasks of a loop (snapshot.lua).
-- Invariant: reads state and never changes it. A graph is a tree: a future that is met again has an entry without stack and waiters,
-- marked `repeated`; so it is finite whatever awaits whom.
local core = require "casync.core"

-- A second load in one Lua state gives the same classes.
if core.hooks.call_graph then return core.hooks.call_graph end

local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local frames = require "casync.debug.frames"
local graph = require "casync.debug.graph"
local repr = require "casync.debug.repr"

local M = {}

-- The classes

local FrameCallGraphEntry = class.define("FrameCallGraphEntry", nil, {
  __tostring = function(self)
    local frame = self.frame
    return ("FrameCallGraphEntry(frame=<%s:%d in %s>)"):format(frame.source, frame.currentline, frame.name)
  end,
})

--- FrameCallGraphEntry(frame) (asyncio.FrameCallGraphEntry): a function of a call stack. `frame` is {source, currentline, name, kind},
--- kind being "async" of a function that is awaited or is a task's own, "async generator", or nil.
function FrameCallGraphEntry:init(frame) self.frame = frame end

local FutureCallGraph = class.define("FutureCallGraph", nil, {
  __tostring = function(self)
    return ("FutureCallGraph(future=%s, call_stack=<%d>, awaited_by=<%d>)"):format(repr.value(self.future), #self.call_stack,
      #self.awaited_by)
  end,
})

--- FutureCallGraph(future, call_stack, awaited_by) (asyncio.FutureCallGraph): a future or task, the list of its
--- FrameCallGraphEntry, the innermost first, and the list of the FutureCallGraph of those that await it.
function FutureCallGraph:init(future, call_stack, awaited_by)
  self.future, self.call_stack, self.awaited_by = future, call_stack, awaited_by
end

M.FrameCallGraphEntry, M.FutureCallGraph = FrameCallGraphEntry, FutureCallGraph

-- Capturing

-- Which of n frames, the innermost first, a limit leaves: the outermost if it is positive, the innermost if it is negative.
local function range(n, limit)
  if not limit then return 1, n end
  if limit >= 0 then return math.max(1, n - limit + 1), n end
  return 1, math.min(n, -limit)
end

-- The call stack of a task, of which the first `skipped` frames do not count.
local function stack_of(task, limit, skipped)
  local stack = {}
  if limit == 0 or core.peek(task) ~= "pending" then return stack end
  local list = frames.of(task)
  list = table.move(list, skipped + 1, #list, 1, {})
  local first, last = range(#list, limit)
  for i = first, last do stack[#stack + 1] = FrameCallGraphEntry(list[i]) end
  return stack
end

local function build(future, limit, skipped, seen)
  if seen[future] then
    local node = FutureCallGraph(future, {}, {})
    node.repeated = true
    return node
  end
  seen[future] = true
  local stack = class.isinstance(future, core.Task) and stack_of(future, limit, skipped) or {}
  local awaited_by = {}
  for i, waiter in ipairs(graph.awaiters(future)) do awaited_by[i] = build(waiter, limit, 0, seen) end
  return FutureCallGraph(future, stack, awaited_by)
end

local OPTIONS = {depth = "integer", limit = "integer"}

-- Future and options of a call, in which either may be left out.
local function arguments(name, allowed, future, opts)
  if opts == nil and options.plain(future) then future, opts = nil, future end
  return future, options.get(2, name, allowed, opts)
end

-- The future meant, and whether it is the task that runs; nil where none runs.
local function subject(name, future)
  if future ~= nil and not core.isfuture(future) then options.typeerror(1, name, "Future", future) end
  local loop = core.running_loop()
  if not loop and future == nil then
    error(exceptions.RuntimeError(name ..
      "() is called outside of a running event loop and no future to introspect was provided"), 0)
  end
  local current = loop and core.current_task(loop)
  return future or current, future == nil or future == current
end

local function capture(name, future, opts)
  local is_current
  future, is_current = subject(name, future)
  if future == nil then return nil end
  return build(future, opts.limit, is_current and math.max((opts.depth or 1) - 1, 0) or 0, {})
end

--- The call graph of a future, else of the task that runs: a FutureCallGraph; nil if no task runs (asyncio.capture_call_graph).
--- Functions of C and of the library do not count. Options: depth, where the stack of the running task begins (1: the caller, 2: who
--- called that, …); limit: how many frames each stack has at most, the outermost, or with a negative one the innermost; 0: none.
--- RuntimeError without a future where no loop runs.
function M.capture_call_graph(future, opts)
  return capture("capture_call_graph", arguments("capture_call_graph", OPTIONS, future, opts))
end

-- Text

local function title_of(node)
  local future, address = node.future, ("%p"):format(node.future)
  local note = node.repeated and " (see above)" or ""
  if not class.isinstance(future, core.Task) then return ("* Future(id=%s)%s"):format(address, note) end
  return ("* Task(name=%s, id=%s)%s"):format(repr.value(future:get_name()), address, note)
end

local function frame_text(frame)
  local name = frame.name == "main chunk" and frame.name or frame.name .. "()"
  return ("  |   File %s, line %d, in %s%s"):format(repr.value(frame.source), frame.currentline,
    frame.kind and frame.kind .. " " or "", name)
end

local function render(lines, node, level)
  local indent = ("    "):rep(level)
  local function add(line) lines[#lines + 1] = indent .. line end
  add(title_of(node))
  if #node.call_stack > 0 then add("  + Call stack:") end
  for _, entry in ipairs(node.call_stack) do add(frame_text(entry.frame)) end
  if #node.awaited_by > 0 then add("  + Awaited by:") end
  for _, waiter in ipairs(node.awaited_by) do render(lines, waiter, level + 1) end
end

local function format_graph(name, future, opts)
  local node = capture(name, future, opts)
  local lines = {}
  if node then render(lines, node, 0) end
  return table.concat(lines, "\n")
end

--- The text of capture_call_graph, without a newline at its end; "" if no task runs (asyncio.format_call_graph).
--- Options: as capture_call_graph.
function M.format_call_graph(future, opts)
  return format_graph("format_call_graph", arguments("format_call_graph", OPTIONS, future, opts))
end

local PRINT_OPTIONS = {depth = "integer", limit = "integer", file = "any"}

--- Writes that text and a newline to `file`, which has a method write, or to standard output (asyncio.print_call_graph).
--- Options: file, and those of capture_call_graph.
function M.print_call_graph(future, opts)
  local given
  future, given = arguments("print_call_graph", PRINT_OPTIONS, future, opts)
  local file = given.file or io.stdout
  file:write(format_graph("print_call_graph", future, given), "\n")
end

core.hooks.call_graph = M
return M
