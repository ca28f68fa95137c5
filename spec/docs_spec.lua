-- Every ```lua block of docs/ and README.md runs, in a child process on the virtual clock, and ends well; where a block is followed by an
-- ```output block it prints exactly that, standard error included.
--   asyncio, async and await are there for every block. A comment before a block says what else surrounds it, unseen by readers:
--   <!-- in a task -->          the block is the body of the main task
--   <!-- in a server -->        the same, with a server that echoes lines on the port `port`
--   <!-- before: LUA CODE -->   the code, which may have several lines, runs first
--   <!-- fails as NAME -->      the block is a whole program in a file of this name, which ends with status 1, on the real clock
local lfs = require "lfs"
local process = require "spec.support.process"

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function documents()
  local found = {"README.md"}
  local function into(folder)
    for entry in lfs.dir(folder) do
      local path = folder .. "/" .. entry
      if entry:find("%.md$") then found[#found + 1] = path end
      if not entry:find("^%.") and lfs.attributes(path, "mode") == "directory" then into(path) end
    end
  end
  into("docs")
  table.sort(found)
  return found
end

-- Splits a text into fenced blocks and what stands between them: {kind = "lua" | "output" | … | "text", text, line}.
local function pieces_of(text)
  local pieces, number = {{kind = "text", text = "", line = 1}}, 0
  local is_inside = false
  for line in (text .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local fence = line:match("^```(.*)$")
    if fence then
      is_inside = not is_inside
      pieces[#pieces + 1] = {kind = is_inside and fence or "text", text = "", line = number}
    else
      local piece = pieces[#pieces]
      piece.text = piece.text .. line .. "\n"
    end
  end
  assert(not is_inside, "a block without an end")
  return pieces
end

local IN_A_SERVER = [[
asyncio.run(function()
  local server <close> = await(asyncio.start_server(function(reader, writer)
    for line in reader:lines() do
      writer:write(line)
      await(writer:drain())
    end
    writer:close()
  end, "127.0.0.1", 0)):enter()
  local port = server.sockets[1]:getsockname().port
]]

local PRELUDE = 'local asyncio = require "casync" local async, await = asyncio.async, asyncio.await\n'

-- What the comment at the end of a text asks for: code before the block and behind it, or the name of a program that fails.
local function surroundings(text)
  local comment = text:match("<!%-%-%s*(.-)%s*%-%->%s*$")
  if not comment then return "", "" end
  if comment == "in a task" then return "asyncio.run(function()\n", "end)" end
  if comment:find("^fails as ") then return nil, nil, comment:match("^fails as (.*)$") end
  if comment == "in a server" then return IN_A_SERVER, "end)" end
  return assert(comment:match("^before:%s*(.*)$"), "a comment that says nothing about the block: " .. comment) .. "\n", ""
end

-- The Lua blocks of a text: {line, script, output (nil: any)}.
local function blocks_of(text)
  local blocks, pieces = {}, pieces_of(text)
  for i, piece in ipairs(pieces) do
    if piece.kind == "lua" then
      local before, behind, fails_as = surroundings(pieces[i - 1].text)
      local follower = pieces[i + 2]
      local has_output = follower and follower.kind == "output" and not pieces[i + 1].text:find("%S")
      blocks[#blocks + 1] = {
        line = piece.line,
        script = fails_as and piece.text or PRELUDE .. before .. piece.text .. behind,
        fails_as = fails_as,
        output = has_output and follower.text or nil,
      }
    end
  end
  return blocks
end

local function run(script, fails_as)
  if fails_as then
    return process.with_folder(function(folder)
      process.write(folder .. "/" .. fails_as, script)
      return process.run(("cd %s && exec lua5.4 %s"):format(process.quote(folder), process.quote(fails_as)))
    end)
  end
  return process.with_folder(function(folder)
    process.write(folder .. "/block.lua", script)
    return process.run_on_virtual_clock(folder .. "/block.lua")
  end)
end

describe("the documents", function()
  for _, path in ipairs(documents()) do
    for _, block in ipairs(blocks_of(read(path))) do
      it(("%s:%d runs"):format(path, block.line), function()
        local output, status = run(block.script, block.fails_as)
        assert(status == (block.fails_as and 1 or 0), output)
        if block.output then assert.equal(block.output, output) end
      end)
    end
  end

  it("refer to files that are there", function()
    local missing = {}
    for _, path in ipairs(documents()) do
      local folder = path:match("^(.*/)") or ""
      for target in read(path):gmatch("%]%(([^)#]+)[^)]*%)") do
        if not target:find("^%a+:") and not lfs.attributes(folder .. target) then missing[#missing + 1] = path .. ": " .. target end
      end
    end
    assert.same({}, missing)
  end)
end)

describe("this spec", function()
  it("sees a wrong output, an error, and what surrounds a block", function()
    local blocks = blocks_of(table.concat({"text", "<!-- before: local x = 1", "-->", "```lua", "print(x)", "```", "", "```output", "2",
      "```", "<!-- in a task -->", "```lua", "await(asyncio.sleep(3600))", "error('no')", "```"}, "\n"))
    assert.equal(2, #blocks)
    assert.equal("2\n", blocks[1].output)
    assert.equal("1\n", (run(blocks[1].script)))
    assert.equal(4, blocks[1].line)
    local output, status = run(blocks[2].script)
    assert.matches("no", output)
    assert.equal(1, status)
  end)
end)
