-- SPDX-License-Identifier: MIT
-- asyncio.files: what Lua's io library lacks for files, pipes and standard input in a loop (Python's os.read and fileno()).
-- Not here: watching them (loop:add_reader takes Lua's files as they are).
-- Invariant: nothing here waits.
local core = require "casync.core"

return {
  --- read(file[, n]): what is there now, at most n bytes (65536 unless told); "" if nothing is there yet, nil at the end. `file`
  --- is a Lua file, a descriptor, or an object with fileno(). It bypasses the buffer of a Lua file: read it in one way only.
  read = core.file_read,
  --- fileno(file): its descriptor.
  fileno = core.file_fileno,
}
