# The C specs: each spec/c/*_spec.c is a program and a test. spec/support/*.c are Lua modules for the busted specs.

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
  message(FATAL_ERROR "cmocka is missing: script/bootstrap test installs it")
endif()

file(GLOB spec_sources CONFIGURE_DEPENDS spec/c/*_spec.c spec/c/test_*.c)
file(GLOB spec_helpers CONFIGURE_DEPENDS spec/c/*.c)
list(REMOVE_ITEM spec_helpers ${spec_sources} "")
foreach(source ${spec_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} ${spec_helpers})
  target_include_directories(${name} PRIVATE runtime spec/c)
  target_include_directories(${name} SYSTEM PRIVATE ${CMOCKA_INCLUDE_DIR})
  target_link_libraries(${name} PRIVATE casync_runtime casync_options ${CMOCKA_LIBRARY})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/spec/c
    INTERPROCEDURAL_OPTIMIZATION OFF)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()

file(GLOB module_sources CONFIGURE_DEPENDS spec/support/*.c)
foreach(source ${module_sources})
  get_filename_component(name ${source} NAME_WE)
  add_library(spec_${name} MODULE ${source})
  target_link_libraries(spec_${name} PRIVATE casync_options casync_lua_module)
  set_target_properties(spec_${name} PROPERTIES
    OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/spec
    INTERPROCEDURAL_OPTIMIZATION OFF)
endforeach()
