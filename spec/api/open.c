/* SPDX-License-Identifier: MIT
 *
 * Opening, closing, and every function called with what it refuses.
 */
#include <pthread.h>

#include "check.h"

static void open_with(struct world *world, const struct casync_lua_options *options, int expected)
{
  struct casync_lua *host = (struct casync_lua *)world;
  check_equal(expected, casync_lua_open(world->L, options, &host));
  check(host == NULL);
}

static void wrong_options_are_refused(struct world *world)
{
  struct casync_lua_options options = {0};
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  open_with(world, &options, -EINVAL); /* no size */
  options.size = sizeof options;
  options.kind = CASYNC_LUA_GUEST; /* without a loop */
  open_with(world, &options, -EINVAL);
  options.kind = (enum casync_lua_kind)77;
  open_with(world, &options, -EINVAL);
  check_equal(-EINVAL, casync_lua_open(world->L, NULL, NULL));
  check_equal(-EINVAL, casync_lua_open(NULL, NULL, &world->host));
  check_equal(0, lua_gettop(world->L));
  lua_close(world->L);
}

static void a_state_without_libraries_is_an_error_that_says_so(struct world *world)
{
  world->L = luaL_newstate();
  check_equal(CASYNC_ERAISED, casync_lua_open(world->L, NULL, &world->host));
  check(world->host == NULL);
  check_equal(1, lua_gettop(world->L));
  check(strstr(lua_tostring(world->L, 1), "luaL_openlibs") != NULL);
  lua_close(world->L);
}

static void the_loop_is_the_current_one_until_it_is_closed(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  push_chunk(world, "return asyncio.get_event_loop()");
  lua_call(world->L, 0, 1);
  check_equal(0, casync_lua_push_loop(world->host, world->L));
  check(lua_rawequal(world->L, 1, 2));
  check_equal(0, casync_lua_close(world->host));
  world->host = NULL;
  push_chunk(world, "return pcall(asyncio.get_event_loop)");
  lua_call(world->L, 0, 2);
  check(!lua_toboolean(world->L, -2));
  close_world(world);
}

static void a_state_has_several_hosts(struct world *world)
{
  struct casync_lua *second;
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_open(world->L, NULL, &second));
  check_equal(1, run_chunk(world, "return asyncio.get_running_loop()"));
  push_chunk(world, "return asyncio.get_running_loop()");
  check_equal(1, casync_lua_run_task(second, world->L, 0));
  check(!lua_rawequal(world->L, 1, 2));
  check_equal(0, casync_lua_push_loop(second, world->L));
  check(lua_rawequal(world->L, 2, 3));
  check_equal(0, casync_lua_close(second));
  run_chunk(world, "await(asyncio.sleep(0))");
  close_world(world);
}

static void the_coroutine_library_can_be_left_alone(struct world *world)
{
  struct casync_lua_options options = {0};
  options.size = sizeof options;
  options.keep_coroutines = true;
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  luaL_loadstring(world->L, "return coroutine.resume");
  lua_call(world->L, 0, 1);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
  luaL_loadstring(world->L, "return coroutine.resume");
  lua_call(world->L, 0, 1);
  check(lua_rawequal(world->L, 1, 2));
  close_world(world);
}

static void a_host_belongs_to_one_lua_state(struct world *world)
{
  lua_State *other = luaL_newstate();
  open_world(world, CASYNC_LUA_OWN);
  check_equal(-EINVAL, casync_lua_push_future(world->host, other));
  check_equal(-EINVAL, casync_lua_run(world->host, other));
  check_equal(0, lua_gettop(other));
  lua_close(other);
  close_world(world);
}

/* Calls everything that takes a host; all of it gives `expected` and takes nothing from the stack,
 * on which there are a future and a function. */
static void call_everything(struct casync_lua *host, lua_State *L, int expected)
{
  static const struct casync_lua_op_type op_type = {"op", 0, NULL, NULL, NULL};
  struct casync_lua_op_type with_start = op_type;
  struct casync_lua_work_type work_type = {free, NULL, NULL};
  struct casync_completer *completer;
  void *op;
  int top = lua_gettop(L);
  with_start.start = (int (*)(void *))casync_lua_op_wake;
  check_equal(expected, casync_lua_push_loop(host, L));
  check_equal(expected, casync_lua_run(host, L));
  check_equal(expected, casync_lua_run_task(host, L, 0));
  check_equal(expected, casync_lua_shutdown(host, L));
  check_equal(expected, casync_lua_push_left(host, L));
  check_equal(expected, casync_lua_spawn(host, L, 0, NULL, NULL));
  check_equal(expected, casync_lua_count_tasks(host, L));
  check_equal(expected, casync_lua_cancel_tasks(host, L));
  check_equal(expected, casync_lua_push_future(host, L));
  check_equal(expected, casync_lua_resolve(host, L, 1, 0));
  check_equal(expected, casync_lua_reject(host, L, 1));
  check_equal(expected, casync_lua_cancel(host, L, 1));
  check_equal(expected, casync_lua_watch(host, L, 1, note_end, NULL));
  check_equal(expected, casync_lua_future_state(host, L, 1));
  check_equal(expected, casync_lua_push_results(host, L, 1));
  check_equal(expected, casync_completer_new(host, L, 1, &completer));
  check_equal(expected, casync_lua_push_op(host, L, &with_start, &op));
  check_equal(expected, casync_lua_work(host, L, &work_type, NULL));
  check_equal(top, lua_gettop(L));
}

static void push_future_and_function(struct world *world)
{
  check_equal(0, casync_lua_push_future(world->host, world->L));
  push_chunk(world, "");
}

static void without_a_host_everything_is_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  push_future_and_function(world);
  call_everything(NULL, world->L, -EINVAL);
  check(casync_lua_loop(NULL) == NULL);
  check_equal(0, casync_lua_close(NULL));
  close_world(world);
}

static void without_a_lua_state_everything_is_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  check_equal(-EINVAL, casync_lua_push_loop(world->host, NULL));
  check_equal(-EINVAL, casync_lua_run(world->host, NULL));
  check_equal(-EINVAL, casync_lua_run_task(world->host, NULL, 0));
  check_equal(-EINVAL, casync_lua_shutdown(world->host, NULL));
  check_equal(-EINVAL, casync_lua_push_left(world->host, NULL));
  check_equal(-EINVAL, casync_lua_spawn(world->host, NULL, 0, NULL, NULL));
  check_equal(-EINVAL, casync_lua_count_tasks(world->host, NULL));
  check_equal(-EINVAL, casync_lua_cancel_tasks(world->host, NULL));
  check_equal(-EINVAL, casync_lua_push_future(world->host, NULL));
  check_equal(-EINVAL, casync_lua_resolve(world->host, NULL, 1, 0));
  check_equal(-EINVAL, casync_lua_reject(world->host, NULL, 1));
  check_equal(-EINVAL, casync_lua_cancel(world->host, NULL, 1));
  check_equal(-EINVAL, casync_lua_watch(world->host, NULL, 1, note_end, NULL));
  check_equal(-EINVAL, casync_lua_future_state(world->host, NULL, 1));
  check_equal(-EINVAL, casync_lua_push_results(world->host, NULL, 1));
  close_world(world);
}

static void after_its_end_a_host_says_that_it_is_closed(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  push_future_and_function(world);
  push_chunk(world, "asyncio.get_event_loop():close()");
  lua_call(world->L, 0, 0);
  call_everything(world->host, world->L, CASYNC_ECLOSED);
  check(casync_lua_loop(world->host) == NULL);
  close_world(world);
}

static void after_the_lua_state_a_host_says_that_it_is_closed(struct world *world)
{
  lua_State *other = luaL_newstate();
  open_world(world, CASYNC_LUA_OWN);
  lua_close(world->L);
  world->L = NULL;
  lua_settop(other, 2);
  call_everything(world->host, other, CASYNC_ECLOSED);
  check(casync_lua_loop(world->host) == NULL);
  lua_close(other);
  close_world(world);
}

static void *call_in_thread(void *data)
{
  struct world *world = data;
  call_everything(world->host, world->L, CASYNC_ETHREAD);
  check_equal(CASYNC_ETHREAD, casync_lua_close(world->host));
  return NULL;
}

static void another_thread_is_refused(struct world *world)
{
  pthread_t thread;
  open_world(world, CASYNC_LUA_OWN);
  push_future_and_function(world);
  check_equal(0, pthread_create(&thread, NULL, call_in_thread, world));
  check_equal(0, pthread_join(thread, NULL));
  close_world(world);
}

static void wrong_counts_of_values_are_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  check_equal(-EINVAL, casync_lua_run_task(world->host, world->L, 0));
  check_equal(-EINVAL, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  push_chunk(world, "");
  check_equal(-EINVAL, casync_lua_run_task(world->host, world->L, 1));
  check_equal(-EINVAL, casync_lua_spawn(world->host, world->L, -1, NULL, NULL));
  check_equal(1, lua_gettop(world->L));
  close_world(world);
}

static void what_cannot_be_run_is_a_lua_error(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  lua_pushinteger(world->L, 1);
  check_equal(CASYNC_ERAISED, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  check(casync_lua_is_error(world->L, -1, "TypeError"));
  check_equal(1, lua_gettop(world->L));
  close_world(world);
}

static const struct test tests[] = {
    TEST(wrong_options_are_refused),
    TEST(a_state_without_libraries_is_an_error_that_says_so),
    TEST(the_loop_is_the_current_one_until_it_is_closed),
    TEST(a_state_has_several_hosts),
    TEST(the_coroutine_library_can_be_left_alone),
    TEST(a_host_belongs_to_one_lua_state),
    TEST(without_a_host_everything_is_refused),
    TEST(without_a_lua_state_everything_is_refused),
    TEST(after_its_end_a_host_says_that_it_is_closed),
    TEST(after_the_lua_state_a_host_says_that_it_is_closed),
    TEST(another_thread_is_refused),
    TEST(wrong_counts_of_values_are_refused),
    TEST(what_cannot_be_run_is_a_lua_error),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
