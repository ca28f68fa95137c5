-- Every example of examples/embed is compiled against the installed package, runs, and prints exactly what
-- docs/guide/embedding_examples.md shows.
local lfs = require "lfs"
local installed = require "spec.support.package"

-- What examples need besides casync and Lua: packages, libraries.
local NEEDS = {["glib.c"] = "glib-2.0", ["libuv.c"] = "libuv"}
local FLAGS = {["two_states.c"] = "-lm", ["guest.c"] = "-lev", ["poll.c"] = "-lm", ["glib.c"] = "-lm", ["libuv.c"] = "-lm"}

-- Example -> its output, from the blocks below the headings of the document.
local function captured(path)
  local file <close> = assert(io.open(path))
  local outputs = {}
  for name, output in file:read("a"):gmatch("\n## (%S+)\n[^#]-\n```output\n(.-)```\n") do outputs[name] = output end
  return outputs
end

local outputs = captured "docs/guide/embedding_examples.md"

describe("the examples of embedding", function()
  it("are all run by this spec", function()
    for file in lfs.dir("examples/embed") do
      assert(file:find("^%.") or outputs[file], file .. " is not run")
    end
  end)

  for file, expected in pairs(outputs) do
    it(file .. " prints what it promises", function()
      local flags = FLAGS[file] or ""
      if NEEDS[file] then
        local found = installed.config("--cflags --libs " .. NEEDS[file])
        if not found then return pending(("%s needs %s's development files: script/bootstrap test"):format(file, NEEDS[file])) end
        flags = flags .. " " .. found
      end
      local output, status = installed.run(installed.compile("examples/embed/" .. file, {flags = flags}))
      assert.equal(expected, output)
      assert.equal(0, status)
    end)
  end
end)
