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

-- How many programs give their traces; 0 if the replay dies or, as a mutation may make a loop spin, takes too long.
local function replay(scratch)
  local limit = os.execute("command -v timeout >/dev/null 2>&1") and "timeout 120 " or ""
  os.execute(('cd %s && eval "$(script/env)" && %slua5.4 spec/parity/replay.lua >replay.log 2>&1')
    :format(quote(scratch), limit))
  return tonumber(read(scratch .. "/replay.log"):match("(%d+) passed, %d+ failed%s*$")) or 0
end

local is_stale = false -- the build is still that of a mutation which has been taken back

local function try(scratch, mutation, sound)
  local path = scratch .. "/" .. mutation.file
  local text = read(path)
  write(path, replace_once(text, mutation.old, mutation.new, mutation.file))
  local is_c = mutation.file:find("%.[ch]$") ~= nil
  local built = not (is_c or is_stale) or build(scratch)
  is_stale = is_c
  local passed = built and replay(scratch)
  write(path, text)
  if not built then return false, "does not build" end
  return passed < sound, ("%d of %d programs notice it"):format(sound - passed, sound)
end

local function chosen(args)
  if #args == 0 then return mutations end
  local some = {}
  for i, number in ipairs(args) do some[i] = mutations[tonumber(number)] end
  return some
end

local scratch = copy_tree()
assert(build(scratch), "the copy does not build: " .. scratch)
local sound = replay(scratch)
assert(sound > 0, "the replay does not work without a mutation: " .. scratch)
local passed, failed = 0, 0
for _, mutation in ipairs(chosen(arg)) do
  local noticed, what = try(scratch, mutation, sound)
  if noticed then passed = passed + 1 else failed = failed + 1 end
  print(("%s %s: %s: %s"):format(noticed and "ok     " or "NOT OK ", mutation.file, mutation.why, what))
end
must("rm -rf " .. quote(scratch))
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0)
