-- SPDX-License-Identifier: MIT
-- StreamReaderProtocol: feeds a StreamReader, stops writers, and runs the handler of a server's connection (asyncio's
-- streams.py).
-- Not here: the bytes, which go from a SocketTransport straight to the reader unless a subclass has its own
-- data_received; the reader (the core).
-- Invariant: the futures of drain() and wait_closed() exist only while somebody asked for them.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"
local await = require("casync.await").await
local policy = require "casync.loop.policy"
local protocols = require "casync.protocols"
local StreamReader = require("casync.stream.reader").StreamReader
require "casync.net"

-- A second load in one Lua state gives the same classes.
if core.hooks.stream_protocols then return core.hooks.stream_protocols end

--- FlowControlMixin(loop): what drain() of a StreamWriter needs of its protocol.
local FlowControlMixin = class.define("FlowControlMixin", protocols.Protocol, {
  _paused = false,
  _connection_lost = false,
})

function FlowControlMixin:init(loop) self._loop = loop or policy.get_event_loop() end

function FlowControlMixin:pause_writing() self._paused = true end

-- An error that nobody waits for is no news: reading and writing raise it too.
local function complete(future, err)
  if err == nil then return future:set_result() end
  future:set_exception(err)
  core.clear_log_traceback(future)
end

local function wake(self, err)
  for _, waiter in ipairs(self._drain_waiters or options.none) do
    if not waiter:done() then complete(waiter, err) end
  end
end

function FlowControlMixin:resume_writing()
  self._paused = false
  wake(self)
end

function FlowControlMixin:connection_lost(err)
  self._connection_lost = true
  if self._paused then wake(self, err) end
end

-- Takes a waiter out of the list, however its wait ended.
local Waiting = {}

function Waiting.__close(waiting)
  local list = waiting.list
  for i = 1, #list do
    if list[i] == waiting.waiter then return table.remove(list, i) end
  end
end

local function drain_helper(self)
  if self._connection_lost then error(exceptions.ConnectionResetError("Connection lost"), 0) end
  if not self._paused then return end
  local waiter = self._loop:create_future()
  local list = self._drain_waiters or {}
  self._drain_waiters = list
  list[#list + 1] = waiter
  local _ <close> = setmetatable({list = list, waiter = waiter}, Waiting)
  await(waiter)
end
core.name(drain_helper, "_drain_helper")

function FlowControlMixin:_drain_helper() return core.coroutine(drain_helper, self) end

local StreamReaderProtocol = class.define("StreamReaderProtocol", FlowControlMixin)

--- StreamReaderProtocol(reader, client_connected_cb, loop): with a client_connected_cb(reader, writer) it is the protocol of
--- a server's connection.
function StreamReaderProtocol:init(reader, client_connected_cb, loop)
  if reader ~= nil and not class.isinstance(reader, StreamReader) then
    options.typeerror(1, "StreamReaderProtocol", "StreamReader", reader)
  end
  options.optional(2, "StreamReaderProtocol", "function", client_connected_cb)
  FlowControlMixin.init(self, loop)
  self._stream_reader, self._client_connected_cb = reader, client_connected_cb
end

-- The handler of a connection has ended: its error is told, and ends the connection. Until then the writer is held: a function
-- that takes only the reader does not hold it, as a coroutine of Python's does, and unclosed it would close the connection.
local function on_handled(transport, writer)
  local task = writer._task
  writer._task = nil
  if task:cancelled() then return transport:close() end
  local err = task:exception()
  if err == nil then return end
  writer:_get_loop():call_exception_handler{
    message = "Unhandled exception in client_connected_cb",
    exception = err,
    transport = transport,
    peername = transport:get_extra_info("peername"),
  }
  transport:close()
end
core.hooks.connection_handled = on_handled

local function run_handler(self, transport, reader)
  local writer = require "casync.stream.writer"(transport, self, reader, self._loop)
  local handler = self._client_connected_cb
  if type(handler) ~= "function" then
    local object = handler
    function handler(...) return object(...) end
  end
  local task = self._loop:create_task(handler, reader, writer)
  writer._task = task
  if class.of(transport) == core.SocketTransport then return core.handle_connection(transport, task, writer) end
  task:add_done_callback(function() on_handled(transport, writer) end)
end

function StreamReaderProtocol:connection_made(transport)
  local reader = self._stream_reader
  if reader then
    reader:set_transport(transport)
    local is_native = class.of(transport) == core.SocketTransport
    if is_native and self.data_received == StreamReaderProtocol.data_received then core.feed_reader(transport, reader) end
  end
  if self._client_connected_cb then run_handler(self, transport, reader) end
end

function StreamReaderProtocol:connection_lost(err)
  local reader = self._stream_reader
  if reader then
    if err == nil then reader:feed_eof() else reader:set_exception(err) end
  end
  self._closed_with = err
  if self._closed and not self._closed:done() then complete(self._closed, err) end
  FlowControlMixin.connection_lost(self, err)
  self._stream_reader = nil
end

function StreamReaderProtocol:data_received(data)
  if self._stream_reader then self._stream_reader:feed_data(data) end
end

--- Keeps the connection open: a peer that has ended its sending half can still be answered.
function StreamReaderProtocol:eof_received()
  if self._stream_reader then self._stream_reader:feed_eof() end
  return true
end

--- The future that wait_closed() awaits.
function StreamReaderProtocol:_get_close_waiter()
  if self._closed then return self._closed end
  self._closed = self._loop:create_future()
  if self._connection_lost then complete(self._closed, self._closed_with) end
  return self._closed
end

--- A function that makes the protocols of a server's connections. What they have in common they do not have each: there may be
--- thousands of them.
local function factory(make_reader, client_connected_cb, loop)
  local Connection = class.define("StreamReaderProtocol", StreamReaderProtocol, {
    _client_connected_cb = client_connected_cb,
    _loop = loop,
    init = function(self) self._stream_reader = make_reader() end,
  })
  return function() return Connection() end
end

local M = {factory = factory, FlowControlMixin = FlowControlMixin, StreamReaderProtocol = StreamReaderProtocol}
core.hooks.stream_protocols = M
return M
