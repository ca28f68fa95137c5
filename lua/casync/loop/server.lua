-- SPDX-License-Identifier: MIT
-- Server: listening sockets and the connections that they accepted (asyncio's base_events.py and selector_events.py).
-- Not here: making the sockets (serve.lua), accepting (the core's net/server.c).
-- Invariant: `_sockets` is nil from close() on; `_waiters` is nil once it is closed and no connection is left. Each accepted
-- socket belongs to one task until its transport takes it.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local await = require("casync.await").await
local sockets = require "casync.sockets"

-- A second load in one Lua state gives the same classes.
if core.hooks.server then return core.hooks.server end

local isinstance = class.isinstance
local RuntimeError = exceptions.RuntimeError

local function abstract(names)
  local methods = {}
  for name in names:gmatch("%S+") do
    methods[name] = function() error(exceptions.NotImplementedError(name .. "() is not implemented by this server"), 0) end
  end
  return methods
end

--- What all servers have.
local AbstractServer = class.define("AbstractServer", nil,
  abstract "close close_clients abort_clients get_loop is_serving start_serving serve_forever wait_closed")

--- Enters the scope of the server; hold what it returns in a <close> variable: the exit closes it and waits for its end.
function AbstractServer:enter() return self end

function AbstractServer.__meta.__close(server)
  server:close()
  await(server:wait_closed())
end

local Server = class.define("Server", AbstractServer, {
  -- `sockets`: a new list of what shows the listening sockets; empty once the server is closed.
  __index = function(server, name)
    if name ~= "sockets" then return nil end
    local views = {}
    for i, socket in ipairs(rawget(server, "_sockets") or {}) do views[i] = core.socket_view(socket) end
    return views
  end,
  __tostring = function(server)
    local texts = {}
    for i, view in ipairs(server.sockets) do texts[i] = tostring(view) end
    return ("<%s sockets=(%s)>"):format(class.of(server).__name, table.concat(texts, ", "))
  end,
})

local WEAK = {__mode = "k"}

--- Server(loop, sockets, protocol_factory, backlog): made by create_server; the Sockets are bound.
function Server:init(loop, bound, protocol_factory, backlog)
  self._loop, self._sockets, self._protocol_factory, self._backlog = loop, bound, protocol_factory, backlog
  self._listeners, self._waiters = {}, {}
  self._clients, self._attached = setmetatable({}, WEAK), 0
  self._serving = false
  if loop:get_debug() then core.hooks.made(self) end
end

-- One accepted connection

-- What happened so far is kept in `made`, for the report.
local function open_connection(server, socket, made)
  local loop = server._loop
  made.protocol = server._protocol_factory()
  if not server._sockets then error(RuntimeError("the server was closed meanwhile"), 0) end
  local waiter = loop:create_future()
  made.transport = sockets.open_transport(loop, socket, made.protocol, server, waiter)
  await(waiter)
end

local function accept_connection(server, socket)
  local made, loop = {}, server._loop
  local ok, err = pcall(open_connection, server, socket, made)
  if ok then return end
  if made.transport then made.transport:close() else socket:close() end
  if isinstance(err, {exceptions.SystemExit, exceptions.KeyboardInterrupt}) then error(err, 0) end
  if not loop:get_debug() then return end
  loop:call_exception_handler{
    message = "Error on transport creation for incoming connection",
    exception = err,
    protocol = made.protocol,
    transport = made.transport,
  }
end
core.name(accept_connection, "_accept_connection2")

local function report_failure(server, listening, err, pauses)
  server._loop:call_exception_handler{
    message = pauses and "socket.accept() out of system resource" or "socket.accept() failed",
    exception = err,
    socket = core.socket_view(listening),
  }
end

local function listen(server, listening)
  return core.listen(server._loop, listening, server._backlog, function(accepted, err, pauses)
    if not accepted then return report_failure(server, listening, err, pauses) end
    server._loop:create_task(accept_connection, server, accepted)
  end)
end

-- Serving

local function start(server)
  if server._serving then return end
  server._serving = true
  for i, socket in ipairs(server._sockets) do server._listeners[i] = listen(server, socket) end
end

Server._start_serving = start

local function start_serving(server)
  if not server._sockets then error(RuntimeError(("server %s is closed"):format(tostring(server))), 0) end
  start(server)
  await(core.sleep(0))
end
core.name(start_serving, "start_serving")

--- Coroutine: begins to accept connections; nothing if it does already (asyncio Server.start_serving).
function Server:start_serving() return core.coroutine(start_serving, self) end

local function close_and_wait(server)
  server:close()
  await(server:wait_closed())
end

local function serve_forever(server)
  if server._serving_forever_fut then
    error(RuntimeError(("server %s is already being awaited on serve_forever()"):format(tostring(server))), 0)
  end
  if not server._sockets then error(RuntimeError(("server %s is closed"):format(tostring(server))), 0) end
  start(server)
  server._serving_forever_fut = server._loop:create_future()
  local _, err = pcall(await, server._serving_forever_fut)
  if isinstance(err, exceptions.CancelledError) then
    local ok, later = pcall(close_and_wait, server)
    if not ok then err = later end
  end
  server._serving_forever_fut = nil
  error(err, 0)
end
core.name(serve_forever, "serve_forever")

--- Coroutine: accepts connections until it is cancelled, which closes the server and waits for its connections, or until the
--- server is closed; it ends with CancelledError either way (asyncio Server.serve_forever). RuntimeError if the server is
--- closed or served already.
function Server:serve_forever() return core.coroutine(serve_forever, self) end

--- Whether it accepts connections.
function Server:is_serving() return self._serving end

--- The loop.
function Server:get_loop() return self._loop end

-- The end

local function wake_up(server)
  local waiters = server._waiters or {}
  server._waiters = nil
  for _, waiter in ipairs(waiters) do
    if not waiter:done() then waiter:set_result() end
  end
end

--- Stops accepting and closes the listening sockets; connections live on. Again, it does nothing.
function Server:close()
  local listening = self._sockets
  if not listening then return end
  self._sockets = nil
  for _, listener in ipairs(self._listeners) do listener:stop() end
  for _, socket in ipairs(listening) do socket:close() end
  self._serving = false
  local forever = self._serving_forever_fut
  if forever and not forever:done() then
    forever:cancel()
    self._serving_forever_fut = nil
  end
  if next(self._clients) == nil then wake_up(self) end
end

local function wait_closed(server)
  if not server._waiters then return end
  local waiter = server._loop:create_future()
  table.insert(server._waiters, waiter)
  await(waiter)
end
core.name(wait_closed, "wait_closed")

--- Coroutine: waits until the server is closed and all connections that it accepted have ended.
function Server:wait_closed() return core.coroutine(wait_closed, self) end

-- The transports of accepted connections in the order in which they came.
local function clients_of(server)
  local list, number = {}, server._clients
  for transport in next, number do list[#list + 1] = transport end
  table.sort(list, function(a, b) return number[a] < number[b] end)
  return list
end

--- Closes the transports of all accepted connections.
function Server:close_clients()
  for _, transport in ipairs(clients_of(self)) do transport:close() end
end

--- Aborts them.
function Server:abort_clients()
  for _, transport in ipairs(clients_of(self)) do transport:abort() end
end

-- Called by a transport when it opens and when its connection has ended.

function Server:_attach(transport)
  self._attached = self._attached + 1
  self._clients[transport] = self._attached
end

function Server:_detach(transport)
  self._clients[transport] = nil
  if next(self._clients) == nil and not self._sockets then wake_up(self) end
end

-- One that is dropped unclosed takes its sockets along, and debug mode says so.
function Server.__meta.__gc(server)
  local bound, loop = server._sockets, server._loop
  if not bound then return end
  if loop:get_debug() then core.report_unclosed("server", server, loop) end
  for _, socket in ipairs(bound) do socket:close() end
end

core.hooks.server = {AbstractServer = AbstractServer, Server = Server}
return core.hooks.server
