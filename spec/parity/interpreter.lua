-- Runs a recorded program: Python's meaning of the few statements and expressions that README.md lists, on casync's public API.
-- A program never sees this file's tables: lists are arrays (with `n` where they hold None), None is nil, functions are
-- Lua functions, `async def` makes asyncio.async functions. Names live in scopes, because Python's `nonlocal` writes outwards.
local I = {}

local NONE = {} -- stands for nil in a scope, where nil means unbound
local expr, exec = {}, {}

-- Scopes ---------------------------------------------------------------------------------------------------------------

local function new_scope(parent)
  return {vars = {}, parent = parent, asyncio = parent.asyncio, style = parent.style, error = parent.error,
    handled = parent.handled}
end

local function lookup(scope, name)
  local at = scope
  while at do
    local value = at.vars[name]
    if value ~= nil then
      if value == NONE then return nil end
      return value
    end
    at = at.parent
  end
  error("the program uses the unknown name " .. name, 0)
end

local function assign(scope, name, value)
  if value == nil then value = NONE end
  local at = scope
  if scope.outer and scope.outer[name] then
    at = scope.parent
    while at.vars[name] == nil do at = at.parent end
  end
  at.vars[name] = value
end

-- Lists ----------------------------------------------------------------------------------------------------------------

local function length(value)
  if type(value) == "string" then return #value end
  return value.n or #value
end

local function new_list(packed)
  for i = 1, packed.n do
    if packed[i] == nil then return packed end
  end
  packed.n = nil -- an array without holes: casync's calls take it as any Lua array
  return packed
end

-- Expressions: eval returns all values of a call, for `a, b = await wait(...)` ------------------------------------------

local function eval(node, scope)
  if type(node) ~= "table" then return node end
  return expr[node[1]](node, scope)
end

local function eval_one(node, scope)
  local value = eval(node, scope)
  return value
end

local function eval_args(nodes, scope, args)
  for _, node in ipairs(nodes) do
    if type(node) == "table" and node[1] == "star" then
      local list = eval_one(node[2], scope)
      for i = 1, length(list) do
        args[args.n + i] = list[i]
      end
      args.n = args.n + length(list)
    else
      args.n = args.n + 1
      args[args.n] = eval_one(node, scope)
    end
  end
  return args
end

-- Calls whose last argument may be any value take their options marked (API 2.2).
local MARKED = {call_soon = true, call_later = true, call_at = true, call_soon_threadsafe = true}

local function add_options(args, nodes, scope, marked)
  if not nodes then return end
  local options = {}
  for name, node in pairs(nodes) do options[name] = eval_one(node, scope) end
  if marked then options = scope.asyncio.kw(options) end
  args.n = args.n + 1
  args[args.n] = options
end

function expr.none() return nil end

expr["v"] = function(node, scope) return lookup(scope, node[2]) end

function expr.call(node, scope)
  local f = eval_one(node[2], scope)
  local args = eval_args(node[3], scope, {n = 0})
  add_options(args, node[4], scope)
  return f(table.unpack(args, 1, args.n))
end

function expr.method(node, scope)
  local object, name = eval_one(node[2], scope), node[3]
  if name == "append" then
    local value = eval_one(node[4][1], scope) -- which may append to the same list
    object[length(object) + 1] = value
    return
  end
  local args = eval_args(node[4], scope, {n = 1, object})
  if name == "get" and not getmetatable(object) then return object[args[2]] end -- of a dict
  add_options(args, node[5], scope, MARKED[name])
  return object[name](table.unpack(args, 1, args.n))
end

local FIELDS = {__cause__ = "cause", __context__ = "context"}

function expr.attr(node, scope)
  local object, name = eval_one(node[2], scope), node[3]
  local value = object[FIELDS[name] or name]
  if type(value) == "function" then
    return function(...) return value(object, ...) end -- a bound method
  end
  return value
end

function expr.index(node, scope)
  local list, i = eval_one(node[2], scope), eval_one(node[3], scope)
  return list[i < 0 and length(list) + 1 + i or i + 1]
end

function expr.list(node, scope)
  return new_list(eval_args({table.unpack(node, 2)}, scope, {n = 0}))
end

function expr.dict(node, scope)
  local made = {}
  for key, value in pairs(node[2]) do made[key] = eval_one(value, scope) end
  return made
end

expr["await"] = function(node, scope)
  return scope.asyncio.await(eval_one(node[2], scope))
end

local function contains(list, value)
  if type(list) == "string" then return list:find(value, 1, true) ~= nil end
  for i = 1, length(list) do
    if rawequal(list[i], value) then return true end
  end
  return false
end

local compare = {
  ["=="] = function(a, b) return a == b end,
  ["~="] = function(a, b) return a ~= b end,
  ["<"] = function(a, b) return a < b end,
  ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end,
  [">="] = function(a, b) return a >= b end,
  is = rawequal,
  isnot = function(a, b) return not rawequal(a, b) end,
  ["in"] = function(a, b) return contains(b, a) end,
  ["notin"] = function(a, b) return not contains(b, a) end,
}

function expr.cmp(node, scope)
  return compare[node[2]](eval_one(node[3], scope), eval_one(node[4], scope))
end

local binary = {
  ["+"] = function(a, b)
    if type(a) == "string" then return a .. b end
    return a + b
  end,
  ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b)
    if type(a) == "string" then return a:rep(b) end
    return a * b
  end,
  ["/"] = function(a, b) return a / b end,
  ["%"] = function(a, b) return a % b end,
}

function expr.bin(node, scope)
  return binary[node[2]](eval_one(node[3], scope), eval_one(node[4], scope))
end

local function truth(value)
  return not (value == nil or value == false or value == 0 or value == "" or
    (type(value) == "table" and not getmetatable(value) and length(value) == 0))
end

expr["not"] = function(node, scope) return not truth(eval_one(node[2], scope)) end

expr["and"] = function(node, scope)
  local a = eval_one(node[2], scope)
  if truth(a) then return eval_one(node[3], scope) end
  return a
end

expr["or"] = function(node, scope)
  local a = eval_one(node[2], scope)
  if truth(a) then return a end
  return eval_one(node[3], scope)
end

function expr.choose(node, scope)
  return eval_one(truth(eval_one(node[2], scope)) and node[3] or node[4], scope)
end

function expr.format(node, scope)
  local parts = {}
  for i = 2, #node do
    local value = eval_one(node[i], scope)
    parts[i - 1] = type(value) == "string" and value or lookup(scope, "show")(value)
  end
  return table.concat(parts)
end

-- A list, or what is left of as_completed's plain iterator: all that programs iterate.
local function items(iterable)
  if type(iterable) == "table" and not getmetatable(iterable) then return iterable end
  local list = {}
  for item in iterable:plain() do list[#list + 1] = item end
  return list
end

function expr.each(node, scope)
  local list, made = items(eval_one(node[4], scope)), {n = 0}
  local inner = new_scope(scope)
  for i = 1, length(list) do
    assign(inner, node[3], list[i])
    if node[5] == nil or truth(eval_one(node[5], inner)) then
      made.n = made.n + 1
      made[made.n] = eval_one(node[2], inner)
    end
  end
  return new_list(made)
end

-- Statements: exec returns nothing, or how the block is left: "return" and the value, "break", "continue" ---------------

local function exec_block(block, scope)
  for _, node in ipairs(block) do
    local how, value = exec[node[1]](node, scope)
    if how then return how, value end
  end
end

local function bind(scope, params, ...)
  local given = table.pack(...)
  for i, param in ipairs(params) do
    if type(param) == "string" then
      assign(scope, param, given[i])
    elseif param[1] == "rest" then
      assign(scope, param[2], new_list(table.pack(table.unpack(given, i, given.n))))
    elseif i <= given.n then
      assign(scope, param[1], given[i])
    else
      assign(scope, param[1], eval_one(param[2], scope))
    end
  end
end

local function make_function(params, block, scope)
  return function(...)
    local inner = new_scope(scope)
    inner.handled = {}
    bind(inner, params, ...)
    local _, value = exec_block(block, inner)
    return value
  end
end

function expr.lambda(node, scope) return make_function(node[2], node[3], scope) end

exec["do"] = function(node, scope) eval(node[2], scope) end

function exec.def(node, scope) assign(scope, node[2], make_function(node[3], node[4], scope)) end

function exec.async(node, scope)
  assign(scope, node[2], scope.asyncio.async(node[2], make_function(node[3], node[4], scope)))
end

-- An async generator: what its body yields with stands in its scope.
function exec.agen(node, scope)
  local params, block = node[3], node[4]
  local make = scope.asyncio.generator(node[2], function(yield, ...)
    local inner = new_scope(scope)
    inner.handled, inner.yields = {}, yield
    bind(inner, params, ...)
    exec_block(block, inner)
  end)
  assign(scope, node[2], function(...) return (make(...)) end)
end

expr["yield"] = function(node, scope)
  local value = eval_one(node[2], scope)
  while not scope.yields do scope = scope.parent end
  return scope.yields(value)
end

-- A target is a name, or a list of names for several values or for the elements of one list.
local function assign_target(scope, target, ...)
  if type(target) == "string" then
    assign(scope, target, (...))
    return
  end
  local values = select("#", ...) == 1 and (...) or {...}
  for i, name in ipairs(target) do assign(scope, name, values[i]) end
end

function exec.let(node, scope) assign_target(scope, node[2], eval(node[3], scope)) end

exec["nonlocal"] = function(node, scope)
  scope.outer = scope.outer or {}
  for i = 2, #node do scope.outer[node[i]] = true end
end

function exec.forget(node, scope)
  for i = 2, #node do assign(scope, node[i], nil) end
end

exec["return"] = function(node, scope) return "return", eval_one(node[2], scope) end
exec["break"] = function() return "break" end
exec["continue"] = function() return "continue" end

exec["if"] = function(node, scope)
  return exec_block(truth(eval_one(node[2], scope)) and node[3] or node[4], scope)
end

exec["while"] = function(node, scope)
  while truth(eval_one(node[2], scope)) do
    local how, value = exec_block(node[3], scope)
    if how == "break" then break end
    if how == "return" then return how, value end
  end
end

local function loop_body(node, scope, item)
  assign_target(scope, node[2], item)
  return exec_block(node[4], scope)
end

exec["for"] = function(node, scope)
  local iterable = eval_one(node[3], scope)
  if type(iterable) == "table" and not getmetatable(iterable) then
    for i = 1, length(iterable) do
      local how, value = loop_body(node, scope, iterable[i])
      if how == "break" then break end
      if how == "return" then return how, value end
    end
    return
  end
  for item in iterable:plain() do
    local how, value = loop_body(node, scope, item)
    if how == "break" then break end
    if how == "return" then return how, value end
  end
end

-- Python iterates a StreamReader itself.
local function async_items(iterable, asyncio)
  if asyncio.isinstance(iterable, asyncio.StreamReader) then return iterable:lines() end
  return iterable
end

function exec.asyncfor(node, scope)
  for item in async_items(eval_one(node[3], scope), scope.asyncio) do
    local how, value = loop_body(node, scope, item)
    if how == "break" then break end
    if how == "return" then return how, value end
  end
end

-- `with` in both of casync's forms (API 4.1, 4.2): the replayer runs every program with either.
local function with_function(node, scope)
  local how, value
  scope.asyncio.with(eval_one(node[2], scope), function(bound)
    if node[3] then assign(scope, node[3], bound) end
    how, value = exec_block(node[4], scope)
  end)
  return how, value
end

-- What Python binds: enter() returns a guard for locks and their like, a barrier's has the index.
local function value_of(bound, object, asyncio)
  if asyncio.isinstance(object, asyncio.Barrier) then return bound.index end
  if asyncio.isinstance(object, {asyncio.Lock, asyncio.Semaphore, asyncio.Condition}) then return nil end
  return bound
end

local function with_close(node, scope)
  local object = eval_one(node[2], scope)
  local bound <close> = object:enter()
  if node[3] then assign(scope, node[3], value_of(bound, object, scope.asyncio)) end
  return exec_block(node[4], scope)
end

exec["with"] = function(node, scope)
  return (scope.style == "close" and with_close or with_function)(node, scope)
end

function exec.raise(node, scope)
  local err = eval_one(node[2], scope)
  if not scope.asyncio.isinstance(err, scope.asyncio.BaseException) then err = err() end -- a class
  if node[3] ~= nil then err.cause = eval_one(node[3], scope) end
  error(err, 0)
end

function exec.reraise(_, scope) error(scope.handled[#scope.handled].err, 0) end

local function find_handler(handlers, err, scope)
  for _, handler in ipairs(handlers) do
    if not handler[1] then return handler end
    local kinds = eval_one(handler[1], scope)
    for _, kind in ipairs(handler[1][1] == "list" and kinds or {kinds}) do
      if scope.asyncio.isinstance(err, kind) then return handler end
    end
  end
end

local function handle(handler, err, scope)
  if handler[2] then assign(scope, handler[2], err) end
  local handled = scope.handled
  handled[#handled + 1] = {err = err}
  local result = table.pack(pcall(exec_block, handler[3], scope))
  handled[#handled] = nil
  return table.unpack(result, 1, 3)
end

exec["try"] = function(node, scope)
  local ok, how, value = pcall(exec_block, node[2], scope)
  if not ok then
    how = scope.error(how)
    local handler = find_handler(node[3], how, scope)
    if handler then ok, how, value = handle(handler, how, scope) end
  elseif not how and #node[4] > 0 then
    ok, how, value = pcall(exec_block, node[4], scope)
  end
  local left, left_value = exec_block(node[5], scope)
  if left then return left, left_value end
  if not ok then error(how, 0) end
  return how, value
end

-- load(program, names, options): the scenario as a Lua function or, if it is async, as a coroutine function.
-- options: asyncio; style, "with" or "close"; error, which maps what was raised to what the program catches.
function I.load(program, names, options)
  local scope = {vars = {}, asyncio = options.asyncio, style = options.style, error = options.error, handled = {}}
  for name, value in pairs(names) do scope.vars[name] = value end
  local body = make_function({}, program.body(), scope)
  if program.async then return options.asyncio.async(program.name, body) end
  return body
end

return I
