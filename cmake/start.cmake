# The functions of libcasync that a start runs lie together: the system brings a library's pages in by sixteen, so a program that
# opens casync has few of them in memory. The list is what callgrind sees in a release (casync_lua_open() with each kind of
# loop; a run of an empty main); a function that is not in it only lies elsewhere. Here, too: fewer relocations to read.

# Opening.
set(start_functions
  add_table ca_ev_check_descriptors ca_ev_link ca_ev_open ca_io_set_all ca_monotonic cal_class_make cal_embed_call cal_inherit
  cal_loop_new cal_open_await cal_open_buffer cal_open_context cal_open_coroutine cal_open_coroutine_object
  cal_open_create_task cal_open_debug cal_open_future cal_open_gather cal_open_handle cal_open_host cal_open_inspect
  cal_open_kw cal_open_loop cal_open_op cal_open_queue cal_open_reader cal_open_report cal_open_searcher cal_open_sentinel
  cal_open_suspend cal_open_task cal_open_testing cal_open_traceback cal_store_value_slowly casync_loop_open
  casync_loop_open_guest casync_lua_open is_wanted load_embedded luaopen_casync_core open_host open_loop search set_errors
  set_name start)
# A run of an empty main, and closing.
set(run_functions
  all_tasks append begin ca_ev_close ca_ev_free ca_ev_wait ca_io_close ca_io_collect ca_task_act ca_wakeup_close cal_body
  cal_call cal_capture_context cal_check cal_check_callable cal_check_context cal_check_future cal_check_loop
  cal_check_open_loop cal_check_option_names cal_coroutine_new cal_coroutine_take cal_drain_reports cal_drop_callbacks
  cal_embed_check cal_future_result cal_handle_new cal_hold cal_host_take_back cal_is_kw cal_loop_abandon cal_loop_create_task
  cal_loop_use_fields cal_mailbox_close cal_new cal_pool_give cal_push_extra cal_push_held cal_push_loop cal_push_value_slowly
  cal_return_sigint cal_set_extra cal_task_done cal_task_open cal_task_step cal_test_future cal_watch_signal
  casync_future_complete casync_future_wait casync_loop_free casync_loop_run casync_signal_unwatch casync_signal_watch
  check_may_run close_loop closing copy_context coroutine_gc create end_plainly find_options future_add_done_callback
  future_cancelled future_done future_exception future_get_loop future_remove_done_callback future_result has_string_keys_only
  install iscoroutine iscoroutinefunction isfuture lay_out let_go library_coroutine loop_close loop_gc loop_in_the_way
  loop_is_closed loop_is_running loop_run loop_stop make_runner new_loop new_thread normalize_body on_closing open_owned
  open_task other_step pass_hook push_array push_runner queued_callback return_loop run run_batch run_loop run_queued run_task
  set_first_field sigint_install sigint_restore state_gc take_first take_sigint task_quiet)

add_library(casync_start INTERFACE)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT CASYNC_SANITIZE AND NOT APPLE)
  set(lines "SECTIONS\n{\n  .text.casync_start :\n  {\n")
  foreach(functions start_functions run_functions)
    foreach(name ${${functions}})
      string(APPEND lines "    *(.text.${name} .text.${name}.*)\n")
    endforeach()
  endforeach()
  file(CONFIGURE OUTPUT start.ld CONTENT "${lines}  }\n}\nINSERT BEFORE .text;\n" @ONLY)

  # GNU ld and lld put such a script in front of their own.
  include(CheckCSourceCompiles)
  set(CMAKE_REQUIRED_LINK_OPTIONS LINKER:-T,${CMAKE_CURRENT_BINARY_DIR}/start.ld)
  check_c_source_compiles("int main(void) { return 0; }" has_start_order)
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(has_start_order)
    target_compile_options(casync_start INTERFACE -ffunction-sections)
    target_link_options(casync_start INTERFACE -ffunction-sections LINKER:-T,${CMAKE_CURRENT_BINARY_DIR}/start.ld)
    # Sixteen are 64 KiB that begin at a multiple of that: so does the code, and its first functions are all in one.
    target_link_options(casync_start INTERFACE LINKER:-z,max-page-size=65536)
  endif()

  # Relocations in a bitmap: a twentieth of the size, where the system's loader knows them.
  include(CheckCSourceRuns)
  set(CMAKE_REQUIRED_LINK_OPTIONS LINKER:-z,pack-relative-relocs)
  if(NOT CMAKE_CROSSCOMPILING)
    check_c_source_runs("static int value; int *pointer = &value; int main(void) { return *pointer; }" has_packed_relocations)
  endif()
  unset(CMAKE_REQUIRED_LINK_OPTIONS)
  if(has_packed_relocations)
    target_link_options(casync_start INTERFACE LINKER:-z,pack-relative-relocs)
  endif()
endif()
