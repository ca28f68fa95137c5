-- SPDX-License-Identifier: MIT
-- Parents and metamethods of classes made in Lua.
-- Not here: the convention itself (class.lua). Loaded with the first class that has a parent or methods.
-- Invariant: instances find what they have not in their class, then by the metamethod __index (kept as __getter).
-- Those of classes below a userdata class keep fields of their own in core.fields; these come first.
local class = require "casync.class"

local M = {}

local function set_index(C, meta, fields)
  local getter = meta.__getter
  meta.__index = function(object, key)
    local own = fields and fields(object, false)
    local value = own and own[key]
    if value == nil then value = C[key] end
    if value == nil and getter then return getter(object, key) end
    return value
  end
  if fields then meta.__newindex = function(object, key, value) fields(object)[key] = value end end
end

-- Metamethods are copied: Lua looks them up raw.
local function inherit(meta, parent)
  for key, value in next, parent.__meta do meta[key] = value end
  local index = rawget(parent, "__userdata") and meta.__index
  if type(index) == "function" then meta.__getter = index end
  meta.__index = nil
end

local function add_methods(C, meta, methods)
  for key, value in next, methods do
    if type(value) == "function" and key ~= "__new" and type(key) == "string" and key:sub(1, 2) == "__" then
      meta[key == "__index" and "__getter" or key] = value
    elseif key ~= "__name" and key ~= "__meta" then
      C[key] = value
    end
  end
end

--- Fills the class C, which is not linked yet.
function M.fill(C, parent, methods, also)
  local meta = C.__meta
  if also then add_methods(C, {}, also) end
  if parent then inherit(meta, parent) end
  if methods then add_methods(C, meta, methods) end
  local fields = parent and parent.__userdata and require("casync.core").fields
  if fields or meta.__getter then set_index(C, meta, fields) end
end

--- The method `subclass` of every class.
function M.subclass(C, name, methods)
  local options = require "casync.options"
  if not class.isclass(C) then options.typeerror(0, "subclass", "class", C) end
  options.check(1, "subclass", "string", name)
  options.optional(2, "subclass", "list", methods)
  return class.define(name, C, methods)
end

return M
