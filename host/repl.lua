-- SPDX-License-Identifier: MIT
-- The prompt: reads chunks, runs each as a main task, prints what it gives. What earlier chunks started goes on meanwhile, also
-- while the prompt waits for input.
-- Not here: editing a line (line.c), completing a name (complete.lua).
-- Invariant: only os.exit, SIGTERM and the end of the input end it; an error in a chunk never does.
local asyncio = require "casync"
local host = require "casync.host"
local line = require "casync.host.line"
local complete = require "casync.host.complete"
local await = asyncio.await

local function banner()
  return ("casync %s, %s: asyncio, async and await are there; Ctrl-D leaves\n"):format(asyncio.version, _VERSION)
end

-- Where lines are kept between sessions; nil: nowhere.
local function history_path()
  local path, home = os.getenv("CASYNC_HISTORY"), os.getenv("HOME")
  if path then return path ~= "" and path or nil end
  return home and home .. "/.casync_history"
end

local function prompt_text(is_first)
  local text = rawget(_G, is_first and "_PROMPT" or "_PROMPT2")
  if text == nil then return is_first and "> " or ">> " end
  return tostring(text)
end

-- Main task: one line. Returns it, or false at the end of the input.
local function read_line(editor, prompt)
  local loop = asyncio.get_running_loop()
  local whole = loop:create_future()
  local _ <close> = setmetatable({}, {__close = function()
    loop:remove_reader(0)
    loop:remove_signal_handler(line.SIGCONT)
    loop:remove_signal_handler(line.SIGWINCH)
    editor:stop()
  end})
  editor:begin(prompt)
  loop:add_reader(0, function()
    local text = editor:feed()
    if text ~= nil and not whole:done() then whole:set_result(text) end
  end)
  loop:add_signal_handler(line.SIGCONT, editor.begin, editor, prompt) -- who had the terminal meanwhile has left it otherwise
  loop:add_signal_handler(line.SIGWINCH, editor.resize, editor)
  return await(whole)
end

-- The chunk of a text: an expression whose values are wanted, or statements. Returns nil and the message of one that is none, and
-- whether more lines may make it one.
local function compile(text)
  local expression = load("return " .. text, "=stdin", "t")
  if expression then return expression end
  local chunk, message = load(text, "=stdin", "t")
  return chunk, message, not chunk and message:find("<eof>$") ~= nil
end

-- Main task: a chunk. Returns its values in a table: that none came is not the same as nil.
local run_chunk = asyncio.async("main", function(chunk) return table.pack(await(chunk)) end)

local Repl = {}
Repl.__index = Repl

local function is_interrupt(err) return asyncio.isinstance(err, asyncio.KeyboardInterrupt) end

-- Main task: the __tostring of a value may be the user's.
local function show(values)
  if values.n == 0 then return end
  local texts = {}
  for i = 1, values.n do texts[i] = host.show(values[i]) end
  print(table.concat(texts, "\t"))
end

local function say(text)
  io.stdout:flush()
  io.stderr:write(text, "\n")
end

-- Tells what a chunk raised; true if it asks for the end.
function Repl:fail(err, traceback)
  if host.is_exit(err) then
    host.report(err)
    self.err = err
    return true
  end
  say(is_interrupt(err) and "KeyboardInterrupt" or host.text(err, traceback))
  return false
end

-- Runs a chunk and shows what it gives; true if the session is to end.
function Repl:run(chunk)
  local ok, values, traceback = self.session:run(run_chunk, chunk)
  if ok then ok, values, traceback = self.session:run(show, values) end
  return not ok and self:fail(values, traceback)
end

-- Ctrl-C clears the line; true if the session is to end.
function Repl:unread(err, traceback)
  if not is_interrupt(err) then return self:fail(err, traceback) end
  print("^C")
  return false
end

-- Reads lines until they are a chunk. Returns it; nil for none this time; or whether the session is to end.
function Repl:read()
  local text
  repeat
    local ok, input, traceback = self.session:run(read_line, self.editor, prompt_text(not text))
    if not ok then return nil, self:unread(input, traceback) end
    if not input then
      print()
      return nil, true
    end
    if input:find("%S") then self.editor:remember(input) end
    text = text and text .. "\n" .. input or input:gsub("^%s*=", "return ")
    local chunk, message, is_open = compile(text)
    if chunk then return chunk end
    if not is_open then
      say(message)
      return nil, false
    end
  until false
end

function Repl:loop()
  repeat
    local chunk, is_over = self:read()
    if chunk then is_over = self:run(chunk) end
  until is_over
end

return function(session)
  _G.asyncio, _G.async, _G.await = asyncio, asyncio.async, await
  local repl = setmetatable({session = session, editor = line.open(complete, history_path())}, Repl)
  io.stdout:write(banner())
  repl:loop()
  repl.editor:close()
  return session:close(repl.err)
end
