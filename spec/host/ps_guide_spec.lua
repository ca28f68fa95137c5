-- What docs/guide/ps.md shows is what the commands print about its example: each line of a block is there, in this order. The lines
-- left out are marked by "…". Times are not compared.
local process = require "spec.support.process"

-- The lines of the first block of this kind.
local function block(kind)
  local file <close> = assert(io.open("docs/guide/ps.md"))
  local lines
  for line in file:lines() do
    if line == "```" and lines then return lines end
    if lines then lines[#lines + 1] = line end
    if line == "```" .. kind then lines = {} end
  end
  error("no block of " .. kind)
end

-- Columns are as wide as what is in them, which may be a time.
local function plain(line)
  return (line:gsub("%(%d+ s left%)", "(TIME)"):gsub("  +", "  "))
end

-- Where a line is in a text behind `from`, as a whole line.
local function find(text, line, from)
  local _, stop = ("\n" .. text):find("\n" .. line .. "\n", from, true)
  return stop and stop - 1
end

describe("the guide to casync ps", function()
  it("shows what the commands print", function()
    process.with_folder(function(folder)
      local command_line = "echo $$; export XDG_RUNTIME_DIR=%s; exec lua5.4 examples/thousand_tasks.lua"
      local pipe <close> = assert(io.popen(command_line:format(folder)))
      local pid = pipe:read("n", "l")
      local _ <close> = setmetatable({}, {__close = function() os.execute(("kill %d"):format(pid)) end})
      assert.equal("ready", pipe:read("l"))
      for _, command in ipairs{"ps", "pstree"} do
        local output, status = process.run(("XDG_RUNTIME_DIR=%s casync %s %d"):format(folder, command, pid))
        assert.equal(0, status, output)
        local lines, text, from = block(command), plain(output), 1
        assert.is_true(#lines >= 6)
        for _, line in ipairs(lines) do
          if line ~= "…" then from = assert(find(text, plain(line), from), "not printed: " .. line) end
        end
      end
    end)
  end)
end)
