# What casync stands on: libev for the runtime, Lua 5.4's headers for the bindings.

find_package(Threads REQUIRED)

find_path(LIBEV_INCLUDE_DIR ev.h PATH_SUFFIXES libev)
find_library(LIBEV_LIBRARY ev)
if(NOT LIBEV_INCLUDE_DIR OR NOT LIBEV_LIBRARY)
  message(FATAL_ERROR "libev (ev.h) is missing: script/bootstrap installs it")
endif()
add_library(casync_libev INTERFACE)
target_link_libraries(casync_libev INTERFACE ${LIBEV_LIBRARY})
if(NOT LIBEV_INCLUDE_DIR STREQUAL "/usr/include")
  target_include_directories(casync_libev SYSTEM INTERFACE ${LIBEV_INCLUDE_DIR})
endif()

find_path(LUA_INCLUDE_DIR lua.h
  HINTS ${LUA_INCDIR} /opt/homebrew/opt/lua@5.4/include/lua /usr/local/opt/lua@5.4/include/lua
  PATH_SUFFIXES lua5.4 lua-5.4 lua54 lua)
if(NOT LUA_INCLUDE_DIR)
  message(FATAL_ERROR "Lua 5.4's headers (lua.h) are missing: script/bootstrap installs them")
endif()
file(STRINGS ${LUA_INCLUDE_DIR}/lua.h lua_version REGEX "define LUA_VERSION_NUM[ \t]+504")
if(NOT lua_version)
  message(FATAL_ERROR "${LUA_INCLUDE_DIR}/lua.h is not Lua 5.4's: say -DLUA_INCLUDE_DIR=...")
endif()

# What a shared module for Lua needs: found by `require`, never unloaded (threads and signal handlers may outlive lua_close).
add_library(casync_lua_module INTERFACE)
target_include_directories(casync_lua_module SYSTEM INTERFACE ${LUA_INCLUDE_DIR})
if(APPLE)
  target_link_options(casync_lua_module INTERFACE -undefined dynamic_lookup)
else()
  target_link_options(casync_lua_module INTERFACE LINKER:-z,nodelete LINKER:-Bsymbolic)
endif()
set(CMAKE_SHARED_MODULE_PREFIX "")
set(CMAKE_SHARED_MODULE_SUFFIX ".so")
