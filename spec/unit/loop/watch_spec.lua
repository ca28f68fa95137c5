-- add_reader, add_writer and their removal, on pipes and socket pairs.
local asyncio = require "casync"
local testing = require "casync.testing"
local process = require "spec.support.process"
local fds = require "fds"
local await, sleep, kw = asyncio.await, asyncio.sleep, asyncio.kw

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

describe("add_reader", function()
  it_has_pipe("calls when there is something to read", function(r, w)
    local got
    loop():add_reader(r, function()
      got = fds.read(r)
      loop():remove_reader(r)
    end)
    turn()
    assert.is_nil(got)
    fds.write(w, "hello")
    turn()
    assert.equal("hello", got)
  end)

  it_has_pipe("passes arguments, nil included", function(r, w)
    local got
    fds.write(w, "x")
    loop():add_reader(r, function(...)
      got = table.pack(...)
      loop():remove_reader(r)
    end, 1, nil, 3, nil)
    turn()
    assert.same({n = 4, 1, nil, 3, nil}, got)
  end)

  it_has_pipe("returns nothing", function(r)
    assert.equal(0, select("#", loop():add_reader(r, print)))
  end)

  it_has_pipe("calls again and again while there is something", function(r, w)
    local calls = 0
    fds.write(w, "abc")
    loop():add_reader(r, function()
      calls = calls + 1
      fds.read(r, 1)
    end)
    turn()
    turn()
    assert.equal(3, calls)
  end)

  it_has_pipe("calls until it is removed, read or not", function(r, w)
    local calls = 0
    fds.write(w, "x")
    loop():add_reader(r, function()
      calls = calls + 1
      if calls == 5 then loop():remove_reader(r) end
    end)
    turn()
    turn()
    assert.equal(5, calls)
  end)

  it_has_pipe("calls at the end of the file", function(r, w)
    local got
    loop():add_reader(r, function()
      got = fds.read(r)
      loop():remove_reader(r)
    end)
    fds.close(w)
    turn()
    assert.equal("", got)
  end)

  it_has_pipe("replaces the one before", function(r, w)
    local log = {}
    loop():add_reader(r, function() log[#log + 1] = "old" end)
    loop():add_reader(r, function()
      log[#log + 1] = "new"
      loop():remove_reader(r)
    end)
    fds.write(w, "x")
    turn()
    assert.same({"new"}, log)
  end)

  it_has_pipe("replaces one that is queued already: that does not run", function(r, w)
    local log = {}
    local r2, w2 = fds.pipe()
    fds.write(w2, "x")
    fds.write(w, "x")
    -- Whichever comes first replaces the other.
    local function replace(fd, other)
      return function()
        log[#log + 1] = "first"
        loop():remove_reader(fd)
        loop():add_reader(other, function()
          log[#log + 1] = "new"
          loop():remove_reader(other)
        end)
      end
    end
    loop():add_reader(r, replace(r, r2))
    loop():add_reader(r2, replace(r2, r))
    turn()
    assert.same({"first", "new"}, log)
    fds.close(r2)
    fds.close(w2)
  end)

  it_has_pipe("can be replaced by itself from inside", function(r, w)
    local calls = 0
    fds.write(w, "x")
    local function again()
      calls = calls + 1
      if calls == 3 then return loop():remove_reader(r) end
      loop():add_reader(r, again)
    end
    loop():add_reader(r, again)
    turn()
    turn()
    assert.equal(3, calls)
  end)

  it_has_pipe("runs in the context that is given", function(r, w)
    local var = asyncio.contextvars.ContextVar("v", {default = "unset"})
    local context = asyncio.contextvars.copy_context()
    context:run(function() var:set("given") end)
    local got
    fds.write(w, "x")
    loop():add_reader(r, function()
      got = var:get()
      loop():remove_reader(r)
    end, kw{context = context})
    turn()
    assert.equal("given", got)
  end)

  it_has_pipe("reports what it raises and goes on", function(r, w)
    local errors = {}
    loop():set_exception_handler(function(_, context) errors[#errors + 1] = context.exception end)
    fds.write(w, "x")
    local calls = 0
    loop():add_reader(r, function()
      calls = calls + 1
      if calls == 2 then loop():remove_reader(r) end
      error("bad", 0)
    end)
    turn()
    turn()
    assert.same({"bad", "bad"}, errors)
  end)

  it_has_pipe("refuses to await", function(r, w)
    local err
    fds.write(w, "x")
    local future = loop():create_future()
    loop():add_reader(r, function()
      err = select(2, pcall(await, future))
      loop():remove_reader(r)
    end)
    turn()
    assert.matches("^cannot await outside of a task", err.message)
  end)

  it_has_pipe("keeps its callback", function(r, w)
    local called = false
    loop():add_reader(r, function()
      called = true
      loop():remove_reader(r)
    end)
    collect()
    fds.write(w, "x")
    turn()
    assert.is_true(called)
  end)

  it_has_pipe("wakes the loop for what is written by a callback", function(r, w)
    local future = loop():create_future()
    loop():add_reader(r, function()
      loop():remove_reader(r)
      future:set_result(fds.read(r))
    end)
    loop():call_later(1, fds.write, w, "late")
    assert.equal("late", await(future))
  end)

  it_has_sockets("and add_writer watch one descriptor", function(a, b)
    local log = {}
    loop():add_reader(a, function()
      log.read = fds.read(a)
      loop():remove_reader(a)
    end)
    loop():add_writer(a, function()
      log.wrote = fds.write(a, "out")
      loop():remove_writer(a)
    end)
    fds.write(b, "in")
    turn()
    assert.same({read = "in", wrote = 3}, log)
    assert.equal("out", fds.read(b))
  end)

  it("calls several in the order of adding", function()
    local pipes, log = {}, {}
    for i = 1, 4 do pipes[i] = {fds.pipe()} end
    testing.run(function()
      for i, pipe in ipairs(pipes) do
        loop():add_reader(pipe[1], function()
          log[#log + 1] = i
          loop():remove_reader(pipe[1])
        end)
      end
      turn()
      for _, pipe in ipairs(pipes) do fds.write(pipe[2], "x") end
      turn()
    end)
    for _, pipe in ipairs(pipes) do
      fds.close(pipe[1])
      fds.close(pipe[2])
    end
    assert.same({1, 2, 3, 4}, log)
  end)

  it_has_pipe("comes behind what is ready, before due timers", function(r, w)
    local log = {}
    fds.write(w, "x")
    loop():add_reader(r, function()
      log[#log + 1] = "reader"
      loop():remove_reader(r)
    end)
    loop():call_soon(function() log[#log + 1] = "ready" end)
    loop():call_later(0, function() log[#log + 1] = "timer" end)
    turn()
    assert.same({"ready", "reader", "timer"}, log)
  end)
end)

describe("add_writer", function()
  it_has_pipe("calls when one can write", function(_, w)
    local wrote
    loop():add_writer(w, function(text)
      wrote = fds.write(w, text)
      loop():remove_writer(w)
    end, "hello")
    turn()
    assert.equal(5, wrote)
  end)

  it_has_pipe("does not call when the pipe is full", function(r, w)
    while fds.write(w, ("x"):rep(4096)) do end
    local called = 0
    loop():add_writer(w, function()
      called = called + 1
      loop():remove_writer(w)
    end)
    turn()
    assert.equal(0, called)
    while fds.read(r) do end
    turn()
    assert.equal(1, called)
  end)

  it_has_pipe("calls when nobody reads any more", function(r, w)
    while fds.write(w, ("x"):rep(4096)) do end
    local called = false
    loop():add_writer(w, function()
      called = true
      loop():remove_writer(w)
    end)
    fds.close(r)
    turn()
    assert.is_true(called)
  end)

  it_has_sockets("replaces the one before, and leaves the reader alone", function(a, b)
    local log = {}
    loop():add_reader(a, function()
      log[#log + 1] = "reader"
      loop():remove_reader(a)
    end)
    loop():add_writer(a, function() log[#log + 1] = "old" end)
    loop():add_writer(a, function()
      log[#log + 1] = "new"
      loop():remove_writer(a)
    end)
    fds.write(b, "x")
    turn()
    table.sort(log)
    assert.same({"new", "reader"}, log)
  end)
end)

describe("remove_reader and remove_writer", function()
  it_has_sockets("say whether there was one", function(a)
    assert.is_false(loop():remove_reader(a))
    assert.is_false(loop():remove_writer(a))
    loop():add_reader(a, print)
    assert.is_false(loop():remove_writer(a))
    assert.is_true(loop():remove_reader(a))
    assert.is_false(loop():remove_reader(a))
  end)

  it_has_pipe("take away one that is queued: it does not run", function(r, w)
    local called = 0
    local r2, w2 = fds.pipe()
    fds.write(w, "x")
    fds.write(w2, "x")
    local function only_one()
      called = called + 1
      loop():remove_reader(r)
      loop():remove_reader(r2)
    end
    loop():add_reader(r, only_one)
    loop():add_reader(r2, only_one)
    turn()
    assert.equal(1, called)
    fds.close(r2)
    fds.close(w2)
  end)

  it_has_pipe("let go of the callback", function(r)
    local weak = setmetatable({}, {__mode = "k"})
    do
      local token = {}
      weak[token] = true
      loop():add_reader(r, function() return token end)
      loop():remove_reader(r)
    end
    collect()
    assert.is_nil(next(weak))
  end)

  it_has_pipe("are called by a replacement, which lets go of the callback", function(r)
    local weak = setmetatable({}, {__mode = "k"})
    do
      local token = {}
      weak[token] = true
      loop():add_reader(r, function() return token end)
      loop():add_reader(r, print)
    end
    collect()
    assert.is_nil(next(weak))
  end)

  it("find nothing for a descriptor that nobody watches", function()
    testing.run(function()
      assert.is_false(loop():remove_reader(999))
      assert.is_false(loop():remove_writer(999))
    end)
  end)
end)

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
