-- Every example runs and prints exactly what is written here: examples/tasks on a virtual clock, follow.lua on real pipes and files.
local lfs = require "lfs"
local process = require "spec.support.process"

local quote = process.quote

-- Example -> its output.
local outputs = {
  hello_world = [[
hello
world
]],
  one_after_the_other = [[
hello
world
took 3 seconds
]],
  create_task = [[
hello
world
took 2 seconds
]],
  task_group = [[
hello
world
took 2 seconds
]],
  gather = [[
hello, dear
world
5 11
took 2 seconds
]],
  nested_coroutines = [[
42
coroutine 'nested' was never awaited
coroutine: <coroutine object nested at ADDRESS>
]],
  task_result = [[
asker	false
42	the answer
true	42
]],
  set_after = [[
hello ...
... world
]],
  display_date = [[
00:00:00
00:00:01
00:00:02
00:00:03
00:00:04
]],
  display_date_by_callbacks = [[
00:00:00
00:00:01
00:00:02
00:00:03
00:00:04
]],
  factorials = [[
Task A: Compute factorial(2), currently i=2...
Task B: Compute factorial(3), currently i=2...
Task C: Compute factorial(4), currently i=2...
Task A: factorial(2) = 2
Task B: Compute factorial(3), currently i=3...
Task C: Compute factorial(4), currently i=3...
Task B: factorial(3) = 6
Task C: Compute factorial(4), currently i=4...
Task C: factorial(4) = 24
2, 6, 24
]],
  cancel_me = [[
cancel_me(): before sleep
cancel_me(): cancel sleep
cancel_me(): after sleep
main(): cancel_me is cancelled now
]],
  shield = [[
saving ...
waiter: CancelledError
waiter cancelled: true
saved
saving gave 7
]],
  eternity_wait_for = [[
timeout!
]],
  eternity_timeout = [[
false	TimeoutError
looks like we haven't finished on time
]],
  first_completed = [[
1	answer of south
2	still pending
]],
  as_completed = [[
connected to quick, first
connected to slow
connected to near
connected to far
]],
  terminate_task_group = [[
Task 1: start
Task 2: start
Task 1: done
terminated by 1 error
]],
  eager_tasks = [[
looking up a
first is done: false
A
second is done: true
A
]],
  context_variables = [[
ann: hello
bob: hello
bob: goodbye
ann: goodbye
nobody: idle
eve: hello
eve: goodbye
eve: once more
]],
  runner = [[
ann is visitor 1
bob is visitor 2
the loop is open: true
]],
}

describe("the examples", function()
  it("are all run by this spec", function()
    for file in lfs.dir("examples/tasks") do
      local name = file:match("^(.*)%.lua$")
      assert(not name or outputs[name], "no output is written down for examples/tasks/" .. file)
    end
    for file in lfs.dir("examples") do
      local name = file:match("^(.*)%.lua$")
      assert(not name or name == "quickstart" or name == "follow" or name == "thousand_tasks", "examples/" .. file .. " is not run")
    end
  end)

  for name, expected in pairs(outputs) do
    it(name .. ".lua prints what it promises", function()
      local output, status = process.run_on_virtual_clock(("examples/tasks/%s.lua"):format(name))
      assert.equal(expected, (output:gsub("0x%x+", "ADDRESS")))
      assert.equal(0, status)
    end)
  end

  it("quickstart.lua prints what it promises", function()
    local output, status = process.run_on_virtual_clock("examples/quickstart.lua")
    assert.equal("hello\nworld\n", output)
    assert.equal(0, status)
  end)

  it("run on a real clock too", function()
    local output, status = process.run("lua5.4 examples/tasks/task_result.lua")
    assert.equal(outputs.task_result, output)
    assert.equal(0, status)
  end)
end)

-- Runs follow.lua with some words in a folder; `before` and `behind` are commands of the shell around it. What writes to a named pipe
-- in the background starts when follow.lua has opened it; who still waits for a reader in the end gets one.
local function follow(folder, words, before, behind)
  local command = [[
cd %s && follow=%s
%slua5.4 "$follow" %s%s
status=$?
n=4
for pipe in *; do
  test ! -p "$pipe" || eval "exec $n<>\$pipe"
  n=$((n + 1))
done
wait
exit $status]]
  local script = lfs.currentdir() .. "/examples/follow.lua"
  return process.run(command:format(quote(folder), quote(script), before or "", words, behind or ""))
end

describe("follow.lua", function()
  it("counts the lines of pipes, of standard input, and of growing and truncated files until the time is up", function()
    local output, status = process.with_folder(function(folder)
      process.write(folder .. "/log", "before\nbefore\n")
      return follow(folder, "--seconds 0.9 log ends stays -", [[
        mkfifo ends stays
        { printf 'one\ntwo\nthr'; sleep 0.2; printf 'ee\nfour'; } >ends &
        {
          printf 'new ' >>log; sleep 0.2; printf 'line\n' >>log; sleep 0.2
          printf 'anew\n' >log; sleep 0.2; printf 'once more\npartial' >>log
          printf 'x\ny' >&3; sleep 0.5
        } 3>stays &
        printf 'a\nb\nc' | ]])
    end)
    assert.equal([[
log: truncated, reading from its beginning
log: 3 lines in all
ends: 4 lines in all, ended
stays: 1 lines in all
-: 3 lines in all, ended
]], output)
    assert.equal(0, status)
  end)

  it("says each second how many lines came in it", function()
    local output = process.with_folder(function(folder)
      return follow(folder, "--seconds 5 pipe other", [[
        mkfifo pipe other
        { seq 1234; sleep 1.1; echo end; } >pipe &
        echo >other &
      ]])
    end)
    assert.equal("1 s: pipe 1234 lines/s, other 1 lines/s\npipe: 1235 lines in all, ended\nother: 1 lines in all, ended\n", output)
  end)

  it("ends when all pipes have ended", function()
    local output, status = process.with_folder(function(folder)
      return follow(folder, "--seconds 15 a - b", "mkfifo a b\nseq 70000 >a &\nprintf '\\n\\n' >b & seq 5 | ")
    end)
    assert.equal("a: 70000 lines in all, ended\n-: 5 lines in all, ended\nb: 2 lines in all, ended\n", output)
    assert.equal(0, status)
  end)

  it("reads files from their beginning if asked, and a file as standard input", function()
    local output = process.with_folder(function(folder)
      process.write(folder .. "/long", ("0123456789\n"):rep(50000))
      process.write(folder .. "/short", "a\nb\nc")
      return follow(folder, "--seconds 0.15 --all long -", "", " <short")
    end)
    assert.equal("long: 50000 lines in all\n-: 2 lines in all\n", output)
  end)

  it("prints the totals at Ctrl-C", function()
    local output, status = process.with_folder(function(folder)
      return follow(folder, "pipe & child=$!", "mkfifo pipe\n",
        "\n{ printf 'x\\n'; sleep 0.2; kill -INT $child; wait $child; } >pipe")
    end)
    assert.equal("pipe: 1 lines in all\n", output)
    assert.equal(130, status)
  end)

  local refused = {
    {"what is not there", "here gone", "follow: gone: No such file or directory\n", 1},
    {"every problem at once", "gone here here .", "follow: gone: No such file or directory\nfollow: here: given twice\n" ..
      "follow: .: Is a directory\n", 1},
    {"no source", "--seconds 1", "follow: no source given\nusage: follow.lua [--all] [--seconds N] SOURCE ...\n", 2},
    {"a time-out that is none", "--seconds soon here",
      "follow: --seconds needs a number above 0\nusage: follow.lua [--all] [--seconds N] SOURCE ...\n", 2},
    {"unknown options", "--lines here", "follow: unknown option --lines\nusage: follow.lua [--all] [--seconds N] SOURCE ...\n", 2},
    {"a standard input that is closed", "- <&-", "follow: -: Bad file descriptor\n", 1},
  }
  for _, case in ipairs(refused) do
    local what, words, message, expected = table.unpack(case)
    it("refuses " .. what, function()
      local output, status = process.with_folder(function(folder)
        process.write(folder .. "/here", "")
        return follow(folder, words)
      end)
      assert.equal(message, output)
      assert.equal(expected, status)
    end)
  end
end)
