-- Names of the module that need no more than a few lines: errors as users raise and catch them, levels, debug mode, the version.
local asyncio = require "casync"
local await = asyncio.await

local function run(f) return asyncio.testing.run(f) end

-- Awaits a task that raises an error; the same error must arrive.
local function through_a_task(err)
  local ok, arrived
  run(function() ok, arrived = pcall(await, asyncio.create_task(function() error(err, 0) end)) end)
  assert.is_false(ok)
  assert.equal(err, arrived)
  return arrived
end

-- The classes below each other, from the outermost.
local function assert_chain(err, ...)
  for _, class in ipairs{...} do assert.is_true(asyncio.isinstance(err, class), tostring(class)) end
end

describe("an error that a task raises", function()
  it("may be one of Python's own", function()
    assert_chain(through_a_task(asyncio.KeyError("k")), asyncio.LookupError, asyncio.Exception)
    assert_chain(through_a_task(asyncio.IndexError("i")), asyncio.LookupError, asyncio.Exception)
    assert_chain(through_a_task(asyncio.RecursionError()), asyncio.RuntimeError, asyncio.Exception)
    assert_chain(through_a_task(asyncio.NotImplementedError()), asyncio.RuntimeError, asyncio.Exception)
    assert_chain(through_a_task(asyncio.AssertionError()), asyncio.Exception, asyncio.BaseException)
    assert_chain(through_a_task(asyncio.EOFError()), asyncio.Exception, asyncio.BaseException)
    assert_chain(through_a_task(asyncio.StopAsyncIteration()), asyncio.Exception, asyncio.BaseException)
  end)

  it("may be one of asyncio's", function()
    assert_chain(through_a_task(asyncio.QueueEmpty()), asyncio.Exception)
    assert_chain(through_a_task(asyncio.QueueFull()), asyncio.Exception)
    assert_chain(through_a_task(asyncio.QueueShutDown()), asyncio.Exception)
    assert_chain(through_a_task(asyncio.BrokenBarrierError()), asyncio.RuntimeError)
    assert_chain(through_a_task(asyncio.SendfileNotAvailableError()), asyncio.RuntimeError)

    local incomplete = through_a_task(asyncio.IncompleteReadError("ab", 5))
    assert_chain(incomplete, asyncio.EOFError)
    assert.equal("ab", incomplete.partial)
    assert.equal(5, incomplete.expected)
    assert.equal(3, through_a_task(asyncio.LimitOverrunError("too long", 3)).consumed)
  end)

  it("may come from the system, with the class of its number", function()
    -- These numbers are the same on all systems.
    local classes = {[1] = asyncio.PermissionError, [2] = asyncio.FileNotFoundError, [3] = asyncio.ProcessLookupError,
      [4] = asyncio.InterruptedError, [10] = asyncio.ChildProcessError, [17] = asyncio.FileExistsError,
      [20] = asyncio.NotADirectoryError, [21] = asyncio.IsADirectoryError, [32] = asyncio.BrokenPipeError}
    for number, class in pairs(classes) do
      local err = through_a_task(asyncio.OSError(number, "text"))
      assert_chain(err, class, asyncio.OSError)
      assert.equal(number, err.errno)
    end
  end)

  it("may be about connections and names", function()
    for _, class in ipairs{asyncio.BrokenPipeError, asyncio.ConnectionAbortedError, asyncio.ConnectionRefusedError,
      asyncio.ConnectionResetError} do
      assert_chain(through_a_task(class("text")), asyncio.ConnectionError, asyncio.OSError)
    end
    for _, class in ipairs{asyncio.SSLCertVerificationError, asyncio.SSLEOFError, asyncio.SSLZeroReturnError} do
      assert_chain(through_a_task(class("text")), asyncio.SSLError, asyncio.OSError)
    end
    assert_chain(through_a_task(asyncio.BlockingIOError("text")), asyncio.OSError)
    assert_chain(through_a_task(asyncio.gaierror("text")), asyncio.OSError)
  end)
end)

describe("the levels of the logger", function()
  it("are in order, and messages below the logger's are dropped", function()
    local log = asyncio.log
    local logger, seen = log.Logger("mine"), {}
    logger:addHandler(function(name, text) table.insert(seen, name .. " " .. text) end)
    logger:setLevel(log.INFO)
    logger:log(log.DEBUG, "no")
    logger:log(log.INFO, "one")
    logger:setLevel(log.CRITICAL)
    logger:log(log.ERROR, "no")
    logger:log(log.CRITICAL, "two")
    assert.same({"INFO one", "CRITICAL two"}, seen)
  end)
end)

describe("a loop's debug mode", function()
  it("is off, set and got", function()
    run(function()
      local loop = asyncio.get_running_loop()
      assert.is_false(loop:get_debug())
      loop:set_debug(true)
      assert.is_true(loop:get_debug())
      loop:set_debug(false)
      assert.is_false(loop:get_debug())
    end)
  end)
end)

describe("asyncio.files.fileno", function()
  it("is the descriptor of a file", function()
    assert.equal(0, asyncio.files.fileno(io.stdin))
    assert.equal(2, asyncio.files.fileno(io.stderr))
  end)
end)

describe("the version", function()
  it("is three numbers", function() assert.matches("^%d+%.%d+%.%d+$", asyncio.version) end)
end)
