-- lua/casync/debug/call_graph.lua and graph.lua: the call graph of asyncio's graph.py. What it shares with CPython is in
-- spec/parity/scenarios/callgraph.py.
local asyncio = require "casync"
local async, await = asyncio.async, asyncio.await
local capture, format = asyncio.capture_call_graph, asyncio.format_call_graph

local here = debug.getinfo(1, "S").source:sub(2)

local function line() return debug.getinfo(2, "l").currentline end

local function run(f) return asyncio.testing.run(f) end

local function start(name, f) return asyncio.create_task(async(name, f)(), {name = name}) end

-- The names of a call stack, the innermost first.
local function stack(node)
  local names = {}
  for i, entry in ipairs(node.call_stack) do names[i] = entry.frame.name end
  return table.concat(names, " ")
end

-- A graph as text: "A(B(C) D)".
local function shape(node)
  local above = {}
  for i, waiter in ipairs(node.awaited_by) do above[i] = shape(waiter) end
  local future = node.future
  local name = asyncio.isinstance(future, asyncio.Task) and future:get_name() or "Future"
  return name .. (node.repeated and "*" or "") .. (#above > 0 and "(" .. table.concat(above, " ") .. ")" or "")
end

local function sleeper(name) return start(name, function() await(asyncio.sleep(99)) end) end

describe("capture_call_graph", function()
  it("gives objects of asyncio's classes", function()
    run(function()
      local task = sleeper "A"
      await(asyncio.sleep(0))
      local node = capture(task)
      assert.is_true(asyncio.isinstance(node, asyncio.FutureCallGraph))
      assert.equal(task, node.future)
      assert.is_true(asyncio.isinstance(node.call_stack[1], asyncio.FrameCallGraphEntry))
      assert.equal(here, node.call_stack[1].frame.source)
      assert.equal("FrameCallGraphEntry(frame=<" .. here .. ":" .. node.call_stack[1].frame.currentline .. " in A>)",
        tostring(node.call_stack[1]))
      assert.matches("^FutureCallGraph%(future=<Task pending name='A'.*, call_stack=<1>, awaited_by=<0>%)$", tostring(node))
    end)
  end)

  it("makes its objects by asyncio's constructors too", function()
    local entry = asyncio.FrameCallGraphEntry{source = "a.lua", currentline = 1, name = "f"}
    local node = asyncio.FutureCallGraph("future", {entry}, {})
    assert.same({"future", entry, 0}, {node.future, node.call_stack[1], #node.awaited_by})
  end)

  it("has every function of the user's, the innermost first", function()
    run(function()
      local at
      local function helper()
        at = line() + 1
        await(asyncio.wait_for(asyncio.sleep(5), 9))
      end
      local inner = async("inner", function() helper() end)
      local task = start("outer", function() await(inner()) end)
      await(asyncio.sleep(0))
      local node = capture(task)
      assert.equal("helper inner outer", stack(node))
      local frames = {}
      for i, entry in ipairs(node.call_stack) do frames[i] = entry.frame end
      assert.same({nil, "async", "async"}, {frames[1].kind, frames[2].kind, frames[3].kind})
      assert.equal(at, frames[1].currentline)
    end)
  end)

  it("is right about the task that runs, whatever it has called", function()
    run(function()
      local node
      local function helper() node = capture() end
      local inner = async("inner", function() helper() end)
      await(start("outer", function() await(inner()) end))
      assert.equal("helper inner outer", stack(node))
      assert.equal("async", node.call_stack[2].frame.kind)
    end)
  end)

  it("goes on in the nested coroutines of the task that runs", function()
    run(function()
      local first, later
      local task = start("outer", function()
        coroutine.wrap(function()
          local function deep()
            local node = capture() -- a tail call would leave no frame of this function
            return node
          end
          first = (deep())
          await(asyncio.sleep(1))
          coroutine.resume(coroutine.create(function() later = (deep()) end))
        end)()
      end)
      await(task)
      assert.matches("^deep <.*> outer$", stack(first))
      assert.equal(3, #first.call_stack)
      assert.equal(4, #later.call_stack)
    end)
  end)

  it("tells generators from functions", function()
    run(function()
      local node
      for _ in asyncio.generator(function(yield) yield(1) node = capture() end)() do end
      assert.equal("async generator", node.call_stack[1].frame.kind)
    end)
  end)

  it("begins where depth says", function()
    run(function()
      local function graph_at(depth) local node = capture{depth = depth} return node end
      local outer = async("outer", function(depth) local node = graph_at(depth) return node end)
      local whole = await(outer(1))
      assert.equal(3, #whole.call_stack)
      assert.equal("graph_at", whole.call_stack[1].frame.name)
      local short = await(outer(2))
      assert.equal("outer", short.call_stack[1].frame.name)
      assert.equal(2, #short.call_stack)
      assert.equal("", stack(await(outer(99))))
      assert.equal(3, #await(outer(0)).call_stack)
    end)
  end)

  it("keeps as many frames as limit says: the outermost, or the innermost", function()
    run(function()
      local inner = async("inner", function() await(asyncio.sleep(5)) end)
      local middle = async("middle", function() await(inner()) end)
      local task = start("outer", function() await(middle()) end)
      await(asyncio.sleep(0))
      local function limited(limit) return stack(capture(task, {limit = limit})) end
      assert.equal("inner middle outer", limited(nil))
      assert.equal("middle outer", limited(2))
      assert.equal("inner middle", limited(-2))
      assert.equal("", limited(0))
      assert.equal("inner middle outer", limited(9))
      assert.equal("inner middle outer", limited(-9))
    end)
  end)

  it("limits the stack of the task that runs in the same way", function()
    run(function()
      local function limited(limit) local node = capture{limit = limit} return stack(node) end
      await(start("outer", function()
        assert.equal("limited outer", limited())
        assert.equal("outer", limited(1))
        assert.equal("limited", limited(-1))
        assert.equal("", limited(0))
      end))
    end)
  end)

  it("has each task once, however the graph branches", function()
    run(function()
      local a = sleeper "A"
      local b = start("B", function() await(a) end)
      local c = start("C", function() await(a) end)
      start("D", function() await(asyncio.gather(b, c)) end)
      await(asyncio.sleep(0.5))
      assert.equal("A(B(D) C(D*))", shape(capture(a)))
    end)
  end)

  it("has a graph of many branchings at once", function()
    run(function()
      local below = {sleeper "bottom"}
      local bottom = below[1]
      for i = 1, 40 do -- 2 to the power of 40 ways lead up
        local tasks = below
        below = {start(i .. "a", function() await(asyncio.wait(tasks)) end), start(i .. "b", function() await(asyncio.wait(tasks)) end)}
      end
      await(asyncio.sleep(0.5))
      assert.equal(81, select(2, shape(capture(bottom)):gsub("%d+[ab]%(", "")) + 3)
    end)
  end)

  it("ends where tasks await each other in a circle", function()
    run(function()
      local a, b
      a = start("A", function() await(b) end)
      b = start("B", function() await(a) end)
      await(asyncio.sleep(0.5))
      assert.equal("A(B(A*))", shape(capture(a)))
      assert.matches("%* Task%(name='A', id=0x%x+%) %(see above%)$", format(a))
      a:cancel()
    end)
  end)

  it("climbs a chain of thousands", function()
    run(function()
      local first = sleeper "first"
      local last = first
      for _ = 1, 3000 do
        local below = last
        last = start("next", function() await(below) end)
      end
      await(asyncio.sleep(0.5))
      local node, n = capture(first, {limit = 0}), 0
      while node do node, n = node.awaited_by[1], n + 1 end
      assert.equal(3001, n)
    end)
  end)

  it("knows nobody who awaits what is done", function()
    run(function()
      local task = sleeper "A"
      local waiter = start("W", function() await(task) end)
      await(asyncio.sleep(100))
      assert.is_true(waiter:done())
      local node = capture(task)
      assert.same({0, 0}, {#node.call_stack, #node.awaited_by})
    end)
  end)

  it("takes the running task away from those that the group has left", function()
    run(function()
      local child
      await(start("parent", function()
        local group <close> = asyncio.TaskGroup():enter()
        child = group:create_task(asyncio.sleep(1), {name = "child"})
        assert.matches("^child%(parent%(", shape(capture(child)))
      end))
      assert.equal("child", shape(capture(child)))
    end)
  end)

  it("knows who waits for a race", function()
    run(function()
      local racer
      start("parent", function()
        await(asyncio.staggered.staggered_race({function()
          racer = asyncio.current_task()
          await(asyncio.sleep(9))
        end}, nil))
      end)
      await(asyncio.sleep(0.5))
      assert.matches("^Task%-%d+%(parent%)$", shape(capture(racer)))
    end)
  end)

  it("does not keep what is not awaited any more", function()
    run(function()
      local a, f = sleeper "A", asyncio.get_running_loop():create_future()
      local waiter = start("W", function() await(asyncio.wait({a, f}, {return_when = asyncio.FIRST_COMPLETED})) end)
      await(asyncio.sleep(0.5))
      assert.equal("A(W)", shape(capture(a)))
      f:set_result()
      await(waiter)
      assert.equal("A", shape(capture(a)))
    end)
  end)

  it("refuses what is no future, unknown options, and options of a wrong type", function()
    run(function()
      local function refused(pattern, ...)
        local ok, err = pcall(capture, ...)
        assert.is_false(ok)
        assert.is_true(asyncio.isinstance(err, asyncio.TypeError))
        assert.matches(pattern, err.message)
      end
      refused("bad argument #1 to 'capture_call_graph' %(Future expected, got number%)", 42)
      refused("unknown option 'deep' to 'capture_call_graph'", nil, {deep = 1})
      refused("unknown option 'file' to 'capture_call_graph'", {file = io.stdout})
      refused("bad option 'limit' to 'capture_call_graph' %(integer expected, got string%)", {limit = "1"})
      refused("bad option 'depth'", {depth = 1.5})
    end)
  end)

  it("needs a loop that runs, or a future", function()
    local ok, err = pcall(capture)
    assert.is_false(ok)
    assert.is_true(asyncio.isinstance(err, asyncio.RuntimeError))
    assert.matches("outside of a running event loop", err.message)
  end)
end)

describe("what is added to a future's waiters", function()
  it("is in the graph until it is discarded, once", function()
    run(function()
      local f, task = asyncio.get_running_loop():create_future(), sleeper "T"
      asyncio.future_add_to_awaited_by(f, task)
      asyncio.future_add_to_awaited_by(f, task)
      assert.equal("Future(T)", shape(capture(f)))
      asyncio.future_discard_from_awaited_by(f, task)
      assert.equal("Future", shape(capture(f)))
      asyncio.future_discard_from_awaited_by(f, task)
    end)
  end)

  it("does not keep the future alive", function()
    run(function()
      local futures = setmetatable({asyncio.get_running_loop():create_future()}, {__mode = "v"})
      asyncio.future_add_to_awaited_by(futures[1], asyncio.current_task())
      collectgarbage()
      collectgarbage()
      assert.is_nil(futures[1])
    end)
  end)

  it("may be anything: what is no future is ignored", function()
    asyncio.future_add_to_awaited_by(1, 2)
    asyncio.future_discard_from_awaited_by(nil, 2)
  end)
end)

describe("format_call_graph", function()
  it("is asyncio's text", function()
    run(function()
      local at
      local inner = async("inner", function()
        at = line() + 1
        await(asyncio.sleep(5))
      end)
      local a = start("A", function() await(inner()) end)
      start("B", function() await(a) end)
      await(asyncio.sleep(0.5))
      local text = format(a):gsub("0x%x+", "0x1"):gsub("'[^']*call_graph_spec%.lua'", "'spec.lua'")
        :gsub("line (%d+)", function(n) return "line " .. (tonumber(n) == at and "N" or "M") end)
      assert.equal([[
* Task(name='A', id=0x1)
  + Call stack:
  |   File 'spec.lua', line N, in async inner()
  |   File 'spec.lua', line M, in async A()
  + Awaited by:
    * Task(name='B', id=0x1)
      + Call stack:
      |   File 'spec.lua', line M, in async B()]], text)
      assert.equal(format(a), format(a, {depth = 7}))
    end)
  end)

  it("is empty where no task runs", function()
    run(function()
      local text
      asyncio.get_running_loop():call_soon(function() text = format() end)
      await(asyncio.sleep(0))
      await(asyncio.sleep(0))
      assert.equal("", text)
    end)
  end)
end)

describe("print_call_graph", function()
  -- Something to write to, and what was written.
  local function paper()
    local written = {}
    return {write = function(_, ...) table.insert(written, table.concat{...}) end}, function() return table.concat(written) end
  end

  it("writes that text and a newline to a file", function()
    run(function()
      local task = sleeper "A"
      await(asyncio.sleep(0))
      local file, written = paper()
      asyncio.print_call_graph(task, {file = file})
      assert.equal(format(task) .. "\n", written())
    end)
  end)

  it("takes limit and depth, and options alone", function()
    run(function()
      local file, written = paper()
      asyncio.print_call_graph{file = file, limit = 0, depth = 1}
      assert.equal(format{limit = 0} .. "\n", written())
    end)
  end)
end)
