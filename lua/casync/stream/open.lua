-- SPDX-License-Identifier: MIT
-- Opening streams: open_connection and start_server (asyncio's streams.py).
-- Not here: connecting and listening (loop/connect.lua, loop/serve.lua).
-- Invariant: options but `limit` are those of loop:create_connection and loop:create_server, which check them.
local core = require "casync.core"
local options = require "casync.options"
local await = require("casync.await").await
local policy = require "casync.loop.policy"
local protocol = require "casync.stream.protocol"
local StreamWriter = require "casync.stream.writer"
local StreamReader = require("casync.stream.reader").StreamReader

local M = {}

local DEFAULT_LIMIT = 64 * 1024

-- The options without `limit`, and that.
local function split(fname, position, given)
  if given == nil then return nil, DEFAULT_LIMIT end
  if not options.is_options(given) then options.typeerror(position, fname, "table of options", given) end
  local rest = {}
  for name, value in next, given do rest[name] = value end
  local limit = rest.limit
  rest.limit = nil
  if limit ~= nil and math.type(limit) ~= "integer" then
    options.argerror(position, fname, "option 'limit': integer expected, got " .. options.typename(limit))
  end
  return rest, limit or DEFAULT_LIMIT
end

local function open_connection(host, port, given)
  local rest, limit = split("open_connection", 3, given)
  local loop = policy.get_running_loop()
  local reader = StreamReader(limit, loop)
  local receiver = protocol.StreamReaderProtocol(reader, nil, loop)
  local transport = await(loop:create_connection(function() return receiver end, host, port, rest))
  return reader, StreamWriter(transport, receiver, reader, loop)
end
core.name(open_connection, "open_connection")

--- open_connection(host, port[, {limit = bytes, …}]): connects and returns a StreamReader and a StreamWriter.
function M.open_connection(...) return core.coroutine(open_connection, ...) end

local function start_server(client_connected_cb, host, port, given)
  options.check(1, "start_server", "function", client_connected_cb)
  local rest, limit = split("start_server", 4, given)
  local loop = policy.get_running_loop()
  local function make_reader() return StreamReader(limit, loop) end
  return await(loop:create_server(protocol.factory(make_reader, client_connected_cb, loop), host, port, rest))
end
core.name(start_server, "start_server")

--- start_server(client_connected_cb, host, port[, {limit = bytes, …}]): listens, and runs client_connected_cb(reader, writer)
--- as a task for each connection; returns a Server.
function M.start_server(...) return core.coroutine(start_server, ...) end

return M
