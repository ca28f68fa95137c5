-- SPDX-License-Identifier: MIT
-- The abstract transports (asyncio's transports.py), for whoever writes one.
-- Not here: the transport of sockets, which is native (net.lua).
-- Invariant: a method that a subclass does not give raises NotImplementedError.
local class = require "casync.class"
local core = require "casync.core"
local exceptions = require "casync.exceptions"

-- A second load in one Lua state gives the same classes.
if core.hooks.transports then return core.hooks.transports end

local M = {}

local function abstract(names)
  local methods = {}
  for name in names:gmatch("%S+") do
    methods[name] = function() error(exceptions.NotImplementedError(name .. "() is not implemented by this transport"), 0) end
  end
  return methods
end

--- What all transports have.
M.BaseTransport = class.define("BaseTransport", nil, abstract "is_closing close set_protocol get_protocol")

--- BaseTransport(extra): a table of extra info by name.
function M.BaseTransport:init(extra) self._extra = extra or {} end

--- Information by name, else `default`.
function M.BaseTransport:get_extra_info(name, default)
  local value = self._extra[name]
  if value == nil then return default end
  return value
end

--- The reading half.
M.ReadTransport = class.define("ReadTransport", M.BaseTransport, abstract "is_reading pause_reading resume_reading")

--- The writing half.
M.WriteTransport = class.define("WriteTransport", M.BaseTransport, abstract [[set_write_buffer_limits
  get_write_buffer_size get_write_buffer_limits write write_eof can_write_eof abort]])

--- Writes a list of byte strings.
function M.WriteTransport:writelines(list) self:write(table.concat(list)) end

--- Both.
M.Transport = class.define("Transport", M.WriteTransport, nil, M.ReadTransport)

core.hooks.transports = M
return M
