-- SPDX-License-Identifier: MIT
-- StreamWriter: the writing half of a stream, over a transport (asyncio's streams.py).
-- Not here: what is called for every message, which is native (write, is_closing, drain where there is nothing to wait for).
-- Invariant: whatever the loop holds must not refer to a writer, or it would never be found unclosed.
local core = require "casync.core"
local class = require "casync.class"
local options = require "casync.options"
local await = require("casync.await").await
local StreamReader = require("casync.stream.reader").StreamReader
require "casync.net"

-- A second load in one Lua state gives the same class.
if core.hooks.StreamWriter then return core.hooks.StreamWriter end

local native = core.StreamWriter

local StreamWriter = class.define("StreamWriter", nil, {
  write = native.write,
  is_closing = native.is_closing,
  drain = native.drain,
  __tostring = function(self)
    return ("<%s transport=%s reader=%s>"):format(class.of(self).__name, self.transport, self._reader)
  end,
})

--- StreamWriter(transport, protocol, reader, loop): reader may be nil; protocol has _drain_helper and _get_close_waiter.
function StreamWriter:init(transport, protocol, reader, loop)
  if reader ~= nil and not class.isinstance(reader, StreamReader) then
    options.typeerror(3, "StreamWriter", "StreamReader", reader)
  end
  self.transport, self._protocol, self._reader = transport, protocol, reader
  if loop ~= protocol._loop then self._loop = loop end -- a field less for thousands of connections
end

-- The loop that it was made for.
function StreamWriter:_get_loop() return self._loop or self._protocol._loop end

--- Writes a list of byte strings, with one call of the kernel where that is possible.
function StreamWriter:writelines(list) return self.transport:writelines(list) end

--- Ends the sending half once everything is sent.
function StreamWriter:write_eof() return self.transport:write_eof() end

--- Whether the transport can end its sending half alone.
function StreamWriter:can_write_eof() return self.transport:can_write_eof() end

--- Begins to close the transport; what was written is still sent.
function StreamWriter:close() return self.transport:close() end

--- Information about the transport by name ("peername", "sockname", "socket"), else `default`.
function StreamWriter:get_extra_info(name, default) return self.transport:get_extra_info(name, default) end

local function wait_closed(self) await(self._protocol:_get_close_waiter(self)) end
core.name(wait_closed, "StreamWriter.wait_closed")

--- Waits until the connection has ended; raises its error, if any.
function StreamWriter:wait_closed() return core.coroutine(wait_closed, self) end

-- drain() where there is something to wait for or to raise.
function StreamWriter:_drain()
  local reader = self._reader
  local err = reader and reader:exception()
  if err ~= nil then error(err, 0) end
  -- connection_lost() may be on its way: without this turn, a loop of write() and drain() would never let it come.
  if self.transport:is_closing() then await(core.sleep(0)) end
  await(self._protocol:_drain_helper())
end

-- A writer that is dropped unclosed takes its connection along, and debug mode says so.
function StreamWriter.__meta.__gc(self)
  local transport = self.transport
  if transport == nil or transport:is_closing() then return end
  local loop = self:_get_loop()
  if loop:is_closed() then return end
  local source = loop:get_debug() and core.hooks.source(transport)
  transport:close()
  if not loop:get_debug() then return end
  loop:call_soon(loop.call_exception_handler, loop, {message = "unclosed StreamWriter", writer = self, source_traceback = source})
end

core.hooks.StreamWriter = StreamWriter
return StreamWriter
