-- SPDX-License-Identifier: MIT
-- asyncio.log: the logger that all messages of the library go to.
-- Not here: what the messages say (debug/report.lua and the places that log).
-- Invariant: logging raises nothing but what is no Exception; without a handler, messages from the logger's level on
-- (WARNING unless set) are written to standard error.
local core = require "casync.core"
local class = require "casync.class"
local exceptions = require "casync.exceptions"

-- A second load in one Lua state gives the same logger.
if core.hooks.log then return core.hooks.log end

local M = {NOTSET = 0, DEBUG = 10, INFO = 20, WARNING = 30, ERROR = 40, CRITICAL = 50}

local NAMES = {[0] = "NOTSET", [10] = "DEBUG", [20] = "INFO", [30] = "WARNING", [40] = "ERROR", [50] = "CRITICAL"}

local function fail(C, text, ...) error(C(text:format(...)), 0) end

local function level_name(level) return NAMES[level] or ("Level %d"):format(level) end

local function level_number(level)
  if math.type(level) == "integer" then return level end
  if type(level) ~= "string" then
    fail(exceptions.TypeError, "bad argument #1 to 'setLevel' (level expected, got %s)", type(level))
  end
  for number, name in next, NAMES do
    if name == level:upper() then return number end
  end
  fail(exceptions.ValueError, "Unknown level: '%s'", level)
end

local Logger = class.define("Logger", nil, {
  __tostring = function(self) return ("<Logger %s (%s)>"):format(self.name, level_name(self:getEffectiveLevel())) end,
})
M.Logger = Logger

function Logger.init(self, name)
  self.name, self.level, self.handlers = name, M.NOTSET, {}
end

--- Messages below the level are dropped: a number, or a name such as "DEBUG"; NOTSET stands for WARNING.
function Logger:setLevel(level) self.level = level_number(level) end

--- The level that counts.
function Logger:getEffectiveLevel() return self.level ~= M.NOTSET and self.level or M.WARNING end

--- Whether a message of this level would be logged.
function Logger:isEnabledFor(level) return level_number(level) >= self:getEffectiveLevel() end

--- Adds a handler: function(level name, text, level number). `logger.handler = f` sets the only one.
function Logger:addHandler(handler)
  if type(handler) ~= "function" and not (getmetatable(handler) or {}).__call then
    fail(exceptions.TypeError, "bad argument #1 to 'addHandler' (function expected, got %s)", type(handler))
  end
  self:removeHandler(handler)
  table.insert(self.handlers, handler)
end

--- Takes a handler away.
function Logger:removeHandler(handler)
  for i = #self.handlers, 1, -1 do
    if self.handlers[i] == handler then table.remove(self.handlers, i) end
  end
end

--- Whether anything but standard error gets the messages.
function Logger:hasHandlers() return self.handler ~= nil or #self.handlers > 0 end

local function write(text) io.stderr:write(text, "\n") end

local function emit(handler, level, text)
  local ok, err = exceptions.pcall(handler, level_name(level), text, level)
  if not ok then write("--- Logging error ---\n" .. tostring(err) .. "\nMessage: " .. text) end
end

local function formatted(text, ...)
  text = tostring(text)
  if select("#", ...) == 0 then return text end
  local ok, result = pcall(string.format, text, ...)
  return ok and result or text
end

--- Logs a message of a level; further arguments are put into it as string.format does.
function Logger:log(level, text, ...)
  level = level_number(level)
  if level < self:getEffectiveLevel() then return end
  text = formatted(text, ...)
  if self.handler then return emit(self.handler, level, text) end
  if #self.handlers == 0 then return write(text) end
  for _, handler in ipairs({table.unpack(self.handlers)}) do emit(handler, level, text) end
end

function Logger:debug(text, ...) return self:log(M.DEBUG, text, ...) end
function Logger:info(text, ...) return self:log(M.INFO, text, ...) end
function Logger:warning(text, ...) return self:log(M.WARNING, text, ...) end
function Logger:error(text, ...) return self:log(M.ERROR, text, ...) end
function Logger:critical(text, ...) return self:log(M.CRITICAL, text, ...) end

--- Logs a message at error level with an exception and, where known, its traceback below it.
function Logger:exception(text, err, traceback)
  if not self:isEnabledFor(M.ERROR) then return end
  self:log(M.ERROR, tostring(text) .. "\n" .. require("casync.debug.report").exception(err, traceback))
end

--- The logger of the whole library, named "asyncio".
M.logger = Logger("asyncio")

core.hooks.log = M
return M
