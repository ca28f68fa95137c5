-- add_reader, add_writer and their removal, on pipes and socket pairs.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local fds = require "fds"
local await, sleep = asyncio.await, asyncio.sleep

local function loop() return asyncio.get_running_loop() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

local function raises(class, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(asyncio.isinstance(err, class), tostring(err))
  return err
end

-- A test in a task, with the ends of a pipe (or of `make`), which are closed afterwards.
local function it_has(make, name, f)
  it(name, function()
    local a, b = make()
    local ok, err = pcall(testing.run, f, a, b)
    for _, fd in ipairs{a, b} do pcall(fds.close, fd) end
    if not ok then error(err, 0) end
  end)
end

local function it_has_pipe(name, f) it_has(fds.pipe, name, f) end
local function it_has_sockets(name, f) it_has(fds.socketpair, name, f) end

describe("a descriptor", function()
  local METHODS = {"add_reader", "add_writer", "remove_reader", "remove_writer"}

  for _, method in ipairs(METHODS) do
    it("that is negative is a ValueError for " .. method, function()
      testing.run(function() raises(asyncio.ValueError, loop()[method], loop(), -1, print) end)
    end)

    for _, value in ipairs{true, "x", {}, print, 1.5} do
      it(("that is none is refused by %s: %s"):format(method, type(value)), function()
        testing.run(function() assert.is_false((pcall(loop()[method], loop(), value, print))) end)
      end)
    end

    it("that is missing is refused by " .. method, function()
      testing.run(function() assert.is_false((pcall(loop()[method], loop()))) end)
    end)

    it("can be a file of Lua's for " .. method, function()
      testing.run(function()
        local file = assert(io.popen("exec cat", "w"))
        assert.is_true((pcall(loop()[method], loop(), file, print)))
        loop():remove_reader(file)
        loop():remove_writer(file)
        file:close()
      end)
    end)

    it("cannot be a closed file of Lua's for " .. method, function()
      testing.run(function()
        local file = assert(io.tmpfile())
        file:close()
        raises(asyncio.ValueError, loop()[method], loop(), file, print)
      end)
    end)
  end

  it_has_pipe("can be an object with fileno()", function(r, w)
    local object = setmetatable({}, {__index = {fileno = function() return r end}})
    local called = false
    fds.write(w, "x")
    loop():add_reader(object, function()
      called = true
      loop():remove_reader(object)
    end)
    turn()
    assert.is_true(called)
  end)

  it("whose fileno() throws is an error", function()
    testing.run(function()
      local object = setmetatable({}, {__index = {fileno = function() error("no", 0) end}})
      assert.same({false, "no"}, {pcall(loop().add_reader, loop(), object, print)})
    end)
  end)

  for _, method in ipairs{"add_reader", "add_writer"} do
    it("that is not open is an OSError for " .. method, function()
      testing.run(function()
        assert.equal(9, raises(asyncio.OSError, loop()[method], loop(), 987, print).errno)
      end)
    end)

    it("of a regular file is a PermissionError for " .. method, function()
      local fd = fds.open("/etc/passwd")
      testing.run(function()
        assert.equal(1, raises(asyncio.OSError, loop()[method], loop(), fd, print).errno)
        assert.is_false(loop():remove_reader(fd))
      end)
      fds.close(fd)
    end)

    it_has_sockets("needs a callback for " .. method, function(a)
      assert.is_false((pcall(loop()[method], loop(), a)))
      raises(asyncio.TypeError, loop()[method], loop(), a, 5)
      raises(asyncio.TypeError, loop()[method], loop(), a, asyncio.async(function() end))
    end)

    it_has_sockets("is refused by a closed loop for " .. method, function(a)
      local other = testing.new_event_loop()
      other:close()
      raises(asyncio.RuntimeError, other[method], other, a, print)
    end)
  end

  it("of a regular file leaves the callback to the collector", function()
    local fd = fds.open("/etc/passwd")
    testing.run(function()
      local weak = setmetatable({}, {__mode = "k"})
      do
        local token = {}
        weak[token] = true
        pcall(loop().add_reader, loop(), fd, function() return token end)
      end
      collect()
      assert.is_nil(next(weak))
    end)
    fds.close(fd)
  end)

  it_has_pipe("that is refused leaves the watcher before it alone", function(r, w)
    local called = false
    loop():add_reader(r, function()
      called = true
      loop():remove_reader(r)
    end)
    assert.is_false((pcall(loop().add_reader, loop(), r, 5)))
    fds.write(w, "x")
    turn()
    assert.is_true(called)
  end)

  -- In a process of its own: libev aborts where it is told of a descriptor that is not open.
  for name, how in pairs{
    ["before the loop has looked at it"] = "fds.close(r) fds.close(w)",
    ["after the loop has looked at it"] = "await(sleep(1)) fds.close(r) fds.close(w)",
    ["and watched for more"] = "await(sleep(1)) fds.close(r) pcall(loop.add_writer, loop, r, print)",
    ["and made anew"] = "await(sleep(1)) fds.close(r) fds.close(w) r, w = fds.pipe() pcall(loop.add_reader, loop, r, print)",
    ["and removed"] = "fds.close(r) loop:remove_reader(r)",
  } do
    it("that is closed while it is watched, " .. name .. ", harms nobody", function()
      local output, status = process.run("lua5.4 -e " .. process.quote(([[
        local asyncio, fds = require "casync", require "fds"
        local await, sleep = asyncio.await, asyncio.sleep
        asyncio.testing.run(function()
          local loop, calls = asyncio.get_running_loop(), 0
          local r, w = fds.pipe()
          loop:add_reader(r, function()
            calls = calls + 1
            if calls > 100 then os.exit(9) end
          end)
          %s
          await(sleep(1))
          await(sleep(1))
          loop:remove_reader(r)
          await(sleep(1))
          print "alive"
        end)
      ]]):format(how)))
      assert.same({"alive\n", 0}, {output, status})
    end)
  end

  it_has_pipe("with a high number works", function(r, w)
    -- dup2 is not at hand: many descriptors are opened instead.
    local opened = {}
    for i = 1, 200 do opened[i] = fds.open("/dev/null") end
    local r2, w2 = fds.pipe()
    for _, fd in ipairs(opened) do fds.close(fd) end
    local log = {}
    for _, fd in ipairs{r2, r} do
      loop():add_reader(fd, function()
        log[#log + 1] = fd
        loop():remove_reader(fd)
      end)
    end
    fds.write(w2, "x")
    fds.write(w, "x")
    turn()
    assert.equal(2, #log)
    fds.close(r2)
    fds.close(w2)
  end)
end)

describe("a watched descriptor", function()
  it("is let go when the loop closes", function()
    local r, w = fds.pipe()
    local weak = setmetatable({}, {__mode = "k"})
    do
      local other = testing.new_event_loop()
      local token = {}
      weak[token] = true
      other:add_reader(r, function() return token, other end)
      other:close()
    end
    collect()
    collect()
    assert.is_nil(next(weak))
    fds.close(r)
    fds.close(w)
  end)

  it("is let go when the loop is collected", function()
    local r, w = fds.pipe()
    local weak = setmetatable({}, {__mode = "k"})
    do
      local other = testing.new_event_loop()
      weak[other] = true
      other:add_reader(r, function() return other end)
    end
    collect()
    collect()
    assert.is_nil(next(weak))
    fds.close(r)
    fds.close(w)
  end)

  it("may be removed after the loop was closed: there is none", function()
    local r, w = fds.pipe()
    local other = testing.new_event_loop()
    other:add_reader(r, print)
    other:close()
    assert.is_false(other:remove_reader(r))
    fds.close(r)
    fds.close(w)
  end)

  it("is called in a later run of its loop", function()
    local r, w = fds.pipe()
    local other, got = testing.new_event_loop(), nil
    other:add_reader(r, function()
      got = fds.read(r)
      other:remove_reader(r)
    end)
    other:run_until_complete(function() end)
    fds.write(w, "later")
    other:run_until_complete(sleep(1))
    assert.equal("later", got)
    other:close()
    fds.close(r)
    fds.close(w)
  end)

  it("is called on a loop of real time, too", function()
    local r, w = fds.pipe()
    local got = asyncio.run(function()
      local future = loop():create_future()
      loop():add_reader(r, function()
        loop():remove_reader(r)
        future:set_result(fds.read(r))
      end)
      loop():call_soon(fds.write, w, "real")
      return await(asyncio.wait_for(future, 10))
    end)
    assert.equal("real", got)
    fds.close(r)
    fds.close(w)
  end)

  it("that belongs to a child process is read to its end", function()
    local pipe = assert(io.popen("printf 'one\\ntwo\\n'"))
    local text = asyncio.run(function()
      local future = loop():create_future()
      loop():add_reader(pipe, function()
        loop():remove_reader(pipe)
        future:set_result(pipe:read("a"))
      end)
      return await(asyncio.wait_for(future, 10))
    end)
    pipe:close()
    assert.equal("one\ntwo\n", text)
  end)
end)

describe("a process", function()
  it("whose standard input is /dev/null is told so as asyncio does", function()
    local output = process.run([[lua5.4 -e 'local a = require "casync"
      a.run(function() print(select(2, pcall(a.get_running_loop().add_reader, a.get_running_loop(), 0, print)).errno) end)' </dev/null]])
    assert.equal("1\n", output)
  end)
end)
