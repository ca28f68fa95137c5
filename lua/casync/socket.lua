-- SPDX-License-Identifier: MIT
-- The numbers of Python's socket module that getaddrinfo and its like take and give: AF_INET, SOCK_STREAM, AI_PASSIVE, EAI_NONAME ….
-- Not here: look-ups and sockets, which are methods of loops.
-- Invariant: one table in a Lua state, however often this file is loaded.
local core = require "casync.core"

core.open_net()
core.hooks.socket = core.hooks.socket or core.socket_constants()
return core.hooks.socket
