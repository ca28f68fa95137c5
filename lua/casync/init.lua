-- SPDX-License-Identifier: MIT
-- require "casync": the module, and its coroutine library in the place of Lua's own, so that a coroutine of the user's may await.
-- Not here: the names of the module (api.lua).
for name, f in pairs(require "casync.coroutine") do coroutine[name] = f end

return require "casync.api"
