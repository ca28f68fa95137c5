-- The session in docs/guide/host.md is what the prompt of `casync` shows.
local process = require "spec.support.process"
local terminal = require "spec.support.terminal"

-- The lines of the first ```session block.
local function session_lines(path)
  local file <close> = assert(io.open(path))
  local lines, inside = {}, false
  for line in file:lines() do
    if inside and line == "```" then return lines end
    if inside then lines[#lines + 1] = line end
    inside = inside or line == "```session"
  end
  error("no session in " .. path)
end

-- Steps: what is typed, and what is shown before the next prompt.
local function steps_of(lines)
  local steps = {}
  for _, line in ipairs(lines) do
    local prompt, typed = line:match("^(>+ )(.*)$")
    if typed then
      steps[#steps + 1] = {prompt = prompt, typed = typed, shown = ""}
    else
      steps[#steps].shown = steps[#steps].shown .. line .. "\n"
    end
  end
  return steps
end

describe("the guide to the command", function()
  it("shows a session as it is", function()
    process.with_folder(function(folder)
      local term <close> = terminal({"casync"}, {TERM = "xterm", HOME = folder, CASYNC_HISTORY = ""})
      term:expect("\n> ")
      local steps = steps_of(session_lines("docs/guide/host.md"))
      assert.is_true(#steps > 8)
      for i, step in ipairs(steps) do
        local prompt = steps[i + 1] and steps[i + 1].prompt or "> "
        local shown = term:enter(step.typed, prompt)
        -- What tasks print comes behind the prompt.
        if #shown < #step.shown and step.shown:sub(1, #shown) == shown then shown = shown .. term:expect(step.shown:sub(#shown + 1)) end
        assert.equal(step.shown, shown)
      end
    end)
  end)
end)
