-- lua/casync/debug/uncaught.lua: what the interpreter and busted show of an error that leaves asyncio.run.
local process = require "spec.support.process"

local PRELUDE = 'local asyncio = require "casync" local await = asyncio.await\n'

local BUSTED = require("lfs").currentdir() .. "/spec/support/busted.lua"

-- Runs a command in a folder with these files.
local function run(files, command)
  return process.with_folder(function(folder)
    for name, text in pairs(files) do process.write(folder .. "/" .. name, PRELUDE .. text) end
    return process.run(("cd %s && %s"):format(process.quote(folder), command))
  end)
end

local function lua(text) return run({["app.lua"] = text}, "exec lua5.4 app.lua") end

local function shows(expected, text)
  local output, status = lua(text)
  assert.equal("lua5.4: " .. expected .. "\nrun by:\n\tapp.lua:3: in main chunk\n", output)
  assert.equal(1, status)
end

describe("lua shows an error that leaves run", function()
  it("with the traceback through the tasks", function()
    shows("app.lua:2: boom\nstack traceback:\n\tapp.lua:2: in function <app.lua:2>\n"
      .. "awaited by task 'Task-1':\n\tapp.lua:3: in function <app.lua:3>", [[
local function fails() error("boom") end
asyncio.run(function() await(asyncio.create_task(fails)) end)]])
  end)

  it("whatever value it is", function()
    for raised, message in pairs{
      ["asyncio.ValueError('v')"] = "ValueError: v",
      ["{1}"] = "(error object is a table value) {1}",
      ["42"] = "42",
      ["nil"] = "RuntimeError: nil was raised as an error: raise a value instead",
      ["setmetatable({}, {__tostring = function() return 'mine' end})"] = "mine",
    } do
      shows(message .. "\nstack traceback:\n\tapp.lua:2: in function <app.lua:2>",
        "local function fails() error(" .. raised .. ") end\nasyncio.run(fails)")
    end
  end)

  it("as a tree, if it is a group", function()
    assert.equal("lua5.4: \n" .. [[
  + ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)
  | stack traceback:
  | 	app.lua:5: in function <app.lua:2>
  | run by:
  | 	app.lua:2: in main chunk
  +-+---------------- 1 ----------------
    | app.lua:4: no
    | stack traceback:
    | 	app.lua:4: in function <app.lua:4>
    +------------------------------------
]], (lua [[
asyncio.run(function()
  local group <close> = asyncio.TaskGroup():enter()
  group:create_task(function() error("no") end)
end)]]))
  end)

  it("of a cancelled main task, with where it was waiting", function()
    shows("CancelledError: enough\nstack traceback:\n\tapp.lua:2: in function <app.lua:2>", [[
local function main() asyncio.current_task():cancel("enough") await(asyncio.sleep(1)) end
asyncio.run(main)]])
  end)

  it("after Ctrl-C, with where it was waiting", function()
    shows("KeyboardInterrupt\nstack traceback:\n\tapp.lua:2: in function <app.lua:2>", [[
local function main() io.popen("kill -INT $PPID"):close() await(asyncio.sleep(10)) end
asyncio.run(main)]])
  end)

  it("in a module, and through a Runner", function()
    local output = run({["app.lua"] = 'require "part"',
      ["part.lua"] = "local runner <close> = asyncio.Runner()\nrunner:run(function() error('in a part', 0) end)"}, "exec lua5.4 app.lua")
    assert.matches("^lua5.4: in a part\nstack traceback:\n\t[^\n]*part.lua:3: in function [^\n]*\nrun by:\n\t[^\n]*part.lua:3: in", output)
  end)
end)

describe("an error that leaves run", function()
  it("is raised as it is where the program may catch it", function()
    assert.equal("text\ttrue\nstring\n", (lua [[
local problem = {}
local function raise(err) return function() error(err, 0) end end
print(select(2, pcall(asyncio.run, raise "text")), select(2, pcall(asyncio.run, raise(problem))) == problem)
xpcall(function() asyncio.run(raise "text") end, function(err) print(type(err)) end)]]))
  end)

  it("is what busted shows, with the line that raised it", function()
    local output = run({["app_spec.lua"] = [[
it("fails", asyncio.testing.async(function()
  await(asyncio.create_task(function() error(asyncio.ValueError("v")) end))
end))
it("is wrong", asyncio.testing.async(function() assert.equal(1, 2) end))]]}, "exec lua5.4 " .. process.quote(BUSTED) .. " app_spec.lua")
    assert.matches([[

app_spec.lua:3: ValueError: v
stack traceback:
	app_spec.lua:3: in function <app_spec.lua:3>
awaited by task 'Task%-1':
	app_spec.lua:3: in function <app_spec.lua:2>
]], output)
    assert.matches("\napp_spec.lua:5: Expected objects to be equal.\n", output)
    assert.matches("0 successes / 1 failure / 1 error / 0 pending", output)
    assert.is_nil(output:find("busted/core.lua", 1, true))
  end)
end)
