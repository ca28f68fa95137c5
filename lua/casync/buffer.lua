-- SPDX-License-Identifier: MIT
-- Buffer: bytes that can be filled in place, for BufferedProtocol, sock_recv_into and their like.
-- Not here: the class itself (the core's net/buffer.c), which is made on first use.
-- Invariant: one class in a Lua state, however often this file is loaded.
local core = require "casync.core"

core.Buffer = core.Buffer or require("casync.class").adopt(core.buffer_class())
-- In a table: Lua names functions two levels below package.loaded by their module in error messages.
return {Buffer = core.Buffer}
