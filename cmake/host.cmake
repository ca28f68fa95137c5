# The command `casync`: Lua, the core and the Lua files in one program, and libedit for its prompt.
option(CASYNC_HOST "build the command casync (needs libcasync, libedit and Lua as a library)" ON)
if(NOT CASYNC_HOST OR NOT CASYNC_LIBRARY)
  return()
endif()

find_path(EDIT_INCLUDE_DIR histedit.h)
find_library(EDIT_LIBRARY edit)
# Lua itself goes into the program, as it does into `lua`; C modules find its functions there.
find_library(LUA_LIBRARY NAMES liblua5.4.a liblua-5.4.a liblua54.a liblua.a lua5.4 lua-5.4 lua54 lua
  HINTS ${LUA_LIBDIR} /opt/homebrew/opt/lua@5.4/lib /usr/local/opt/lua@5.4/lib)
if(NOT EDIT_INCLUDE_DIR OR NOT EDIT_LIBRARY OR NOT LUA_LIBRARY OR NOT lua_runs STREQUAL "Lua 5.4")
  message(FATAL_ERROR "The command casync needs libedit (histedit.h), Lua 5.4's library and a Lua 5.4 to compile its files: "
    "script/bootstrap installs them; -DCASYNC_HOST=OFF does without the command")
endif()

set(host_embedded ${CMAKE_BINARY_DIR}/host_embedded.c)
file(GLOB host_lua_files CONFIGURE_DEPENDS host/*.lua)
add_custom_command(OUTPUT ${host_embedded}
  COMMAND ${LUA_EXECUTABLE} ${CMAKE_SOURCE_DIR}/cmake/embed.lua ${host_embedded} ${CMAKE_SOURCE_DIR}/host host.h
    host_file host_files casync/host/ ${host_lua_files}
  DEPENDS ${CMAKE_SOURCE_DIR}/cmake/embed.lua ${host_lua_files}
  COMMENT "Embedding the host's Lua files" VERBATIM)

file(GLOB host_sources CONFIGURE_DEPENDS host/*.c)
add_executable(casync_host ${host_sources} ${host_embedded})
target_include_directories(casync_host PRIVATE host include)
target_include_directories(casync_host SYSTEM PRIVATE ${LUA_INCLUDE_DIR} ${EDIT_INCLUDE_DIR})
target_link_libraries(casync_host PRIVATE casync_static casync_options casync_hot casync_libev Threads::Threads ${LUA_LIBRARY} ${EDIT_LIBRARY} m ${CMAKE_DL_LIBS})
set_target_properties(casync_host PROPERTIES
  OUTPUT_NAME casync
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin
  ENABLE_EXPORTS ON)
install(TARGETS casync_host RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
