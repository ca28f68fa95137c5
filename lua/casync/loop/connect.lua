-- SPDX-License-Identifier: MIT
-- Loop:create_connection: the choice between the addresses of a host (asyncio's base_events.py).
-- Not here: one connect (the core's net/connect.c), racing (tasks/staggered.lua). Loaded on first use.
-- Invariant: of the sockets that are opened all but the one a transport takes are closed.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local await = require("casync.await").await
local sockets = require "casync.sockets"

local Loop = core.Loop
local OSError, ValueError = exceptions.OSError, exceptions.ValueError
local STREAM = sockets.numbers.SOCK_STREAM

-- Binds to the first local address of the socket's family that is free. Errors of those before it are kept.
local function bind_locally(socket, family, local_infos, errors)
  for _, info in ipairs(local_infos) do
    if info.family == family then
      local ok, err = pcall(socket.bind, socket, info.sockaddr)
      if ok then return end
      if not class.isinstance(err, OSError) then error(err, 0) end
      errors[#errors + 1] = OSError(err.errno, ("error while attempting to bind on address %s: %s")
        :format(sockets.address_text(info.sockaddr), err.message:lower()))
    end
  end
  if #errors > 0 then error(table.remove(errors), 0) end
  error(OSError(("no matching local address with family=%d found"):format(family)), 0)
end

local function open_and_connect(info, local_infos, errors, opened)
  local socket = core.socket(info.family, info.type, info.proto)
  opened.socket = socket
  if local_infos then bind_locally(socket, info.family, local_infos, errors) end
  await(core.sock_connect(socket, info.sockaddr))
  return socket
end

-- A socket that is connected to one address; OSErrors on the way are added to a new list in `all_errors`.
local function connect_to(all_errors, info, local_infos)
  local errors, opened = {}, {}
  all_errors[#all_errors + 1] = errors
  local ok, result = pcall(open_and_connect, info, local_infos, errors, opened)
  if ok then return result end
  if opened.socket then opened.socket:close() end
  if class.isinstance(result, OSError) then errors[#errors + 1] = result end
  error(result, 0)
end

-- The addresses one after the other; nil if none can be reached.
local function connect_in_order(all_errors, infos, local_infos)
  for _, info in ipairs(infos) do
    local ok, result = pcall(connect_to, all_errors, info, local_infos)
    if ok then return result end
    if not class.isinstance(result, OSError) then error(result, 0) end
  end
end

-- All of them at once, each `delay` seconds after the one before, or as soon as that has failed.
local function connect_in_race(loop, all_errors, infos, local_infos, delay)
  local attempts = {}
  for i, info in ipairs(infos) do
    attempts[i] = function() return connect_to(all_errors, info, local_infos) end
  end
  return (await(require("casync.tasks.staggered").staggered_race(attempts, delay, {loop = loop})))
end

-- Groups by family, in the order in which the families appear.
local function by_family(infos)
  local groups, group_of = {}, {}
  for _, info in ipairs(infos) do
    local group = group_of[info.family]
    if not group then
      group = {}
      group_of[info.family], groups[#groups + 1] = group, group
    end
    group[#group + 1] = info
  end
  return groups
end

-- `first_count` - 1 more of the first family first, then one of each family in turn (asyncio's _interleave_addrinfos).
local function interleave(infos, first_count)
  local groups, ordered = by_family(infos), {}
  for _ = 2, math.min(first_count, #groups[1] + 1) do ordered[#ordered + 1] = table.remove(groups[1], 1) end
  for i = 1, #infos do
    for _, group in ipairs(groups) do ordered[#ordered + 1] = group[i] end
  end
  return ordered
end

local function flatten(all_errors)
  local flat = {}
  for _, errors in ipairs(all_errors) do table.move(errors, 1, #errors, #flat + 1, flat) end
  return flat
end

-- What is raised when no address could be reached.
local function failure(errors, wants_all)
  if wants_all then return exceptions.ExceptionGroup("create_connection failed", errors) end
  if #errors == 0 then return exceptions.TimeoutError("create_connection failed") end
  local texts, are_equal = {}, true
  for i, err in ipairs(errors) do
    texts[i] = err.message
    are_equal = are_equal and texts[i] == texts[1]
  end
  if are_equal then return errors[1] end
  return OSError("Multiple exceptions: " .. table.concat(texts, ", "))
end

local function resolve(loop, host, port, opts)
  local infos = sockets.resolve(loop, host, port, {family = opts.family, type = STREAM, proto = opts.proto, flags = opts.flags})
  if #infos == 0 then error(OSError("getaddrinfo() returned empty list"), 0) end
  return infos
end

local function connected_socket(loop, host, port, opts)
  local infos = resolve(loop, host, port, opts)
  local address, delay = opts.local_addr, opts.happy_eyeballs_delay
  local local_infos = address and resolve(loop, address[1], address[2], opts)
  local first_count = opts.interleave or delay and 1 or 0
  if first_count ~= 0 then infos = interleave(infos, first_count) end
  local all_errors = {}
  local socket
  if delay then
    socket = connect_in_race(loop, all_errors, infos, local_infos, delay)
  else
    socket = connect_in_order(all_errors, infos, local_infos)
  end
  return socket or error(failure(flatten(all_errors), opts.all_errors), 0)
end

-- The transport and protocol of a connected socket, once connection_made() has returned.
local function open(loop, socket, protocol_factory)
  local ok, protocol = pcall(protocol_factory)
  if not ok then
    socket:close()
    error(protocol, 0)
  end
  local waiter = loop:create_future()
  local transport = sockets.open_transport(loop, socket, protocol, nil, waiter)
  local is_made, err = pcall(await, waiter)
  if is_made then return transport, protocol end
  transport:close()
  error(err, 0)
end

local function create_connection(loop, protocol_factory, host, port, opts)
  if host == nil and port == nil then
    error(ValueError("host and port was not specified and no sock specified"), 0)
  end
  return open(loop, connected_socket(loop, host, port, opts), protocol_factory)
end
core.name(create_connection, "create_connection")

local OPTIONS = {family = "integer", proto = "integer", flags = "integer", local_addr = "table", all_errors = "boolean",
  happy_eyeballs_delay = "number", interleave = "integer"}

--- Coroutine: connects to a host and port; returns a transport and the protocol that protocol_factory() made for it (asyncio
--- loop.create_connection). Options: family, proto, flags as of getaddrinfo, local_addr ({host, port}), all_errors (an
--- ExceptionGroup instead of one OSError), happy_eyeballs_delay (seconds), interleave.
function Loop:create_connection(protocol_factory, host, port, opts)
  options.check(1, "create_connection", "function", protocol_factory)
  options.optional(2, "create_connection", "string", host)
  opts = options.get(4, "create_connection", OPTIONS, opts)
  return core.coroutine(create_connection, self, protocol_factory, host, port, opts)
end

return Loop
