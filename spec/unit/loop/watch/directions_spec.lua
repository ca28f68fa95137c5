-- add_reader, add_writer and their removal, on pipes and socket pairs.
local asyncio = require "casync"
local testing = require "casync.testing"
local fds = require "fds"
local await, sleep, kw = asyncio.await, asyncio.sleep, asyncio.kw

local function loop() return asyncio.get_running_loop() end
local function turn() await(sleep(1)) end
local function collect() collectgarbage() collectgarbage() end

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
