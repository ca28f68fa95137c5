-- The mutations that mutate.lua tries still fit the sources: each line stands once where it is said to.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]")
local mutations = dofile(folder .. "/mutations.lua")

local function read(path)
  local file <close> = assert(io.open(folder .. "/../../" .. path, "rb"))
  return file:read("a")
end

local function count(text, part)
  local n, from = 0, 1
  while true do
    local _, last = text:find(part, from, true)
    if not last then return n end
    n, from = n + 1, last + 1
  end
end

describe("the mutations", function()
  it("are at least twenty, in C and in Lua", function()
    local kinds = {}
    for _, mutation in ipairs(mutations) do
      local kind = mutation.file:match("%.(%a+)$")
      kinds[kind] = (kinds[kind] or 0) + 1
    end
    assert.is_true(#mutations >= 20 and kinds.c >= 5 and kinds.lua >= 5)
  end)

  for _, mutation in ipairs(mutations) do
    it(("fit the sources: %s, %s"):format(mutation.file, mutation.why), function()
      assert.equal(1, count(read(mutation.file), mutation.old))
      assert.not_equal(mutation.old, mutation.new)
    end)
  end
end)
