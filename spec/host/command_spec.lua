-- The command `casync`: its options, scripts that await at their top level, what errors and ends look like from outside.
local process = require "spec.support.process"

local function run(arguments) return process.run("casync " .. arguments) end

local function chunk(text) return run("-e " .. process.quote(text)) end

-- Runs a script in a folder of its own, with arguments; returns what it wrote and its status.
local function script(text, arguments, before)
  return process.with_folder(function(folder)
    process.write(folder .. "/script.lua", text)
    return process.run(("cd %s && %s casync script.lua %s"):format(process.quote(folder), before or "", arguments or ""))
  end)
end

local function assert_run(output, status, ...)
  local got, got_status = ...
  assert.equal(output, got)
  assert.equal(status, got_status)
end

local PRELUDE = 'local asyncio = require "casync" local await, sleep = asyncio.await, asyncio.sleep\n'

-- A task that says how it ends, and waits.
local CLEANUP = PRELUDE .. [[
  local task = asyncio.create_task(function()
    local _ <close> = setmetatable({}, {__close = function(_, err) await(sleep(0.01)) print("closed", err and err.name) end})
    await(sleep(100))
  end)
  await(sleep(0))
]]

describe("the options of casync", function()
  it("say the version, and what there is", function()
    assert.equal(("casync %s, Lua 5.4"):format(require("casync").version), (run("--version"):match("^(.*)%.%d+\n$")))
    local help, status = run("--help")
    assert.matches("^usage: casync %[options%] %[script %[args%]%]\n", help)
    assert.equal(0, status)
  end)

  it("that are unknown are refused, with the usage on standard error", function()
    local output, status = run("--fast 2>&1 >/dev/null")
    assert.matches("^casync: unrecognized option '%-%-fast'\nusage: casync ", output)
    assert.equal(1, status)
    assert.equal(1, (select(2, run("-i"))))
    assert.equal(1, (select(2, run("-x script.lua"))))
  end)

  it("that lack their argument are refused", function()
    assert.matches("^casync: '%-e' needs argument\n", (run("-e")))
    assert.matches("^casync: '%-l' needs argument\n", (run("-l --debug")))
  end)

  it("-e run chunks in their order, in which asyncio, async and await are there", function()
    assert_run("1\n2\ttrue\n", 0, run("-e 'x = 1 print(await(asyncio.sleep(0, x)))' -e'print(x + 1, async ~= nil)'"))
  end)

  it("-e leave scripts without these names, but with the chunk's globals", function()
    assert_run("nil\t5\n", 0, process.run("echo 'print(await, x)' | casync -e 'x = 5' -"))
  end)

  it("-l require modules", function()
    assert_run("true\ttrue\n", 0, run("-l casync -l text=string -e 'print(casync == asyncio, text == string)'"))
    assert.matches("module 'no_such_module' not found", (run("-l no_such_module")))
  end)

  it("--debug puts every loop into debug mode", function()
    local ask = "asyncio.get_running_loop():get_debug()"
    assert_run("true\ttrue\n", 0, run(("--debug -e 'print(%s, asyncio.run(function() return %s end))'"):format(ask, ask)))
    assert_run("false\n", 0, run(("-e 'print(%s)'"):format(ask)))
  end)

  it("-- ends them", function()
    assert.matches("^casync: cannot open %-e", (run("-- -e")))
  end)
end)

describe("a script", function()
  it("awaits, makes tasks and has a running loop at its top level", function()
    assert_run("task\ttrue\tTask-1\n", 0, script(PRELUDE .. [[
      local task = asyncio.create_task(sleep(0.01, "task"))
      print(await(task), asyncio.get_running_loop():is_running(), asyncio.current_task():get_name())
    ]]))
  end)

  it("gets its arguments as lua gives them", function()
    local text = "print(#arg, arg[-1], arg[0], arg[1], ...)"
    assert_run("2\tcasync\tscript.lua\ta b\ta b\t-e\n", 0, script(text, "'a b' -e"))
  end)

  it("comes from standard input", function()
    assert_run("-\tx\tx\n", 0, process.run("echo 'print(arg[0], arg[1], ...)' | casync - x"))
    assert_run("casync\n", 0, process.run("echo 'print(arg[0])' | casync"))
  end)

  it("may begin with a line for the shell", function()
    assert_run("ran\n", 0, script("#!/usr/bin/env casync\nprint('ran')"))
  end)

  it("that cannot be loaded is an error without a traceback", function()
    assert_run("casync: script.lua:1: unexpected symbol near '='\n", 1, script("= 1"))
    assert.matches("^casync: cannot open none.lua", (run("none.lua")))
  end)

  it("leaves nothing behind when it ends", function()
    assert_run("end\nclosed\tCancelledError\n", 0, script(CLEANUP .. "print('end')"))
  end)

  it("reports what its tasks left unread", function()
    local output, status = script(PRELUDE .. "asyncio.create_task(function() error('lost') end) await(sleep(0.01))")
    assert.matches("Task exception was never retrieved", output)
    assert.equal(0, status)
  end)

  it("needs no installed files", function()
    assert_run("hello\nworld\n", 0, process.run("casync=$(command -v casync); env -i LUA_PATH= LUA_CPATH= $casync examples/quickstart.lua"))
  end)
end)

describe("a script that raises", function()
  it("ends with status 1 and a traceback through the tasks that awaited", function()
    assert_run([[
casync: script.lua:3: boom
stack traceback:
	script.lua:3: in function <script.lua:3>
awaited by task 'Task-1':
	script.lua:4: in local 'middle'
	script.lua:5: in main chunk
]], 1, script(PRELUDE .. [[

local function inner() await(sleep(0)) error("boom") end
local function middle() await(asyncio.create_task(inner)) end
middle()
]]):gsub("^(.-):3:", "%1:3:"))
  end)

  it("survives a stack overflow", function()
    local text = script "local function f() return 1 + f() end\nf()"
    assert.matches("^casync: script.lua:1: stack overflow.-\nstack traceback:\n\tscript.lua:1: in upvalue 'f'\n", text)
    assert.matches("\n\t%.%.%.\t%(skipping %d+ levels%)\n.*\n\tscript.lua:2: in main chunk\n$", text)
  end)

  it("has its exceptions and groups shown with their classes", function()
    assert.matches("^casync: ValueError: no\nstack traceback:\n", (chunk("error(asyncio.ValueError('no'))")))
    assert.matches("^casync:\n  %+ ExceptionGroup: g %(1 sub%-exception%)\n",
      (chunk("error(asyncio.ExceptionGroup('g', {asyncio.ValueError('x')}))")))
    assert.matches("^casync: %(error object is a table value%) {1}\n", (chunk("error({1})")))
    assert.matches("^casync: RuntimeError: nil was raised as an error", (chunk("error(nil)")))
  end)

  it("SystemExit ends with its code", function()
    assert_run("", 3, chunk("error(asyncio.SystemExit(3))"))
    assert_run("", 0, chunk("error(asyncio.SystemExit())"))
    assert_run("why\n", 1, chunk("error(asyncio.SystemExit('why'))"))
  end)
end)

describe("os.exit", function()
  it("has lua's statuses", function()
    for argument, status in pairs{[""] = 0, ["true"] = 0, ["false"] = 1, ["7"] = 7, ["7.0, true"] = 7} do
      assert_run("", status, chunk(("os.exit(%s) print('on')"):format(argument)))
    end
    assert.matches("integer expected", (chunk("os.exit({})")))
  end)

  it("cancels what is left, and lets it clean up", function()
    assert_run("closed\tCancelledError\n", 5, script(CLEANUP .. "os.exit(5)"))
  end)

  it("ends everything from a task, a callback and a loop of the script's own", function()
    assert_run("", 5, script(PRELUDE .. "asyncio.create_task(function() os.exit(5) end) await(sleep(100))"))
    assert_run("", 6, script(PRELUDE .. "asyncio.get_running_loop():call_soon(os.exit, 6) await(sleep(100))"))
    assert_run("", 7, script(PRELUDE .. "asyncio.run(function() await(sleep(0)) os.exit(7) end)"))
  end)

  it("is not stopped by pcall", function()
    assert_run("", 5, chunk("pcall(os.exit, 5) await(asyncio.sleep(100))"))
    assert_run("", 6, chunk("pcall(asyncio.run, function() pcall(os.exit, 6) await(asyncio.sleep(100)) end) await(asyncio.sleep(100))"))
  end)

  it("has the last word during the clean-up", function()
    local _, status = script(PRELUDE .. [[
      asyncio.create_task(function()
        local _ <close> = setmetatable({}, {__close = function() os.exit(9) end})
        await(sleep(100))
      end)
      await(sleep(0))
      os.exit(1)
    ]])
    assert.equal(9, status)
  end)
end)

-- What a script does that sends itself signals; SIGINT is not ignored there, as it is in a shell's background.
local function signalled(text)
  return script(PRELUDE .. [[
    local function signal(name) io.popen("kill -" .. name .. " $PPID"):close() end
    local loop = asyncio.get_running_loop()
  ]] .. text)
end

describe("SIGTERM", function()
  it("cancels what runs, lets it clean up, and gives status 143", function()
    assert_run("closed\tCancelledError\n", 143, signalled(CLEANUP .. "loop:call_soon(signal, 'TERM') await(sleep(100))"))
  end)

  it("does so in a loop that the script runs", function()
    assert_run("closed\tCancelledError\n", 143,
      signalled("asyncio.run(function() " .. CLEANUP .. " signal('TERM') await(sleep(100)) end)"))
  end)

  it("ends Lua code that does not return to its loop", function()
    assert_run("", 143, signalled("signal('TERM') while true do end"))
    assert_run("", 143, signalled("signal('TERM') while true do pcall(function() while true do end end) end"))
    assert_run("", 143, signalled("asyncio.run(function() signal('TERM') while true do end end)"))
  end)

  it("a second time ends a clean-up that does not", function()
    local output, status = signalled [[
      asyncio.create_task(function()
        local _ <close> = setmetatable({}, {__close = function() print("cleaning") signal("TERM") await(sleep(100)) end})
        await(sleep(100))
      end)
      await(sleep(0))
      signal("TERM")
      await(sleep(100))
    ]]
    assert.matches("^cleaning\nTask was destroyed but it is pending!\n", output)
    assert.equal(143, status)
  end)

  it("belongs to a handler of the script's, in whatever loop", function()
    local main = [[
      local function main()
        local task = asyncio.current_task()
        asyncio.get_running_loop():add_signal_handler(15, function() print("mine") task:cancel() end)
        signal("TERM")
        await(sleep(100))
      end
    ]]
    assert_run("mine\nCancelledError\n", 0, signalled(main .. "print(tostring(select(2, pcall(main))))"))
    assert_run("mine\nCancelledError\n", 0, signalled(main .. "print(tostring(select(2, pcall(asyncio.run, main))))"))
  end)

  it("is the host's again when that handler is removed, or its loop closed", function()
    assert_run("", 143, signalled [[
      loop:add_signal_handler(15, print)
      loop:remove_signal_handler(15)
      signal("TERM")
      await(sleep(100))
    ]])
    assert_run("", 143, signalled [[
      asyncio.run(function() asyncio.get_running_loop():add_signal_handler(15, print) end)
      signal("TERM")
      await(sleep(100))
    ]])
  end)
end)

describe("Ctrl-C", function()
  it("cancels the main task, as in a Runner, and gives status 130", function()
    local output, status = signalled(CLEANUP .. "loop:call_soon(signal, 'INT') await(sleep(100))")
    assert.matches("closed\tCancelledError\n", output)
    assert.matches("casync: KeyboardInterrupt\n", output)
    assert.equal(130, status)
  end)

  it("is a Runner's of the script's while that runs, and the host's again afterwards", function()
    local output, status = signalled [[
      local ok, err = pcall(asyncio.run, function() signal("INT") await(sleep(100)) end)
      print(err.name, await(sleep(0, "on")))
      signal("INT")
      await(sleep(100))
    ]]
    assert.matches("^KeyboardInterrupt\ton\n.*casync: KeyboardInterrupt\n", output:gsub("^(casync.*)(Key.*)$", "%2%1"))
    assert.equal(130, status)
  end)

  it("raises KeyboardInterrupt from a loop that runs without a Runner", function()
    assert_run("KeyboardInterrupt\ton\n", 0, signalled [[
      local inner = asyncio.new_event_loop()
      inner:call_soon(signal, "INT")
      local ok, err = pcall(inner.run_until_complete, inner, sleep(100))
      print(err.name, await(sleep(0, "on")))
      inner:close()
    ]])
  end)

  it("a second time interrupts busy code", function()
    local output, status = signalled "signal('INT') signal('INT') while true do end"
    assert.matches("^casync: KeyboardInterrupt\n", output)
    assert.equal(130, status)
  end)
end)
