-- SPDX-License-Identifier: MIT
-- Loop:create_server: listening sockets on all addresses of the hosts (asyncio's base_events.py).
-- Not here: what a server does then (server.lua). Loaded on first use.
-- Invariant: the sockets belong to a Server, or all of them are closed.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local await = require("casync.await").await
local sockets = require "casync.sockets"
local Server = require("casync.loop.server").Server

local Loop = core.Loop
local OSError = exceptions.OSError
local N = sockets.numbers

local function resolve_host(loop, host, port, opts)
  local infos = sockets.resolve(loop, host, port,
    {family = opts.family, type = N.SOCK_STREAM, flags = opts.flags or N.AI_PASSIVE})
  if #infos == 0 then error(OSError(("getaddrinfo('%s') returned empty list"):format(tostring(host))), 0) end
  return infos
end
core.name(resolve_host, "_create_server_getaddrinfo")

-- Each distinct address once, in order.
local function distinct(lists)
  local seen, infos = {}, {}
  for _, list in ipairs(lists) do
    for _, info in ipairs(list) do
      local key = table.concat({info.family, info.type, info.proto, info.canonname, sockets.address_text(info.sockaddr)}, " ")
      if not seen[key] then
        seen[key] = true
        infos[#infos + 1] = info
      end
    end
  end
  return infos
end

local NOWHERE = {} -- stands for no host: all interfaces

local function resolve_all(loop, host, port, opts)
  local hosts = type(host) == "table" and host or {host == "" and NOWHERE or host or NOWHERE}
  local lookups = {}
  for i, name in ipairs(hosts) do
    lookups[i] = core.coroutine(resolve_host, loop, name ~= NOWHERE and name or nil, port, opts)
  end
  return distinct(await(require "casync.tasks.gather"(lookups)))
end

local function log_in_debug(loop, text)
  if loop:get_debug() then require("casync.log").logger:warning(text) end
end

local function set_options(socket, opts)
  local family = socket.family
  local is_inet = family == N.AF_INET or family == N.AF_INET6
  if opts.reuse_address ~= false then socket:setsockopt(N.SOL_SOCKET, N.SO_REUSEADDR, 1) end
  if opts.reuse_port and is_inet then socket:setsockopt(N.SOL_SOCKET, N.SO_REUSEPORT, 1) end
  if opts.keep_alive then socket:setsockopt(N.SOL_SOCKET, N.SO_KEEPALIVE, 1) end
  -- Linux would listen on IPv4 as well, and the socket for that could not be bound.
  if family == N.AF_INET6 then socket:setsockopt(N.IPPROTO_IPV6, N.IPV6_V6ONLY, 1) end
end

-- Binds a socket; false if the machine does not have that address.
local function bind(loop, socket, address)
  local ok, err = pcall(socket.bind, socket, address)
  if ok then return true end
  if not class.isinstance(err, OSError) then error(err, 0) end
  local text = ("error while attempting to bind on address %s: %s"):format(sockets.address_text(address), err.message:lower())
  if err.errno ~= core.EADDRNOTAVAIL then error(OSError(err.errno, text), 0) end
  log_in_debug(loop, text)
  return false
end

-- A socket of the address's family; nil if the machine does not know that.
local function new_socket(loop, info)
  local ok, socket = pcall(core.socket, info.family, info.type, info.proto)
  if ok then return socket end
  if not class.isinstance(socket, OSError) then error(socket, 0) end
  log_in_debug(loop, ("create_server() failed to create socket.socket(%d, %d, %d)"):format(info.family, info.type, info.proto))
  return nil
end

-- Adds the socket of one address to the list; one that cannot be bound is in it, too, when this raises.
local function add_socket(loop, list, info, opts)
  local socket = new_socket(loop, info)
  if not socket then return end
  list[#list + 1] = socket
  set_options(socket, opts)
  if bind(loop, socket, info.sockaddr) then return end
  list[#list] = nil
  socket:close()
end

local function bind_all(loop, infos, opts, list)
  for _, info in ipairs(infos) do add_socket(loop, list, info, opts) end
  if #list > 0 then return end
  local texts = {}
  for i, info in ipairs(infos) do texts[i] = sockets.address_text(info.sockaddr) end
  error(OSError(("could not bind on any address out of [%s]"):format(table.concat(texts, ", "))), 0)
end

-- Calls f; where it raises all sockets of the list are closed.
local function or_close(list, f, ...)
  local ok, err = pcall(f, ...)
  if ok then return end
  for _, socket in ipairs(list) do socket:close() end
  error(err, 0)
end

-- A server whose maker is cancelled here is nobody's: it is closed, where CPython leaves it listening.
local function begin(server)
  server:_start_serving()
  await(core.sleep(0))
end

local function create_server(loop, protocol_factory, host, port, opts)
  if host == nil and port == nil then
    error(exceptions.ValueError("Neither host/port nor sock were specified"), 0)
  end
  local list = {}
  or_close(list, bind_all, loop, resolve_all(loop, host, port, opts), opts, list)
  local server = Server(loop, list, protocol_factory, opts.backlog or 100)
  if opts.start_serving ~= false then
    local ok, err = pcall(begin, server)
    if not ok then
      server:close()
      error(err, 0)
    end
  end
  if loop:get_debug() then require("casync.log").logger:info(tostring(server) .. " is serving") end
  return server
end
core.name(create_server, "create_server")

local OPTIONS = {family = "integer", flags = "integer", backlog = "integer", reuse_address = "boolean", reuse_port = "boolean",
  keep_alive = "boolean", start_serving = "boolean"}

local function check_hosts(hosts)
  if type(hosts) ~= "table" then return options.optional(2, "create_server", "string", hosts) end
  options.check(2, "create_server", "list", hosts)
  for i, host in ipairs(hosts) do
    if type(host) ~= "string" then
      options.argerror(2, "create_server", ("string expected at place %d, got %s"):format(i, options.typename(host)))
    end
  end
end

--- Coroutine: a Server that listens on a port of all addresses of a host, or of a list of hosts; nil and "" are all
--- interfaces, port 0 is one that is free (asyncio loop.create_server). protocol_factory() makes the protocol of each
--- connection. Options: family and flags as of getaddrinfo, backlog (100), reuse_address (true), reuse_port, keep_alive,
--- start_serving (true).
function Loop:create_server(protocol_factory, host, port, opts)
  options.check(1, "create_server", "function", protocol_factory)
  check_hosts(host)
  opts = options.get(4, "create_server", OPTIONS, opts)
  return core.coroutine(create_server, self, protocol_factory, host, port, opts)
end

return Loop
