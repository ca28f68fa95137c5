-- SPDX-License-Identifier: MIT
-- The abstract protocols (asyncio's protocols.py): what a transport calls, doing nothing.
-- Not here: the protocol of streams (stream/protocol.lua).
-- Invariant: a protocol need not be of these classes: any table or object will do, and a method that it does not have does
-- nothing. One with a method get_buffer is a BufferedProtocol.
local class = require "casync.class"
local core = require "casync.core"

-- A second load in one Lua state gives the same classes.
if core.hooks.protocols then return core.hooks.protocols end

local M = {}

--- What all protocols have.
M.BaseProtocol = class.define("BaseProtocol", nil, {
  --- The connection is there; called once, first.
  connection_made = function(self, transport) end, -- luacheck: ignore 212
  --- The connection has ended; called once, last. err: nil after close() or abort(), else the error.
  connection_lost = function(self, err) end, -- luacheck: ignore 212
  --- The transport keeps more than its high-water mark: write no more for now.
  pause_writing = function(self) end, -- luacheck: ignore 212
  --- It is down to its low-water mark.
  resume_writing = function(self) end, -- luacheck: ignore 212
})

--- A protocol of a byte stream.
M.Protocol = class.define("Protocol", M.BaseProtocol, {
  --- Some bytes (a string) have come.
  data_received = function(self, data) end, -- luacheck: ignore 212
  --- The peer has ended its sending half. A true result keeps the transport open for writing.
  eof_received = function(self) end, -- luacheck: ignore 212
})

--- A protocol of a byte stream that says where bytes go.
M.BufferedProtocol = class.define("BufferedProtocol", M.BaseProtocol, {
  --- Gives the asyncio.Buffer that the next bytes go to; sizehint: -1.
  get_buffer = function(self, sizehint) end, -- luacheck: ignore 212
  --- The first `nbytes` of that buffer have been filled.
  buffer_updated = function(self, nbytes) end, -- luacheck: ignore 212
  --- The peer has ended its sending half. A true result keeps the transport open for writing.
  eof_received = function(self) end, -- luacheck: ignore 212
})

core.hooks.protocols = M
return M
