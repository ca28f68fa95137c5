-- lua/casync/with.lua: asyncio.with and guards.
local exceptions = require "casync.exceptions"
local guards = require "casync.with"

local with, guard = guards.with, guards.guard

-- A context manager that notes what happens to it.
local function manager(notes, exit)
  return {
    enter = function()
      notes[#notes + 1] = "enter"
      return setmetatable({}, {__close = function(_, err)
        notes[#notes + 1] = {err}
        if exit then exit(err) end
      end})
    end,
  }
end

describe("with", function()
  it("enters, calls, exits, and returns what the function returns", function()
    local notes = {}
    local results = table.pack(with(manager(notes), function()
      notes[#notes + 1] = "body"
      return 1, nil, 3
    end))
    assert.same({1, nil, 3, n = 3}, results)
    assert.same({"enter", "body", {}}, notes)
  end)

  it("shows the exit the error in flight", function()
    local notes = {}
    assert.same({false, "boom"}, {pcall(with, manager(notes), function() error("boom", 0) end)})
    assert.same({"enter", {"boom"}}, notes)
  end)

  it("raises what the exit raises instead of the error in flight", function()
    local cm = manager({}, function() error("replaced", 0) end)
    assert.same({false, "replaced"}, {pcall(with, cm, function() error("boom", 0) end)})
  end)

  it("does not exit what it could not enter", function()
    local called = false
    local cm = {enter = function() error("shut", 0) end}
    assert.same({false, "shut"}, {pcall(with, cm, function() called = true end)})
    assert.is_false(called)
  end)

  it("passes the scope that enter returns", function()
    local scope = setmetatable({}, {__close = function() end})
    assert.equal(scope, with({enter = function() return scope end}, function(x) return x end))
  end)

  it("passes what Python binds where enter returns a guard", function()
    local barrier = {enter = function(self) return guard(self, function() end, 3, "index") end}
    assert.equal(3, with(barrier, function(x) return x end))
    local lock = {enter = function(self) return guard(self, function() end) end}
    assert.is_nil(with(lock, function(x) return x end))
  end)

  it("holds an object without enter that can be closed", function()
    local closed = false
    local object = setmetatable({}, {__close = function() closed = true end})
    assert.equal(object, with(object, function(x) return x end))
    assert.is_true(closed)
  end)

  it("refuses what is no context manager, and what is no function", function()
    for _, value in ipairs {5, "x", {}, print} do
      local ok, err = pcall(with, value, print)
      assert.is_false(ok)
      assert.matches("^TypeError: bad argument #1 to 'with' %(context manager expected, got %a+%)$", tostring(err))
    end
    local _, err = pcall(with, manager({}), nil)
    assert.equal("TypeError: bad argument #2 to 'with' (function expected, got nil)", tostring(err))
  end)

  it("can be left by yields in enter, body and exit", function()
    local cm = {
      enter = function(self)
        coroutine.yield("enter")
        return guard(self, function() coroutine.yield("exit") end)
      end,
    }
    local co = coroutine.wrap(function()
      return with(cm, function()
        coroutine.yield("body")
        return "done"
      end)
    end)
    assert.same({"enter", "body", "exit", "done"}, {co(), co(), co(), co()})
  end)

  it("nests 10,000 levels deep", function()
    local cm = {enter = function(self) return guard(self, function() end) end}
    local function deep(n)
      if n == 0 then return 0 end
      return with(cm, function() return deep(n - 1) + 1 end)
    end
    assert.equal(10000, deep(10000))
  end)

  it("unwinds 10,000 levels by an error", function()
    local exits = 0
    local cm = {enter = function(self) return guard(self, function() exits = exits + 1 end) end}
    local function deep(n)
      if n == 0 then error("bottom", 0) end
      with(cm, function() deep(n - 1) end)
    end
    assert.same({false, "bottom"}, {pcall(deep, 10000)})
    assert.equal(10000, exits)
  end)
end)

describe("a guard", function()
  it("calls its exit with the object when the scope ends", function()
    local seen
    do
      local g <close> = guard("object", function(...) seen = table.pack(...) end)
      assert.equal("object", g.object)
    end
    assert.same({"object", nil, n = 2}, seen)
  end)

  it("shows its exit the error in flight", function()
    local seen
    pcall(function()
      local _ <close> = guard("object", function(_, err) seen = err end)
      error("boom", 0)
    end)
    assert.equal("boom", seen)
  end)

  it("can be closed before, and then exits once", function()
    local exits = 0
    do
      local g <close> = guard("object", function() exits = exits + 1 end)
      g:close()
      g:close()
      assert.equal(1, exits)
    end
    assert.equal(1, exits)
  end)

  it("has the bound value in a field", function()
    assert.equal(2, guard({}, print, 2, "index").index)
  end)

  it("may replace the error in flight", function()
    local ok, err = pcall(function()
      local _ <close> = guard({}, function() error(exceptions.TimeoutError()) end)
      error(exceptions.CancelledError())
    end)
    assert.is_false(ok)
    assert.equal("TimeoutError", tostring(err))
  end)
end)

describe("in a task", function()
  local asyncio = require "casync"
  local await = asyncio.await

  it("a timeout holds for the function", function()
    local err = asyncio.testing.run(function()
      local _, err = pcall(asyncio.with, asyncio.timeout(1), function() await(asyncio.sleep(10)) end)
      return err
    end)
    assert.is_true(asyncio.isinstance(err, asyncio.TimeoutError))
  end)

  it("a task group waits for its tasks, and the function gets it", function()
    local done = 0
    asyncio.testing.run(function()
      asyncio.with(asyncio.TaskGroup(), function(group)
        for i = 1, 3 do
          group:create_task(function()
            await(asyncio.sleep(i))
            done = done + 1
          end)
        end
      end)
      assert.equal(3, done)
    end)
  end)

  it("scopes that await nest 2,000 levels deep, and unwind by a cancellation", function()
    local exits = 0
    local cm = {enter = function(self)
      await(asyncio.sleep(0))
      return guard(self, function() exits = exits + 1 end)
    end}
    local function deep(n)
      if n == 0 then return await(asyncio.sleep(100)) end
      return asyncio.with(cm, function() return deep(n - 1) end)
    end
    local task = asyncio.testing.run(function()
      local task = asyncio.create_task(deep, 2000)
      await(asyncio.sleep(1))
      task:cancel()
      await(asyncio.wait {task})
      return task
    end)
    assert.is_true(task:cancelled())
    assert.equal(2000, exits)
  end)
end)
