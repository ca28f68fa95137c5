-- lua/casync/class.lua: classes made in Lua, and their subclasses.
local class = require "casync.class"
local core = require "casync.core"

local function assert_fails(text, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("TypeError: " .. text, tostring(err))
end

describe("a class", function()
  local Animal = class.define("Animal", nil, {
    init = function(self, name) self.name = name end,
    speak = function(self) return self.name .. " speaks" end,
    __tostring = function(self) return "animal " .. self.name end,
    __eq = function(a, b) return a.name == b.name end,
  })

  it("makes an object when it is called, and calls init with the arguments", function()
    assert.equal("Tom", Animal("Tom").name)
  end)

  it("gives its methods to its objects", function()
    assert.equal("Tom speaks", Animal("Tom"):speak())
  end)

  it("prints its name", function()
    assert.equal("<class 'Animal'>", tostring(Animal))
  end)

  it("keeps functions whose names start with two underscores as metamethods", function()
    assert.equal("animal Tom", tostring(Animal("Tom")))
    assert.is_true(Animal("Tom") == Animal("Tom"))
    assert.is_nil(rawget(Animal, "__tostring"))
  end)

  it("needs no init", function()
    assert.equal("table", type(class.define("Bare")()))
  end)

  it("makes objects with its own __new", function()
    local Boxed = class.define("Boxed", nil, {__new = function(C) return setmetatable({box = {}}, C.__meta) end})
    assert.is_table(Boxed().box)
  end)

  it("asks a metamethod __index for what neither the object nor the class has", function()
    local C = class.define("Getter", nil, {__index = function(_, key) return "<" .. key .. ">" end, m = 1})
    local object = C()
    object.own = 2
    assert.equal(2, object.own)
    assert.equal(1, object.m)
    assert.equal("<other>", object.other)
  end)
end)

describe("a subclass", function()
  local Base = class.define("Base", nil, {
    init = function(self, x) self.x = x end,
    get = function(self) return self.x end,
    __len = function() return 7 end,
    __index = function(_, key) return key == "computed" and 42 or nil end,
  })

  it("inherits methods, init and metamethods", function()
    local Sub = Base:subclass("Sub")
    local object = Sub(5)
    assert.equal(5, object:get())
    assert.equal(7, #object)
    assert.equal(42, object.computed)
  end)

  it("overrides methods, and reaches the parent's by field", function()
    local Sub = Base:subclass("Sub", {get = function(self) return Base.get(self) + 1 end})
    assert.equal(6, Sub(5):get())
  end)

  it("takes methods added after it was made", function()
    local Sub = Base:subclass("Sub")
    function Sub:init(x) Base.init(self, x * 2) end
    assert.equal(10, Sub(5):get())
  end)

  it("finds its own methods before the parent's metamethod __index", function()
    local Sub = Base:subclass("Sub", {computed = 1})
    assert.equal(1, Sub(5).computed)
  end)

  it("overrides metamethods in the table of methods", function()
    local Sub = Base:subclass("Sub", {__len = function() return 8 end})
    assert.equal(8, #Sub(1))
    assert.equal(7, #Base(1))
  end)

  it("can be made of a subclass", function()
    local Sub = Base:subclass("Sub"):subclass("SubSub")
    assert.equal(3, Sub(3):get())
    assert.is_true(class.isinstance(Sub(3), Base))
  end)

  it("needs a name, and a table of methods if any", function()
    assert_fails("bad argument #1 to 'subclass' (string expected, got nil)", Base.subclass, Base)
    assert_fails("bad argument #2 to 'subclass' (list expected, got number)", Base.subclass, Base, "Sub", 5)
  end)

  it("is made of a class, not of an object", function()
    assert_fails("calling 'subclass' on bad self (class expected, got Base)", Base.subclass, Base(1), "Sub")
  end)
end)

describe("isinstance", function()
  local A = class.define("A")
  local B = A:subclass("B")
  local Other = class.define("Other")

  it("knows the class and its parents", function()
    assert.is_true(class.isinstance(B(), B))
    assert.is_true(class.isinstance(B(), A))
    assert.is_false(class.isinstance(A(), B))
  end)

  it("takes a list of classes, also a nested one", function()
    assert.is_true(class.isinstance(B(), {Other, A}))
    assert.is_true(class.isinstance(B(), {Other, {A}}))
    assert.is_false(class.isinstance(B(), {Other}))
    assert.is_false(class.isinstance(B(), {}))
  end)

  it("is false for values that are no objects", function()
    for _, value in ipairs {1, "x", true, {}, print, setmetatable({}, {}), io.stdout, A} do
      assert.is_false(class.isinstance(value, A))
    end
    assert.is_false(class.isinstance(nil, A))
  end)

  it("does not look behind a protected metatable", function()
    assert.is_false(class.isinstance(setmetatable({}, {__metatable = "locked"}), A))
  end)

  it("refuses what is no class", function()
    assert_fails("bad argument #2 to 'isinstance' (class or list of classes expected, got nil)", class.isinstance, A(),
      nil)
  end)

  it("knows the second parent", function()
    local Both = class.define("Both", A, nil, Other)
    assert.is_true(class.isinstance(Both(), A))
    assert.is_true(class.isinstance(Both(), Other))
    assert.is_true(class.isinstance(Both:subclass("Sub")(), Other))
  end)
end)

describe("a class made in C", function()
  setup(function() require "casync" end)

  it("is a class like others", function()
    assert.is_true(class.isclass(core.Future))
    assert.equal("<class 'Future'>", tostring(core.Future))
    assert.is_true(class.issubclass(core.Task, core.Future))
  end)

  it("is the class of its objects", function()
    local loop = core.new_loop {virtual = true}
    local future = loop:create_future()
    assert.equal(core.Future, class.of(future))
    assert.is_true(class.isinstance(future, core.Future))
    assert.is_false(class.isinstance(future, core.Task))
    loop:close()
  end)

  it("has subclasses whose objects hold fields, before methods", function()
    local loop = core.new_loop {virtual = true}
    local Named = core.Future:subclass("Named", {kind = "class", shout = function(self) return self.name .. "!" end})
    function Named:init(name, options)
      core.Future.init(self, options)
      self.name = name
    end
    local future = Named("f", {loop = loop})
    assert.equal("f!", future:shout())
    assert.is_false(future:done())
    assert.equal("class", future.kind)
    future.kind = "own"
    assert.equal("own", future.kind)
    assert.is_true(class.isinstance(future, core.Future))
    assert.is_true(core.isfuture(future))
    loop:close()
  end)

  it("has subclasses of subclasses", function()
    local loop = core.new_loop {virtual = true}
    local Sub = core.Future:subclass("Sub"):subclass("SubSub", {two = function() return 2 end})
    local future = Sub {loop = loop}
    future.x = 1
    assert.equal(3, future.x + future:two())
    loop:close()
  end)
end)
