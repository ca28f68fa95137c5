-- The prompt of `casync`, on a pseudo-terminal.
local process = require "spec.support.process"
local terminal = require "spec.support.terminal"
local lfs = require "lfs"

local function open(folder, variables)
  local all = {TERM = "xterm", HOME = folder, CASYNC_HISTORY = "", LC_ALL = "C.UTF-8"}
  for name, value in pairs(variables or {}) do all[name] = value end
  local term = terminal({"casync"}, all)
  term:expect("Ctrl-D leaves\n> ")
  return term
end

-- Calls f(terminal) at the first prompt of a session in a folder of its own.
local function session(f, variables)
  process.with_folder(function(folder)
    local term <close> = open(folder, variables)
    f(term, folder)
  end)
end

-- A test of one session: lines and what is shown for them.
local function shows(lines)
  session(function(term)
    for i = 1, #lines, 2 do assert.equal(lines[i + 1], term:enter(lines[i])) end
  end)
end

describe("the prompt", function()
  it("prints the values of expressions, also nil, and nothing for statements", function()
    shows {"1 + 1", "2\n", "x = 5", "", "x, nil, 'a'", "5\tnil\t'a'\n", "nil", "nil\n", "print('p')", "p\n", "= 7", "7\n",
      "return 8", "8\n", "", ""}
  end)

  it("shows tables and tasks readably", function()
    shows {"{1, {a = 2}}", "{1, {a = 2}}\n", "t = asyncio.create_task(asyncio.sleep(0, 7), {name = 'nap'})", "",
      "await(t)", "7\n", "t", "<Task finished name='nap' coro=<sleep() done> result=7>\n"}
  end)

  it("awaits at its top level, and has asyncio, async and await", function()
    shows {"await(asyncio.sleep(0.01, 'x'))", "'x'\n", "nap = async(function(n) return await(asyncio.sleep(0, n)) end)", "",
      "await(nap(3))", "3\n"}
  end)

  it("reads chunks of several lines", function()
    session(function(term)
      assert.equal("", term:enter("for i = 1, 2 do", ">> "))
      assert.equal("", term:enter("print(i)", ">> "))
      assert.equal("1\n2\n", term:enter("end"))
    end)
  end)

  it("prints errors with a traceback and goes on", function()
    shows {"x = = 1", "stdin:1: unexpected symbol near '='\n",
      "error('no')", "stdin:1: no\nstack traceback:\n\tstdin:1: in main chunk\n",
      "error(asyncio.ValueError('v'))", "ValueError: v\nstack traceback:\n\tstdin:1: in main chunk\n",
      "1", "1\n"}
  end)

  it("runs loops, as scripts do", function()
    shows {"asyncio.run(function() return await(asyncio.sleep(0, 4)) end)", "4\n"}
  end)

  it("has tasks go on while it waits for input", function()
    session(function(term)
      term:enter("task = asyncio.create_task(function() for i = 1, 3 do await(asyncio.sleep(0.01)) print('tick', i) end end)")
      term:expect("tick\t1\ntick\t2\ntick\t3\n")
      assert.equal("true\n", term:enter("task:done()"))
    end)
  end)

  it("tells at once what a task could not tell anybody else", function()
    session(function(term)
      term:enter("asyncio.get_running_loop():call_later(0.01, error, 'lost')")
      term:enter("asyncio.get_running_loop():call_later(0.02, print, 'then')")
      assert.matches("Exception in callback.*lost", term:expect("then\n"))
    end)
  end)
end)

describe("Ctrl-C at the prompt", function()
  it("interrupts an await", function()
    session(function(term)
      term:type("print('waits') await(asyncio.sleep(100))\n")
      term:expect("\nwaits\n")
      term:type("\3")
      assert.equal("^CKeyboardInterrupt\n> ", term:expect("> "))
      assert.equal("1\n", term:enter("1"))
    end)
  end)

  it("interrupts an await that nothing else can end, which is no deadlock at a prompt", function()
    session(function(term)
      term:type("print('waits') await(asyncio.get_running_loop():create_future())\n")
      term:expect("\nwaits\n")
      term:type("\3")
      assert.equal("^CKeyboardInterrupt\n> ", term:expect("> "))
    end)
  end)

  it("interrupts busy code, the second time", function()
    session(function(term)
      term:type("print('busy') while true do end\n")
      term:expect("\nbusy\n")
      term:press_until("\3", "KeyboardInterrupt\n> ")
    end)
  end)

  it("clears the line, and gives up a chunk of several", function()
    session(function(term)
      term:type("nonsense")
      term:expect("nonsense")
      term:type("\3")
      term:expect("^C\n> ")
      term:enter("do", ">> ")
      term:type("\3")
      term:expect("^C\n> ")
      assert.equal("1\n", term:enter("1"))
    end)
  end)

  it("leaves other tasks alone", function()
    session(function(term)
      term:enter("t = asyncio.create_task(asyncio.sleep(100))")
      term:type("\3")
      term:expect("^C\n> ")
      assert.equal("false\tfalse\n", term:enter("t:done(), t:cancelled()"))
    end)
  end)
end)

describe("a session ends", function()
  it("by Ctrl-D with status 0, and cleans up", function()
    session(function(term)
      term:enter("function close() await(asyncio.sleep(0)) print('closed') end")
      term:enter("function body() local _ <close> = setmetatable({}, {__close = close}) await(asyncio.sleep(100)) end")
      term:enter("t = asyncio.create_task(body)")
      term:type("\4")
      local status, shown = term:finish()
      assert.equal(0, status)
      assert.matches("closed\n$", shown)
    end)
  end)

  it("by os.exit with its status", function()
    session(function(term)
      term:type("os.exit(3)\n")
      assert.equal(3, (term:finish()))
    end)
  end)

  it("by SIGTERM with status 143", function()
    session(function(term)
      term:type("io.popen('kill -TERM $PPID'):close()\n")
      assert.equal(143, (term:finish()))
    end)
  end)

  it("by os.exit in a task, while the prompt waits", function()
    session(function(term)
      term:type("asyncio.get_running_loop():call_later(0.01, os.exit, 4)\n")
      assert.equal(4, (term:finish()))
    end)
  end)
end)

describe("editing", function()
  it("completes globals, fields and methods", function()
    session(function(term)
      term:type("asyncio.create_t\t")
      term:expect("asyncio.create_task")
      term:type("\3")
      term:expect("> ")
      term:type("coroutine.c\t")
      term:expect("close   create\n> coroutine.c")
      term:type("\3")
      term:expect("> ")
      term:enter("text = 'abc'")
      term:type("text:upp\t()\n")
      term:expect("'ABC'\n> ")
      term:type("unti\t")
      term:expect("until")
    end)
  end)

  it("takes characters beyond ASCII and goes back in the history", function()
    session(function(term)
      assert.equal("2\n", term:enter("utf8.len('äö')"))
      term:type("\27[A\n")
      term:expect("2\n> ")
    end)
  end)

  it("does not wait for what may follow Escape", function()
    session(function(term)
      term:enter("asyncio.get_running_loop():call_later(0.2, print, 'later')")
      term:type("\27")
      term:expect("later\n")
    end)
  end)
end)

describe("the history", function()
  it("is in $CASYNC_HISTORY, and there in the next session", function()
    process.with_folder(function(folder)
      local variables = {CASYNC_HISTORY = folder .. "/history"}
      local first <close> = open(folder, variables)
      first:enter("'remembered'")
      first:type("\4")
      assert.equal(0, (first:finish()))
      assert.equal("rw-------", lfs.attributes(folder .. "/history", "permissions"))
      local second <close> = open(folder, variables)
      second:type("\27[A\n")
      second:expect("'remembered'\n> ")
    end)
  end)

  it("is ~/.casync_history unless it is told otherwise, and nowhere if the variable is empty", function()
    process.with_folder(function(folder)
      local term <close> = terminal({"env", "-u", "CASYNC_HISTORY", "casync"}, {TERM = "xterm", HOME = folder})
      term:expect("> ")
      term:enter("1")
      term:type("\4")
      term:finish()
      assert.is_not_nil(lfs.attributes(folder .. "/.casync_history"))
    end)
    session(function(term, folder)
      term:enter("1")
      term:type("\4")
      term:finish()
      assert.is_nil(lfs.attributes(folder .. "/.casync_history"))
    end)
  end)
end)
