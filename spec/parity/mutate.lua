-- Shows that the replay notices mistakes: breaks a copy of casync, one line at a time, builds it, and demands that the
-- replay of the stored programs fails. lua5.4 spec/parity/mutate.lua [NUMBER ...] tries all mutations or some.
local folder = debug.getinfo(1, "S").source:match("^@(.*)[/\\]") or "."
local root = folder .. "/../.."
local mutations = dofile(folder .. "/mutations.lua")

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local function capture(command)
  local pipe <close> = assert(io.popen(command))
  return (pipe:read("a"):gsub("%s+$", ""))
end

local function must(command)
  assert(os.execute(command), "failed: " .. command)
end

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

local function write(path, text)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(text))
end

-- The tree without its history and builds: what git knows of, as it stands.
local function copy_tree()
  local scratch = capture("mktemp -d")
  must(("cd %s && git ls-files -z | xargs -0 tar cf - | tar xf - -C %s"):format(quote(root), quote(scratch)))
  return scratch
end

local function replace_once(text, old, new, where)
  local from, to = text:find(old, 1, true)
  assert(from and not text:find(old, to + 1, true), ("%s: the line must stand there once: %s"):format(where, old))
  return text:sub(1, from - 1) .. new .. text:sub(to + 1)
end

local function build(scratch)
  return os.execute(("cd %s && script/build release >build.log 2>&1"):format(quote(scratch)))
end

-- A mutation that makes the loop spin is noticed too, hence the time limit.
local function replay(scratch)
  local limit = os.execute("command -v timeout >/dev/null 2>&1") and "timeout 120 " or ""
  return os.execute(('cd %s && eval "$(script/env)" && %slua5.4 spec/parity/replay.lua --first >replay.log 2>&1')
    :format(quote(scratch), limit))
end

local function try(scratch, mutation)
  local path = scratch .. "/" .. mutation.file
  local text = read(path)
  write(path, replace_once(text, mutation.old, mutation.new, mutation.file))
  local is_c = mutation.file:find("%.[ch]$")
  local built = not is_c or build(scratch)
  local passed = built and replay(scratch)
  write(path, text)
  if not built then return "does not build" end
  if passed then return "not noticed" end
end

local function chosen(args)
  if #args == 0 then return mutations end
  local some = {}
  for i, number in ipairs(args) do some[i] = mutations[tonumber(number)] end
  return some
end

local scratch = copy_tree()
assert(build(scratch), "the copy does not build: " .. scratch)
assert(replay(scratch), "the copy fails without a mutation: " .. scratch)
local passed, failed = 0, 0
for i, mutation in ipairs(chosen(arg)) do
  local complaint = try(scratch, mutation)
  if complaint then failed = failed + 1 else passed = passed + 1 end
  print(("%2d %-28s %s: %s"):format(i, mutation.file, complaint or "noticed", mutation.why))
end
must("rm -rf " .. quote(scratch))
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
