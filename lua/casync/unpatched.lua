-- SPDX-License-Identifier: MIT
-- The same module as "casync", without putting its coroutine library in the place of Lua's: awaiting inside coroutines then needs
-- `casync.coroutine`.
return require "casync.api"
