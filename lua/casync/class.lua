-- SPDX-License-Identifier: MIT
-- The class convention: how a class, its instances and its subclasses are made, in Lua and on classes that C made.
-- Not here: parents and metamethods of classes made in Lua (class/inherit.lua). In the start path: keep it short.
-- Invariant: a class is a table with the raw fields __name and __meta; getmetatable(object).__class is its class, and
-- getmetatable(class).__super the parent. __super and __also (a second parent, for isinstance only) form no cycle.
local class = {}
local getmetatable, setmetatable, rawget, type = getmetatable, setmetatable, rawget, type

-- What every class has, also one without a parent.
local root = {}

function root.__new(C) return setmetatable({}, C.__meta) end

--- C:subclass("Name"[, methods]): a new class below C.
function root.subclass(C, name, methods) return require "casync.class.inherit".subclass(C, name, methods) end

local function construct(C, ...)
  local object = C.__new(C)
  local init = C.init
  if init then init(object, ...) end
  return object
end

local function class_tostring(C) return "<class '" .. C.__name .. "'>" end

--- Makes a class of a table with __name and __meta; its instances are made by calling it.
function class.link(C, parent, also)
  local meta = C.__meta
  meta.__class, meta.__name = C, C.__name
  meta.__index = meta.__index or C
  return setmetatable(C, {__index = parent or root, __call = construct, __tostring = class_tostring,
    __super = parent, __also = also})
end

--- Makes a class. Functions in `methods` whose names start with "__" (but __new) become metamethods, which subclasses
--- inherit; a metamethod __index is asked for what neither the object nor its class has.
--- `also`: a second parent that isinstance knows and whose methods are copied.
function class.define(name, parent, methods, also)
  local C = {__name = name, __meta = {}}
  if parent or methods and next(methods) then require "casync.class.inherit".fill(C, parent, methods, also) end
  return class.link(C, parent, also)
end

--- Gives a class made in C (raw __name, __meta, __new, init, __userdata) its place among the classes; returns it.
function class.adopt(C, parent)
  local meta = C.__meta
  meta.__tostring = meta.__tostring or function(object) return require "casync.debug.repr".tostring(object) end
  return class.link(C, parent)
end

--- Whether a value is a class.
function class.isclass(value) return type(value) == "table" and rawget(value, "__meta") ~= nil end

--- Whether class C is `ancestor` or below it.
function class.issubclass(C, ancestor)
  while C do
    if C == ancestor then return true end
    local meta = getmetatable(C) or root
    if meta.__also and class.issubclass(meta.__also, ancestor) then return true end
    C = meta.__super
  end
  return false
end

--- The class of a value, nil if it is no object of a class.
function class.of(value)
  local meta = getmetatable(value)
  return type(meta) == "table" and rawget(meta, "__class") or nil
end

--- Whether a value of any type is an object of C or of a class below it; C may be a list of classes.
function class.isinstance(value, C)
  if type(C) ~= "table" then require "casync.options".typeerror(2, "isinstance", "class or list of classes", C) end
  local own = class.of(value)
  if not own then return false end
  if rawget(C, "__meta") then return class.issubclass(own, C) end
  for i = 1, #C do
    if class.isinstance(value, C[i]) then return true end
  end
  return false
end

return class
