-- The names a program sees on casync's side, and how its trace is written: world.py in Lua.
local contextvars_names = {"ContextVar", "copy_context"}

-- Classes whose message is part of the contract; of the others only the class is compared.
local WITH_MESSAGE = {CancelledError = true, Err = true, SubErr = true, Err2 = true, BaseErr = true,
  KeyboardInterrupt = true, SystemExit = true, Exception = true}

local SAME_NAMES = {"create_task", "ensure_future", "sleep", "gather", "shield", "wait_for", "wait", "as_completed",
  "timeout", "timeout_at", "TaskGroup", "Task", "Future", "current_task", "iscoroutine", "iscoroutinefunction",
  "isfuture", "get_running_loop", "Runner", "run", "eager_task_factory", "create_eager_task_factory", "all_tasks",
  "FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED", "isinstance",
  "CancelledError", "InvalidStateError", "Handle", "TimerHandle", "TimeoutError", "RuntimeError", "ValueError",
  "TypeError", "LookupError", "KeyboardInterrupt", "SystemExit", "Exception", "BaseException", "ExceptionGroup",
  "BaseExceptionGroup", "StopAsyncIteration", "AssertionError", "EOFError", "NotImplementedError",
  "StreamReader", "IncompleteReadError", "LimitOverrunError", "Lock", "Event", "Condition", "Semaphore", "BoundedSemaphore",
  "Barrier", "BrokenBarrierError", "Queue", "PriorityQueue", "LifoQueue", "QueueEmpty", "QueueFull", "QueueShutDown",
  "GeneratorExit", "StreamReaderProtocol", "StreamWriter", "get_event_loop", "set_event_loop", "ConnectionResetError",
  "OSError", "capture_call_graph", "format_call_graph", "future_add_to_awaited_by", "future_discard_from_awaited_by"}

-- Of the library's own coroutines casync looks at a sample only (API 1.1).
local LIBRARY = {sleep = true, wait = true, waited = true, wait_for = true, _wait_for_one = true}

local World = {}
World.__index = World

--- style: how `with` is written in Lua, "with" or "close".
function World.new(asyncio, testing)
  local world = setmetatable({asyncio = asyncio, testing = testing, trace = {}, reports = {}, unawaited = {}, loops = {}}, World)
  local Err = asyncio.Exception:subclass("Err")
  world.classes = {Err = Err, SubErr = Err:subclass("SubErr"), Err2 = asyncio.Exception:subclass("Err2"),
    BaseErr = asyncio.BaseException:subclass("BaseErr")}
  return world
end

local function class_name(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__name or type(value)
end

local SHOWN_BYTES = 200

-- Bytes or a text on one line; of long data the beginning and the length.
local function quoted(data)
  local text = data:sub(1, SHOWN_BYTES):gsub("[^\32-\126]", function(c)
    return c == "\n" and "\\n" or ("\\x%02x"):format(c:byte())
  end)
  return ("'%s'%s"):format(text, #data > SHOWN_BYTES and "..." .. #data or "")
end

-- What the errors of readers carry beside their message.
function World:show_read_error(err)
  local asyncio, name = self.asyncio, class_name(err)
  if asyncio.isinstance(err, asyncio.IncompleteReadError) then
    return ("%s(%s, %s)"):format(name, quoted(err.partial), self:show(err.expected))
  end
  if asyncio.isinstance(err, asyncio.LimitOverrunError) then
    return ("%s(%s)"):format(name, self:show(err.consumed))
  end
end

function World:show_error(err)
  local asyncio, name = self.asyncio, class_name(err)
  if asyncio.isinstance(err, asyncio.BaseExceptionGroup) then
    return ("%s('%s', %s)"):format(name, err.message, self:show(err.exceptions))
  end
  if err.message ~= "" and WITH_MESSAGE[name] then return ("%s('%s')"):format(name, err.message) end
  return self:show_read_error(err) or name
end

function World:show_list(list)
  local parts = {}
  for i = 1, list.n or #list do parts[i] = self:show(list[i]) end
  return "[" .. table.concat(parts, ", ") .. "]"
end

local KINDS = {"Task", "Future", "TimerHandle", "Handle"}

function World:show_object(value)
  local asyncio = self.asyncio
  for _, kind in ipairs(KINDS) do
    if asyncio.isinstance(value, asyncio[kind]) then return kind end
  end
  if asyncio.iscoroutine(value) then return "coroutine" end
  for _, loop in ipairs(self.loops) do
    if rawequal(loop, value) then return "Loop" end
  end
  local name = tostring(value):match("^<class '(.*)'>$")
  if name then return name end
  return class_name(value) == "Context" and "Context" or "object"
end

function World:show(value)
  local kind = type(value)
  if value == nil then return "None" end
  if kind == "boolean" then return value and "True" or "False" end
  if kind == "number" then return ("%.9g"):format(value) end
  if kind == "string" then return quoted(value) end
  if kind == "function" then return "function" end
  if kind == "table" and not getmetatable(value) then return self:show_list(value) end
  if self.asyncio.isinstance(value, self.asyncio.BaseException) then return self:show_error(value) end
  return self:show_object(value)
end

local function running_loop(asyncio)
  local ok, loop = pcall(asyncio.get_running_loop)
  return ok and loop or nil
end

function World:log(...)
  if self.over then return end
  local loop, parts = running_loop(self.asyncio), {}
  parts[1] = loop and ("%.9g #%d:"):format(loop:time(), loop:_iterations()) or "-:"
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    parts[i + 1] = (i == 1 and type(value) == "string") and value or self:show(value)
  end
  self.trace[#self.trace + 1] = table.concat(parts, " ")
end

-- Keys that casync may add to what CPython tells (API 3.1).
local OWN_KEYS = {source_traceback = true, traceback = true}

function World:handler(context)
  local text = context.message
  if text:find("never retrieved", 1, true) or text:find("destroyed", 1, true) then
    text = text:gsub("_?GatheringFuture", "Future")
    self.reports[#self.reports + 1] = ("report: %s %s"):format(text, self:show(context.exception))
    return
  end
  local name = text:match("coroutine '([^']*)' was never awaited")
  if name then
    if not LIBRARY[name] then self.unawaited[#self.unawaited + 1] = name end
    return
  end
  text = text:gsub("(asynchronous generator) .*", "%1")
  if context.handle then text = "Exception in callback" end
  self:log("handler", text, self:keys(context), context.exception)
end

function World.keys(_, context)
  local keys = {}
  for key in pairs(context) do
    if not OWN_KEYS[key] then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

function World:new_loop()
  local loop = self.testing.new_event_loop()
  loop:set_exception_handler(function(_, context) self:handler(context) end)
  self.loops[#self.loops + 1] = loop
  return loop
end

-- What the library's logger prints while f(...) runs: of every line the part before a colon.
local function logged(logger, f, ...)
  local lines, handler = {}, logger.handler
  logger.handler = function(_, text)
    for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line:match("^[^:]*") end
  end
  local ok, err = pcall(f, ...)
  logger.handler = handler
  if not ok then error(err, 0) end
  return lines
end

local function in_context(err, kind)
  local todo, seen = {err.context, err.cause}, {}
  while #todo > 0 do
    local e = table.remove(todo)
    if not seen[e] then
      seen[e] = true
      if class_name(e) == kind.__name then return true end
      todo[#todo + 1] = e.context
      todo[#todo + 1] = e.cause
    end
  end
  return false
end

-- What became of a future, in one value.
local function state(future)
  if not future:done() then return "pending" end
  if future:cancelled() then return "cancelled" end
  local err = future:exception()
  if err ~= nil then return err end
  return (future:result())
end

-- What a lock or a queue prints; a queue without its items and those who wait (casync lets them go sooner).
local function text(thing)
  return (tostring(thing):gsub(" _queue=%b{}", ""):gsub(" _%a+%[%d+%]", ""))
end

local function complete(future)
  if not future:done() then future:set_result("completed") end
end

--- A call graph as lists: name, the coroutines of the stack, those that await it, sorted (CPython keeps them in a set).
function World:shape(node)
  if not node then return nil end
  local asyncio, stack, above = self.asyncio, {}, {}
  for _, entry in ipairs(node.call_stack) do
    if entry.frame.kind == "async" then stack[#stack + 1] = entry.frame.name end
  end
  for i, waiter in ipairs(node.awaited_by) do above[i] = self:shape(waiter) end
  table.sort(above, function(a, b) return self:show(a) < self:show(b) end)
  return {asyncio.isinstance(node.future, asyncio.Task) and node.future:get_name() or "Future", stack, above}
end

--- The lines of format_call_graph without what differs: addresses, places, functions that are no coroutines.
function World:graph_text(...)
  local lines = {}
  for line in (self.asyncio.format_call_graph(...) .. "\n"):gmatch("(.-)\n") do
    line = line:gsub("id=0x%x+", "id")
    local indent, kind, name = line:match("^( *  |   )File '[^']*', line %d+, in (a?s?y?n?c?) ?(.*)$")
    if not indent then
      lines[#lines + 1] = line
    elseif kind == "async" then
      lines[#lines + 1] = indent .. "async " .. name
    end
  end
  return lines
end

--- What a program catches: wrong arguments raise Lua's own errors here (API 2.3) where Python has TypeErrors.
function World:error(err)
  if type(err) == "string" and err:find("bad argument #", 1, true) then return self.asyncio.TypeError(err) end
  return err
end

--- What a StreamReader pauses and resumes and a StreamWriter writes to; one that `refuses` cannot be paused.
function World:transport(refuses)
  local transport, closing = {}, false
  function transport.pause_reading()
    self:log("pause_reading")
    if refuses then error(self.asyncio.NotImplementedError(), 0) end
  end
  function transport.resume_reading() self:log("resume_reading") end
  function transport.write(_, data) self:log("write", data) end
  function transport.writelines(_, parts) self:log("writelines", parts) end
  function transport.can_write_eof() return true end
  function transport.write_eof() self:log("write_eof") end
  function transport.close() closing = true end
  function transport.is_closing() return closing end
  function transport.get_extra_info(_, _, default) return default end
  return transport
end

function World:helpers()
  local world, asyncio = self, self.asyncio
  return {
    log = function(...) world:log(...) end,
    show = function(value) return world:show(value) end,
    message = function(err) return err.message end,
    type_name = class_name,
    new_event_loop = function() return world:new_loop() end,
    polls = function() return asyncio.get_running_loop():_iterations() end,
    now = function() return asyncio.get_running_loop():time() end,
    collect = function() collectgarbage() end,
    collected = function(make) make() collectgarbage() end,
    reported = function() collectgarbage() return #world.reports end,
    logged = function(...) return logged(asyncio.log.logger, ...) end,
    hold = function() end, -- CPython drops what main leaves before the loop stops, here the collector comes later
    unawaited = function()
      collectgarbage()
      table.sort(world.unawaited)
      return world.unawaited
    end,
    raised = function(f, ...)
      local result = table.pack(pcall(f, ...))
      if not result[1] then return world:error(result[2]) end
    end,
    bad_yield = function(value) return function() return coroutine.yield(value) end end,
    awaitable = function(f)
      return setmetatable({}, {__await = function() return asyncio.await(f()) end})
    end,
    transport = function(refuses) return world:transport(refuses) end,
    in_context = in_context,
    graph = function(...) return world:shape(asyncio.capture_call_graph(...)) end,
    graph_text = function(...) return world:graph_text(...) end,
    state = state,
    text = text,
    anext = function(generator) return generator:asend() end,
    complete = complete,
    contains = function(value, part) return tostring(value):find(part, 1, true) ~= nil end,
    len = function(list) return list.n or #list end,
    range = function(from, to)
      local list = {}
      for i = to and from or 0, (to or from) - 1 do list[#list + 1] = i end
      return list
    end,
    nan = 0 / 0,
  }
end

function World:names()
  local names, asyncio = self:helpers(), self.asyncio
  names.waited = asyncio.async("waited", function(...) return {asyncio.await(asyncio.wait(...))} end)
  for _, name in ipairs(SAME_NAMES) do names[name] = self.asyncio[name] end
  for _, name in ipairs(contextvars_names) do names[name] = self.asyncio.contextvars[name] end
  for name, class in pairs(self.classes) do names[name] = class end
  return names
end

-- What the collector finds after a loop's close reaches the handler of that loop when some loop runs.
local function deliver_reports(testing)
  collectgarbage()
  local loop = testing.new_event_loop()
  loop:call_soon(loop.stop, loop)
  loop:run_forever()
  loop:close()
end

--- Closes what is left, and lists the reports.
function World:finish()
  self.over = true
  for _, loop in ipairs(self.loops) do
    if not loop:is_closed() then loop:close() end
  end
  deliver_reports(self.testing)
  self.loops = {}
  table.sort(self.reports)
  table.move(self.reports, 1, #self.reports, #self.trace + 1, self.trace)
end

return World
