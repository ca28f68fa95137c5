# Where things go: the module and the Lua files where Lua 5.4 looks, the headers beside them.

set(CASYNC_LIBDIR ${CMAKE_INSTALL_LIBDIR}/lua/5.4 CACHE STRING "folder of C modules for Lua")
set(CASYNC_LUADIR ${CMAKE_INSTALL_DATADIR}/lua/5.4 CACHE STRING "folder of Lua modules")
set(CASYNC_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR} CACHE STRING "folder of headers")

install(TARGETS casync_core LIBRARY DESTINATION ${CASYNC_LIBDIR}/casync)
install(DIRECTORY lua/casync DESTINATION ${CASYNC_LUADIR} FILES_MATCHING PATTERN "*.lua")
if(CASYNC_LIBRARY)
  include(cmake/package.cmake)
endif()
install(DIRECTORY include/ DESTINATION ${CASYNC_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
