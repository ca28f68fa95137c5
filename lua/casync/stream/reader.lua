-- SPDX-License-Identifier: MIT
-- StreamReader: the class, made on first use.
-- Not here: what it does (the core's stream/), its text (debug/repr.lua).
-- Invariant: one class in a Lua state, however often this file is loaded; nobody makes a reader before it is.
local core = require "casync.core"

-- The iterators of lines() for a subclass that has a readline() of its own.

function core.hooks.next_line(reader)
  local line = core.await(reader:readline())
  return line ~= "" and line or nil
end

function core.hooks.next_bare_line(reader)
  local line = core.hooks.next_line(reader)
  return line and (line:gsub("\n$", ""))
end

if not core.StreamReader then
  local StreamReader
  StreamReader, core.reader_info = core.reader_class()
  core.StreamReader = require("casync.class").adopt(StreamReader)
end
-- In a table: Lua names functions two levels below package.loaded by their module in error messages.
return {StreamReader = core.StreamReader}
