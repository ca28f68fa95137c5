# The C specs: each spec/c/*_spec.c is a program and a test. spec/support/*.c are Lua modules for the busted specs.

find_path(CMOCKA_INCLUDE_DIR cmocka.h)
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_INCLUDE_DIR OR NOT CMOCKA_LIBRARY)
  message(FATAL_ERROR "cmocka is missing: script/bootstrap test installs it")
endif()

add_library(spec_options INTERFACE)
target_include_directories(spec_options INTERFACE runtime spec/c)
target_include_directories(spec_options SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
target_link_libraries(spec_options INTERFACE casync_runtime casync_options ${CMOCKA_LIBRARY})

file(GLOB spec_sources CONFIGURE_DEPENDS spec/c/*_spec.c)
file(GLOB spec_helpers CONFIGURE_DEPENDS spec/c/*.c)
list(REMOVE_ITEM spec_helpers ${spec_sources} "")
if(spec_helpers)
  add_library(spec_helpers STATIC ${spec_helpers})
  target_link_libraries(spec_helpers PUBLIC spec_options)
  set_target_properties(spec_helpers PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
endif()

foreach(source ${spec_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE $<TARGET_NAME_IF_EXISTS:spec_helpers> spec_options)
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/spec/c
    INTERPROCEDURAL_OPTIMIZATION OFF)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()

# Those about the order of things run on attached loops as well (spec/c/drive.h).
foreach(name event future gather handle io lock loop observe op owned_ev ready semaphore signals sleep task_cancel task_embedder task timers waitqueue wakeup)
  foreach(kind guest stepped)
    add_test(NAME ${name}_spec_${kind} COMMAND ${name}_spec)
    set_tests_properties(${name}_spec_${kind} PROPERTIES TIMEOUT 120 ENVIRONMENT CASYNC_SPEC_LOOP=${kind})
  endforeach()
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
