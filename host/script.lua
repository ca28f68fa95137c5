-- SPDX-License-Identifier: MIT
-- What the command line asks for, as one main task: the chunks and modules of -e and -l in their order, then the script; or the
-- prompt (repl.lua).
-- Not here: the command line itself (main.c), what a main task may (casync.host).
-- Invariant: returns the exit status; what went wrong has been said on standard error.
local asyncio = require "casync"
local host = require "casync.host"

-- Chunks of -e find asyncio, async and await without a require; globals they set are the script's as well.
local handy = {asyncio = asyncio, async = asyncio.async, await = asyncio.await}
local env = setmetatable({}, {
  __index = function(_, name)
    local value = _G[name]
    if value == nil then return handy[name] end
    return value
  end,
  __newindex = _G,
  __pairs = function() return pairs(_G) end,
})

local steps_of = {}

-- Chunks run by tail calls: tracebacks then call them "main chunk".
steps_of["-e"] = function(chunk) return chunk() end

steps_of["-l"] = function(text)
  local name, module = text:match("^([^=]*)=(.*)$")
  if not name then name, module = text:match("^([^-]*)"), text end
  _G[name] = require(module)
end

-- What load returned; a chunk that cannot be loaded ends the session, and has no traceback to show.
local function loaded(chunk, message)
  return chunk or error(asyncio.SystemExit("casync: " .. message), 0)
end

local main = asyncio.async("main", function(steps, kind, path)
  for _, step in ipairs(steps) do
    local option, text = step[1], step[2]
    steps_of[option](option == "-e" and loaded(load(text, "=(command line)", "t", env)) or text)
  end
  if kind == "nothing" then return end
  return loaded(loadfile(path))(table.unpack(arg))
end)

-- Ends the session; the status that comes of what main raised, if it did.
local function finish(session, ok, err, traceback)
  if ok then return session:close() end
  host.report(err, traceback)
  return session:close(err)
end

return function(loop, steps, kind, path)
  if kind == "command" then return require "casync.host.ps"(path, table.move(arg, 2, #arg, 1, {})) end
  local session = host.Session(loop)
  if kind == "prompt" then return require "casync.host.repl"(session) end
  session:end_deadlocks()
  return finish(session, session:run(main, steps, kind, path))
end
