-- Every example of examples/embed is compiled against the installed package, runs, and prints exactly what is written here.
local lfs = require "lfs"
local installed = require "spec.support.package"

-- Example -> its output; the packages that it needs besides.
local examples = {
  ["own.c"] = {"hello world, 1\nhello world, 2\n2 results: done, 2\n"},
  ["future_from_thread.c"] = {"21.5 degrees\n"},
  ["c_function_awaited.c"] = {"again\tagain\npresses: 1\nnobody presses: TimeoutError\nIN A THREAD\n"},
  ["two_states.c"] = {"state 1 has counted to 2\nstate 2 has counted to 3\n", flags = "-lm"},
  ["cplusplus.cc"] = {"hello from C++\ncaught: no such luck\n"},
  ["guest.c"] = {"application: asks\nscript: asked the answer\napplication: got 'the answer? forty-two'\n", flags = "-lev"},
  ["poll.c"] = {"tick 1\ntick 2\ntick 3\nthe script ended: three ticks\n", flags = "-lm"},
  ["glib.c"] = {"casync: a task\nGLib: a timer\nthe script ended: good night\n", needs = "glib-2.0", flags = "-lm"},
  ["libuv.c"] = {"casync: a task\nlibuv: a timer\nthe script ended: good night\n", needs = "libuv", flags = "-lm"},
}

describe("the examples of embedding", function()
  it("are all run by this spec", function()
    for file in lfs.dir("examples/embed") do
      assert(file:find("^%.") or examples[file], file .. " is not run")
    end
  end)

  for file, example in pairs(examples) do
    it(file .. " prints what it promises", function()
      local flags = example.flags or ""
      if example.needs then
        local found = installed.config("--cflags --libs " .. example.needs)
        if not found then return pending(("%s needs %s's development files: script/bootstrap test"):format(file, example.needs)) end
        flags = flags .. " " .. found
      end
      local output, status = installed.run(installed.compile("examples/embed/" .. file, {flags = flags}))
      assert.equal(example[1], output)
      assert.equal(0, status)
    end)
  end
end)
