-- SPDX-License-Identifier: MIT
-- The class convention: how a class, its instances and its subclasses are made, in Lua and on classes that C made.
-- Not here: any class of asyncio. In the start path: keep it short.
-- Invariant: a class is a table with the raw fields __name and __meta; getmetatable(object).__class is its class, and
-- getmetatable(class).__super the parent. __super and __also (a second parent, for isinstance only) form no cycle.
local class = {}
local getmetatable, setmetatable, rawget, next, type = getmetatable, setmetatable, rawget, next, type

-- What every class has, also one without a parent.
local root = {}

function root.__new(C) return setmetatable({}, C.__meta) end

local function construct(C, ...)
  local object = C.__new(C)
  local init = C.init
  if init then init(object, ...) end
  return object
end

local function class_tostring(C) return "<class '" .. C.__name .. "'>" end

local function link(C, parent, also)
  return setmetatable(C, {__index = parent or root, __call = construct, __tostring = class_tostring,
    __super = parent, __also = also})
end

-- How instances find what they have not: in the class, then by a metamethod __index (kept as __getter). Instances of
-- classes below a userdata class keep fields of their own in core.fields; these come first.
local function set_index(C, meta)
  local getter = meta.__getter
  local fields = C.__userdata and require("casync.core").fields
  meta.__index = C
  if not (getter or fields) then return end
  meta.__index = function(object, key)
    local own = fields and fields(object, false)
    local value = own and own[key]
    if value == nil then value = C[key] end
    if value == nil and getter then return getter(object, key) end
    return value
  end
  if fields then meta.__newindex = function(object, key, value) fields(object)[key] = value end end
end

local function inherit(meta, parent)
  for key, value in next, parent.__meta do meta[key] = value end
  local index = rawget(parent, "__userdata") and meta.__index
  if type(index) == "function" then meta.__getter = index end
end

local function add_methods(C, meta, methods)
  for key, value in next, methods do
    if type(value) == "function" and key ~= "__new" and type(key) == "string" and key:sub(1, 2) == "__" then
      meta[key == "__index" and "__getter" or key] = value
    else
      C[key] = value
    end
  end
end

--- Makes a class. Functions in `methods` whose names start with "__" (but __new) become metamethods, which subclasses
--- inherit; a metamethod __index is asked for what neither the object nor its class has.
--- `also`: a second parent that isinstance knows and whose methods are copied.
function class.define(name, parent, methods, also)
  local C, meta = {}, {}
  if also then for key, value in next, also do C[key] = value end end
  C.__name, C.__meta = name, meta
  if parent then inherit(meta, parent) end
  if methods then add_methods(C, meta, methods) end
  meta.__name, meta.__class = name, C
  link(C, parent, also)
  set_index(C, meta)
  return C
end

--- C:subclass("Name"[, methods]): a new class below C.
function root.subclass(C, name, methods)
  if not class.isclass(C) then error("subclass is called on a class, as in C:subclass(name)", 2) end
  if type(name) ~= "string" then
    error("bad argument #1 to 'subclass' (string expected, got " .. type(name) .. ")", 2)
  end
  return class.define(name, C, methods)
end

--- Gives a class made in C (raw __name, __meta, __new, init, __userdata) its place among the classes; returns it.
function class.adopt(C, parent)
  local meta = C.__meta
  meta.__class, meta.__name = C, C.__name
  meta.__index = meta.__index or C
  if not meta.__tostring then
    meta.__tostring = function(object) return require("casync.debug.repr").tostring(object) end
  end
  return link(C, parent)
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
  if type(C) ~= "table" then
    error("bad argument #2 to 'isinstance' (class or list of classes expected, got " .. type(C) .. ")", 2)
  end
  local own = class.of(value)
  if not own then return false end
  if rawget(C, "__meta") then return class.issubclass(own, C) end
  for i = 1, #C do
    if class.isinstance(value, C[i]) then return true end
  end
  return false
end

return class
