-- SPDX-License-Identifier: MIT
-- Look-ups of names: getaddrinfo and getnameinfo of loops (asyncio's base_events.py).
-- Not here: the look-ups themselves (the core's net/resolver.c); what needs none (core.ipaddr_info). Loaded on first use.
-- Invariant: a look-up begins when the coroutine does. Nobody waits for one that was cancelled, also not the end of run().
local core = require "casync.core"
local options = require "casync.options"

core.open_net()
local Loop = core.Loop
local await, new_coroutine = core.await, core.coroutine

local GETADDRINFO_OPTIONS = {family = "integer", type = "integer", proto = "integer", flags = "integer"}

local function getaddrinfo(loop, host, port, given)
  return await(core.getaddrinfo(loop, host, port, given.family, given.type, given.proto, given.flags))
end
core.name(getaddrinfo, "getaddrinfo")

local function check_one_of(position, fname, kinds, value)
  if value ~= nil and not kinds:find(math.type(value) or type(value), 1, true) then
    options.typeerror(position, fname, kinds .. " or nil", value)
  end
end

--- Coroutine: the addresses of a host and a port or service, nil for none, as an array of {family, type, proto, canonname,
--- sockaddr}, all of them also as fields; gaierror if there is none (asyncio loop.getaddrinfo). Options: family, type, proto, flags.
function Loop:getaddrinfo(host, port, opts)
  check_one_of(1, "getaddrinfo", "string", host)
  check_one_of(2, "getaddrinfo", "integer, string", port)
  return new_coroutine(getaddrinfo, self, host, port, options.get(3, "getaddrinfo", GETADDRINFO_OPTIONS, opts))
end

local function getnameinfo(loop, sockaddr, flags)
  return await(core.getnameinfo(loop, sockaddr, flags))
end
core.name(getnameinfo, "getnameinfo")

--- Coroutine: the host's and the service's name of an address whose host is a number; gaierror if they cannot be told
--- (asyncio loop.getnameinfo). `flags`: NI_ numbers.
function Loop:getnameinfo(sockaddr, flags)
  options.check(1, "getnameinfo", "table", sockaddr)
  options.optional(2, "getnameinfo", "integer", flags)
  return new_coroutine(getnameinfo, self, sockaddr, flags)
end
