-- What the stored scenarios are as a whole: enough of them, each for a reason, no two alike, no statement left out.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]")
local replay = dofile(folder .. "/replay.lua")
local ids = dofile(folder .. "/ids.lua")
local coverage = dofile(folder .. "/coverage.lua")

-- Let go of in the end: each replay of parity_spec.lua collects garbage, which would take long over all of them.
local programs, scenarios, random, shown

local function load_all()
  programs, scenarios, random = {}, {}, {}
  for _, path in ipairs(replay.stored_files()) do
    for _, program in ipairs(replay.programs(path)) do
      programs[#programs + 1] = program
      local list = program.name:match("^random_") and random or scenarios
      list[#list + 1] = program
    end
  end
  shown = coverage.shown()
end

local function let_go() programs, scenarios, random, shown = nil, nil, nil, nil end

-- A trace with its labels numbered in order of appearance; capitalised words are classes and Python's constants.
local function renamed(trace)
  local numbers, count = {}, 0
  local function number(word)
    if word:find("^%u") then return word end
    if not numbers[word] then
      count = count + 1
      numbers[word] = "L" .. count
    end
    return numbers[word]
  end
  local text = table.concat(trace, "\n")
  return (text:gsub("'([^'\n]*)'", function(quoted) return number("q" .. quoted) end):gsub("[%a_][%w_]*", number))
end

describe("the stored scenarios", function()
  setup(load_all)
  teardown(let_go)

  it("are at least 1,400, with 600 random programs beside them", function()
    assert.is_true(#scenarios >= 1400, #scenarios .. " scenarios")
    assert.is_true(#random >= 600, #random .. " random programs")
  end)

  it("have names of their own and say what they show", function()
    local seen = {}
    for _, program in ipairs(programs) do
      assert.is_nil(seen[program.name], program.name)
      seen[program.name] = true
    end
    for _, program in ipairs(scenarios) do
      assert.is_true(#program.shows > 0, program.name .. " names no statement")
    end
  end)

  it("show every statement with evidence R, but for those that name a reason", function()
    local missing = {}
    for id in ids.required:gmatch("%w+") do
      if not shown[id] and not ids.elsewhere[id] then missing[#missing + 1] = id end
    end
    assert.equal("", table.concat(missing, " "))
  end)

  it("are those of coverage.md (again: lua5.4 spec/parity/coverage.lua)", function()
    local file <close> = assert(io.open(coverage.path))
    assert.equal(coverage.text(shown), file:read("a"))
  end)

  it("differ from each other in more than labels", function()
    local seen = {}
    for _, program in ipairs(programs) do
      local key = renamed(program.trace)
      assert.is_nil(seen[key], ("%s and %s have the same trace"):format(program.name, seen[key]))
      seen[key] = program.name
    end
  end)
end)

describe("the list of statements", function()
  it("is what SEMANTICS.md says, where that is at hand", function()
    local file = io.open(folder .. "/../../../shared/SEMANTICS.md")
    if not file then return end
    local required, missing = " " .. ids.required:gsub("%s+", " "), {}
    for line in file:lines() do
      local letters, number, evidence = line:match("^%- (%u+)(%d+) .* (%u[/%u]*)$")
      if letters and evidence:find("R", 1, true)
        and not required:find(" " .. letters .. number .. " ", 1, true) then
        missing[#missing + 1] = letters .. number
      end
    end
    file:close()
    assert.equal("", table.concat(missing, " "))
  end)

  it("leaves out only what nothing shows", function()
    local seen = coverage.shown()
    for id in pairs(ids.elsewhere) do assert.is_nil(seen[id], id) end
  end)

  it("gives a reason for what is left out or changed", function()
    for _, list in ipairs {ids.elsewhere, ids.changed} do
      for id, reason in pairs(list) do
        assert.is_truthy((" " .. ids.required:gsub("%s+", " ")):find(" " .. id .. " ", 1, true), id)
        assert.is_true(#reason > 10)
      end
    end
  end)
end)
