rockspec_format = "3.0"
package = "casync"
version = "scm-1"
source = {url = "."}
description = {
  summary = "Python's asyncio for Lua 5.4, on a C core and libev",
  license = "MIT",
}
dependencies = {"lua >= 5.4, < 5.5"}
external_dependencies = {LIBEV = {header = "ev.h"}}
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    CASYNC_LIBRARY = "OFF", -- a rock is a module
    CASYNC_HOST = "OFF",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    LUA_INCLUDE_DIR = "$(LUA_INCDIR)",
    LIBEV_INCLUDE_DIR = "$(LIBEV_INCDIR)",
    CASYNC_LIBDIR = "$(LIBDIR)",
    CASYNC_LUADIR = "$(LUADIR)",
    CASYNC_INCLUDEDIR = "$(PREFIX)/include",
  },
}
