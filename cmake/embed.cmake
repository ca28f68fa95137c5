# The Lua files as bytecode in the core. Without a Lua 5.4 at build time there is none, and the files are read as they are.
find_program(LUA_EXECUTABLE NAMES lua5.4 lua-5.4 lua54 lua HINTS ${LUA_BINDIR})
if(LUA_EXECUTABLE)
  execute_process(COMMAND ${LUA_EXECUTABLE} -e "io.write(_VERSION)" OUTPUT_VARIABLE lua_runs ERROR_QUIET)
endif()

file(GLOB_RECURSE lua_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/lua/casync/*.lua)
# What every program loads comes first: it fills few pages of memory.
set(first_files init api class exceptions options coroutine loop/loop loop/exceptions await loop/policy runners tasks/ensure)
list(TRANSFORM first_files PREPEND ${CMAKE_SOURCE_DIR}/lua/casync/)
list(TRANSFORM first_files APPEND .lua)
list(REMOVE_ITEM lua_files ${first_files})
list(PREPEND lua_files ${first_files})
set(embedded ${CMAKE_BINARY_DIR}/embedded.c)
if(lua_runs STREQUAL "Lua 5.4")
  add_custom_command(OUTPUT ${embedded}
    COMMAND ${LUA_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed.lua ${embedded} ${CMAKE_SOURCE_DIR}/lua searcher.h
      cal_embedded cal_embedded "" ${lua_files}
    DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.lua ${lua_files}
    COMMENT "Embedding the Lua files" VERBATIM)
else()
  file(WRITE ${embedded} "#include \"searcher.h\"\nconst struct cal_embedded cal_embedded[] = {{0, 0, 0}};\n")
endif()
target_sources(casync_core PRIVATE ${embedded})
