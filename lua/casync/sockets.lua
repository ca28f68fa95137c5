-- SPDX-License-Identifier: MIT
-- What connecting and serving share: the socket classes, addresses as text, look-ups, handing a socket to a transport.
-- Not here: system calls (the core), look-ups of names (Loop:getaddrinfo), the choice between addresses (connect.lua, serve.lua).
-- Invariant: a descriptor always has one owner: a Socket, which closes it when it is collected, or a transport.
local core = require "casync.core"
local class = require "casync.class"
local await = require("casync.await").await
require "casync.net"

-- A second load in one Lua state gives the same functions.
if core.hooks.sockets then return core.hooks.sockets end

core.hooks.socket = core.hooks.socket or core.socket_constants()

local M = {numbers = core.hooks.socket}

--- An address as Python shows it: ('127.0.0.1', 80), ('::1', 80, 0, 0), 'path'.
function M.address_text(address)
  if type(address) ~= "table" then return "'" .. tostring(address) .. "'" end
  local parts = {"'" .. tostring(address[1]) .. "'"}
  for i = 2, #address do parts[i] = tostring(address[i]) end
  return "(" .. table.concat(parts, ", ") .. ")"
end

core.hooks.address_text = M.address_text

-- "laddr=…" of a socket that has one.
local function add_address(parts, label, ask, socket)
  local ok, address = pcall(ask, socket)
  if ok and address and address ~= "" then parts[#parts + 1] = label .. "=" .. M.address_text(address) end
end

local function text_of(socket)
  local name = class.of(socket) == core.TransportSocket and "asyncio.TransportSocket" or "Socket"
  local parts = {("<%s fd=%d"):format(name, socket:fileno()), "family=" .. socket.family, "type=" .. socket.type,
    "proto=" .. socket.proto}
  add_address(parts, "laddr", socket.getsockname, socket)
  add_address(parts, "raddr", socket.getpeername, socket)
  return table.concat(parts, ", ") .. ">"
end

for _, C in ipairs{core.Socket, core.TransportSocket} do
  C.__meta.__tostring = text_of
  class.adopt(C)
end
class.adopt(core.Listener)

--- The addresses of a host and port, as Loop:getaddrinfo lists them; numbers need no look-up (asyncio's _ensure_resolved).
--- Called inside a task. `opts`: family, type, proto, flags.
function M.resolve(loop, host, port, opts)
  local info = core.ipaddr_info(host, port, opts.family, opts.type, opts.proto)
  if info then return {info} end
  return await(loop:getaddrinfo(host, port, opts))
end

--- Hands a Socket's descriptor to a new transport, which it returns; where that raises the Socket is closed.
--- `server`: the Server that accepted it, or nil; `waiter`: a future that is done when connection_made() has returned.
function M.open_transport(loop, socket, protocol, server, waiter)
  local ok, transport = pcall(core.open_transport, loop, socket:fileno(), protocol, server, waiter)
  if not ok then
    socket:close()
    error(transport, 0)
  end
  socket:detach()
  return transport
end

core.hooks.sockets = M
return M
