-- SPDX-License-Identifier: MIT
-- The transport of sockets: what of it is not native, and its place among the classes.
-- Not here: moving bytes (the core), making connected sockets (loop/connect.lua, loop/serve.lua).
-- Invariant: loaded before the first transport is made.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"
local options = require "casync.options"

core.open_net()
local Transport = core.SocketTransport
if rawget(Transport, "get_extra_info") then return core end
class.adopt(Transport, require("casync.transports").Transport)

-- Information that is there on first demand.
local find = {
  peername = function(transport) return (core.transport_names(transport)) end,
  sockname = function(transport) return (select(2, core.transport_names(transport))) end,
  socket = function(transport)
    require "casync.sockets"
    return core.socket_view(transport)
  end,
}

--- Information by name, else `default`: "peername" and "sockname" (addresses as they were when it
--- opened), and what its maker added.
function Transport:get_extra_info(name, default)
  local extra = core.transport_extra(self)
  local value = type(name) == "string" and extra[name] or nil
  if value == nil and find[name] then
    value = find[name](self)
    extra[name] = value
  end
  if value == nil then return default end
  return value
end

local LIMITS = {high = "integer", low = "integer"}

--- set_write_buffer_limits(high, low) or {high =, low =}: bytes in the write buffer above which the protocol's pause_writing
--- is called, and down to which resume_writing. Only high: low is a quarter of it; only low: high is four times as much.
function Transport:set_write_buffer_limits(high, low)
  if type(high) == "table" then
    local given = options.get(1, "set_write_buffer_limits", LIMITS, high)
    high, low = given.high, given.low
  end
  options.optional(1, "set_write_buffer_limits", "integer", high)
  options.optional(2, "set_write_buffer_limits", "integer", low)
  high = high or low and 4 * low or 64 * 1024
  low = low or high // 4
  if not (high >= low and low >= 0) then
    error(exceptions.ValueError(("high (%d) must be >= low (%d) must be >= 0"):format(high, low)), 0)
  end
  core.transport_limits(self, high, low)
end

function Transport.__meta.__tostring(self)
  local fd, reads, writes = core.transport_state(self)
  if fd < 0 then return "<SocketTransport closed>" end
  return ("<SocketTransport%s fd=%d read=%s write=<%s, bufsize=%d>>"):format(self:is_closing() and " closing" or "", fd,
    reads and "polling" or "idle", writes and "polling" or "idle", self:get_write_buffer_size())
end

-- What is told when a method of a protocol raises; after a fatal one the connection is aborted.
local MESSAGES = {
  connection_made = "Exception in callback connection_made()",
  connection_lost = "Exception in callback connection_lost()",
  pause_writing = "protocol.pause_writing() failed",
  resume_writing = "protocol.resume_writing() failed",
}

function core.hooks.protocol_failed(transport, method, err, is_fatal)
  local loop = core.transport_loop(transport)
  -- The system's errors reach connection_lost() only.
  if is_fatal and class.isinstance(err, exceptions.OSError) and not loop:get_debug() then return end
  loop:call_exception_handler{
    message = MESSAGES[method] or ("Fatal error: protocol.%s() call failed."):format(method),
    exception = err,
    transport = transport,
    protocol = transport:get_protocol(),
  }
end

function core.hooks.write_after_end() require("casync.log").logger:warning("socket.send() raised exception.") end

return core
