# libcasync, shared and static: runtime, bindings and the Lua files. Lua itself is the application's: nothing here links it.

include(cmake/start.cmake)

# Compiled once for both. Link-time optimization is for the shared one; in the static one each object has machine code as well.
add_library(casync_objects OBJECT ${runtime_sources} ${bindings_sources} ${embed_sources} ${embedded})
target_include_directories(casync_objects PUBLIC include PRIVATE runtime bindings)
target_include_directories(casync_objects SYSTEM PRIVATE ${LUA_INCLUDE_DIR})
target_link_libraries(casync_objects PRIVATE casync_options casync_hot casync_start casync_libev Threads::Threads)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  target_compile_options(casync_objects PRIVATE -ffat-lto-objects)
elseif(CMAKE_INTERPROCEDURAL_OPTIMIZATION)
  set_target_properties(casync_objects PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endif()

add_library(casync_static STATIC $<TARGET_OBJECTS:casync_objects>)
add_library(casync_shared SHARED $<TARGET_OBJECTS:casync_objects>)
target_link_libraries(casync_shared PRIVATE casync_options casync_start casync_libev Threads::Threads)
if(APPLE)
  target_link_options(casync_shared PRIVATE -undefined dynamic_lookup)
else()
  target_link_options(casync_shared PRIVATE LINKER:-z,nodelete LINKER:-Bsymbolic)
endif()
set_target_properties(casync_shared PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)

foreach(library casync_static casync_shared)
  target_include_directories(${library} INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME casync ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
endforeach()
