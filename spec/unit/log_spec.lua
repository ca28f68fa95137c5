-- lua/casync/log.lua: the logger.
local exceptions = require "casync.exceptions"
local log = require "casync.log"

describe("the logger", function()
  local logger, seen

  before_each(function()
    logger, seen = log.Logger("test"), {}
    logger.handler = function(...) seen[#seen + 1] = table.pack(...) end
  end)

  -- What is written to standard error while f runs.
  local function standard_error(f, ...)
    local stderr, file = io.stderr, io.tmpfile()
    io.stderr = file -- luacheck: ignore 122 (put back below)
    local ok, err = pcall(f, ...)
    io.stderr = stderr -- luacheck: ignore 122
    file:seek("set")
    local text = file:read("a")
    file:close()
    assert(ok, err)
    return text
  end

  it("of the library is named asyncio, and stays the same when the file is loaded again", function()
    assert.equal("asyncio", log.logger.name)
    package.loaded["casync.log"] = nil
    assert.equal(log.logger, require("casync.log").logger)
  end)

  it("tells its handler the level and the text", function()
    logger:warning("careful")
    logger:error("bad")
    logger:critical("worse")
    assert.same({{"WARNING", "careful", 30, n = 3}, {"ERROR", "bad", 40, n = 3}, {"CRITICAL", "worse", 50, n = 3}},
      seen)
  end)

  it("drops what is below warning, unless its level is lower", function()
    logger:info("no")
    logger:debug("no")
    assert.same({}, seen)
    logger:setLevel(log.DEBUG)
    logger:debug("yes")
    assert.equal("yes", seen[1][2])
  end)

  it("takes levels by name", function()
    logger:setLevel("error")
    assert.equal(log.ERROR, logger:getEffectiveLevel())
    assert.is_false(logger:isEnabledFor("WARNING"))
    assert.is_true(logger:isEnabledFor(log.ERROR))
    logger:setLevel(log.NOTSET)
    assert.equal(log.WARNING, logger:getEffectiveLevel())
  end)

  it("refuses levels that are none", function()
    local _, err = pcall(logger.setLevel, logger, "loud")
    assert.equal("ValueError: Unknown level: 'loud'", tostring(err))
    _, err = pcall(logger.setLevel, logger, {})
    assert.equal("TypeError: bad argument #1 to 'setLevel' (level expected, got table)", tostring(err))
  end)

  it("puts arguments into the text, and keeps a text that takes none", function()
    logger:error("%s took %.1f s", "task", 1.25)
    logger:error("100%")
    logger:error("%d", "x")
    assert.same({"task took 1.2 s", "100%", "%d"}, {seen[1][2], seen[2][2], seen[3][2]})
  end)

  it("writes to standard error without a handler", function()
    logger.handler = nil
    assert.equal("careful\n", standard_error(function()
      logger:info("no")
      logger:warning("careful")
    end))
  end)

  it("has as many handlers as were added", function()
    logger.handler = nil
    local calls = {}
    local function first() calls[#calls + 1] = "first" end
    local function second() calls[#calls + 1] = "second" end
    logger:addHandler(first)
    logger:addHandler(second)
    logger:addHandler(second)
    logger:error("x")
    logger:removeHandler(first)
    logger:error("x")
    assert.same({"first", "second", "second"}, calls)
    assert.is_true(logger:hasHandlers())
  end)

  it("survives a handler that fails", function()
    logger.handler = function() error("broken", 0) end
    assert.equal("--- Logging error ---\nbroken\nMessage: text\n", standard_error(logger.error, logger, "text"))
  end)

  it("lets cancellation pass out of a handler", function()
    local err = exceptions.CancelledError()
    logger.handler = function() error(err) end
    assert.same({false, err}, {pcall(logger.error, logger, "text")})
  end)

  it("shows an exception below the text", function()
    local err = exceptions.ValueError("x")
    err.traceback = "stack traceback:\n\tfile.lua:1: in f"
    logger:exception("failed", err)
    assert.equal("failed\nValueError: x\nstack traceback:\n\tfile.lua:1: in f", seen[1][2])
    assert.equal("ERROR", seen[1][1])
  end)
end)
