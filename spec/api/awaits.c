/* SPDX-License-Identifier: MIT
 *
 * C functions that await, operations written in C, errors in and out.
 */
#include "check.h"

#include <pthread.h>

/* ---- awaiting ---- */

/* The context of a continuation tells where its own values end. */
static int add_up(lua_State *L, int status, lua_KContext context)
{
  lua_Integer sum = 0;
  check(status == LUA_OK || status == LUA_YIELD);
  for (int i = (int)context; i <= lua_gettop(L); i++) sum += lua_tointeger(L, i);
  lua_pushinteger(L, sum);
  return 1;
}

/* sum(10, awaitable): 10 and all that is awaited */
static int sum(lua_State *L)
{
  check_equal(2, lua_gettop(L));
  return casync_lua_await(L, 2, 1, add_up);
}

/* With a userdata as upvalue, as C functions of applications have. */
static void set_function(struct world *world, const char *name, lua_CFunction function)
{
  memset(lua_newuserdatauv(world->L, 64, 0), 7, 64);
  lua_pushlightuserdata(world->L, world);
  lua_pushcclosure(world->L, function, 2);
  lua_setglobal(world->L, name);
}

static void a_c_function_awaits(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  set_function(world, "sum", sum);
  run_chunk(world, "local f = asyncio.get_running_loop():create_future() "
                   "local t = asyncio.create_task(function() return sum(10, f) end) "
                   "await(asyncio.sleep(0)) f:set_result(1, 2) "
                   "return await(t)");
  check_equal(13, lua_tointeger(world->L, -1));
  close_world(world);
}

static void what_is_done_does_not_suspend_a_c_function(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  set_function(world, "sum", sum);
  run_chunk(world, "local f = asyncio.get_running_loop():create_future() f:set_result(5) "
                   "local n = asyncio.get_running_loop():_iterations() "
                   "assert(sum(10, f) == 15) return asyncio.get_running_loop():_iterations() - n");
  check_equal(0, lua_tointeger(world->L, -1));
  close_world(world);
}

static void what_a_c_function_awaits_raises_in_it(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  set_function(world, "sum", sum);
  run_chunk(world, "local t = asyncio.create_task(function() sum(10, asyncio.sleep(60)) end) "
                   "await(asyncio.sleep(0)) t:cancel() return pcall(await, t)");
  check(!lua_toboolean(world->L, 1));
  check(casync_lua_is_error(world->L, 2, "CancelledError"));
  close_world(world);
}

static int name_status(lua_State *L, int status, lua_KContext context)
{
  (void)context;
  lua_pushboolean(L, status == LUA_OK || status == LUA_YIELD);
  lua_insert(L, 1);
  return lua_gettop(L);
}

static int protected_await(lua_State *L)
{
  return casync_lua_pawait(L, 1, 0, name_status);
}

static void a_c_function_catches_errors(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  set_function(world, "try", protected_await);
  run_chunk(world, "return try(function() await(asyncio.sleep(0)) error('caught', 0) end)");
  check(!lua_toboolean(world->L, 1));
  check(strcmp(lua_tostring(world->L, -1), "caught") == 0);
  lua_settop(world->L, 0);
  run_chunk(world, "return try(asyncio.sleep(0, 'fine'))");
  check(lua_toboolean(world->L, 1));
  check(strcmp(lua_tostring(world->L, -1), "fine") == 0);
  close_world(world);
}

static void awaiting_outside_of_a_task_is_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  set_function(world, "sum", sum);
  push_chunk(world, "return pcall(sum, 10, asyncio.get_event_loop():create_future())");
  lua_call(world->L, 0, 2);
  check(casync_lua_is_error(world->L, -1, "RuntimeError"));
  close_world(world);
}

static void awaiting_where_casync_is_not_open_is_refused(struct world *world)
{
  world->L = luaL_newstate();
  lua_pushcfunction(world->L, sum);
  lua_pushnil(world->L);
  lua_pushnil(world->L);
  check_equal(LUA_ERRRUN, lua_pcall(world->L, 2, 0, 0));
  check(strstr(lua_tostring(world->L, -1), "not open") != NULL);
  casync_lua_push_error(world->L, "ValueError", "plain %s", "text");
  check(strcmp(lua_tostring(world->L, -1), "plain text") == 0);
  casync_lua_push_code(world->L, CASYNC_ECLOSED);
  check_equal(LUA_TSTRING, lua_type(world->L, -1));
  check(!casync_lua_is_error(world->L, -1, "ValueError"));
  lua_close(world->L);
}

/* ---- operations ---- */

/* An operation that waits for a number. */
struct number {
  struct world *world;
  int value, start;
};

static int start_number(void *op)
{
  struct number *number = op;
  note(number->world, "start");
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(op));
  return number->start;
}

static void undo_number(void *op)
{
  note(((struct number *)op)->world, "undo");
}

static int finish_number(lua_State *L, void *op)
{
  const struct number *number = op;
  note(number->world, "finish");
  if (number->value < 0) return casync_lua_error(L, "ValueError", "below zero");
  lua_pushinteger(L, number->value);
  return 1;
}

static const struct casync_lua_op_type number_type = {"number", sizeof(struct number), start_number,
                                                      undo_number, finish_number};

/* Pushes a new operation, known to Lua as `op`. */
static struct number *push_number(struct world *world)
{
  void *op;
  check_equal(0, casync_lua_push_op(world->host, world->L, &number_type, &op));
  struct number *number = op;
  check(number->world == NULL && number->value == 0);
  number->world = world;
  lua_setglobal(world->L, "op");
  return number;
}

static void step(struct world *world)
{
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
}

static void spawn(struct world *world, const char *chunk)
{
  push_chunk(world, chunk);
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  lua_pop(world->L, 1);
}

static void an_operation_waits_until_it_is_woken(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct number *number = push_number(world);
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(number));
  spawn(world, "return await(op)");
  step(world);
  step(world);
  check_trace(world, "start");
  number->value = 9;
  check_equal(0, casync_lua_op_wake(number));
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(number));
  step_to_end(world);
  check_trace(world, "finish returned 9");
  close_world(world);
}

/* ---- other threads, in debug mode ---- */

static void open_in_debug_mode(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "asyncio.get_event_loop():set_debug(true)");
  lua_call(world->L, 0, 0);
}

static void *wake(void *op)
{
  check_equal(CASYNC_ETHREAD, casync_lua_op_wake(op));
  return NULL;
}

static void run_in_thread(void *(*function)(void *), void *data)
{
  pthread_t thread;
  check_equal(0, pthread_create(&thread, NULL, function, data));
  check_equal(0, pthread_join(thread, NULL));
}

static void an_operation_is_not_woken_in_another_thread(struct world *world)
{
  open_in_debug_mode(world);
  struct number *number = push_number(world);
  number->value = 9;
  spawn(world, "return await(op)");
  step(world);
  run_in_thread(wake, number);
  step(world);
  check_trace(world, "start");
  check_equal(0, casync_lua_op_wake(number));
  step_to_end(world);
  check_trace(world, "finish returned 9");
  close_world(world);
}

static void *use_loop(void *data)
{
  struct world *world = data;
  push_chunk(world, "asyncio.get_event_loop():call_soon(error)");
  check(lua_pcall(world->L, 0, 0, 0) != LUA_OK);
  check(strcmp("RuntimeError: Non-thread-safe operation invoked on an event loop other than the "
               "current one",
               luaL_tolstring(world->L, -1, NULL)) == 0);
  return NULL;
}

static void between_two_steps_a_loop_refuses_another_thread(struct world *world)
{
  open_in_debug_mode(world);
  spawn(world, "await(asyncio.sleep(0)) return 1");
  step(world);
  run_in_thread(use_loop, world);
  step_to_end(world);
  check_trace(world, "returned 1");
  close_world(world);
}

static void an_operation_may_have_nothing_to_wait_for(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct number *number = push_number(world);
  number->start = CASYNC_LUA_FINISHED;
  number->value = 3;
  spawn(world, "return await(op)");
  step_to_end(world);
  check_trace(world, "start finish returned 3");
  close_world(world);
}

static void an_operation_that_cannot_begin_raises(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_number(world)->start = -ECONNREFUSED;
  spawn(world, "local ok, err = pcall(await, op) return err.name");
  step_to_end(world);
  check_trace(world, "start returned ConnectionRefusedError");
  close_world(world);
}

static void an_operation_is_undone_by_cancelling(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct number *number = push_number(world);
  spawn(world, "return await(op)");
  step(world);
  check_equal(1, casync_lua_cancel_tasks(world->host, world->L));
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(number));
  step_to_end(world);
  check_trace(world, "start undo cancelled CancelledError");
  close_world(world);
}

static void an_operation_is_undone_by_the_close(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  silence();
  push_number(world);
  spawn(world, "return await(op)");
  step(world);
  close_world(world);
  check_trace(world, "start undo");
}

static void an_operation_is_undone_by_lua_close(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  silence();
  push_number(world);
  spawn(world, "return await(op)");
  step(world);
  lua_close(world->L);
  world->L = NULL;
  check_trace(world, "start undo");
  close_world(world);
}

static void what_the_finish_raises_is_raised_by_the_await(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct number *number = push_number(world);
  number->value = -1;
  spawn(world, "return await(op)");
  step(world);
  check_equal(0, casync_lua_op_wake(number));
  step_to_end(world);
  check_trace(world, "start finish raised ValueError: below zero");
  close_world(world);
}

static void an_operation_is_a_coroutine_like_others(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct number *number = push_number(world);
  spawn(world, "local t = asyncio.create_task(op) return await(asyncio.wait_for(t, 60))");
  for (int i = 0; i < 4; i++) step(world);
  number->value = 4;
  check_equal(0, casync_lua_op_wake(number));
  step_to_end(world);
  check_trace(world, "start finish returned 4");
  spawn(world, "return select(2, pcall(await, op)).message");
  step_to_end(world);
  check_trace(world, "returned cannot reuse already awaited coroutine");
  close_world(world);
}

static void wrong_operations_are_refused(struct world *world)
{
  struct casync_lua_op_type type = number_type;
  void *op;
  open_world(world, CASYNC_LUA_STEPPED);
  check_equal(-EINVAL, casync_lua_push_op(world->host, world->L, NULL, &op));
  check_equal(-EINVAL, casync_lua_push_op(world->host, world->L, &type, NULL));
  check_equal(-EINVAL, casync_lua_push_op(world->host, NULL, &type, &op));
  type.name = NULL;
  check_equal(-EINVAL, casync_lua_push_op(world->host, world->L, &type, &op));
  type = number_type;
  type.start = NULL;
  check_equal(-EINVAL, casync_lua_push_op(world->host, world->L, &type, &op));
  check(op == NULL);
  check_equal(-EINVAL, casync_lua_op_wake(NULL));
  check_equal(0, lua_gettop(world->L));
  close_world(world);
}

/* ---- errors ---- */

static void errors_are_made_by_name(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  casync_lua_push_error(world->L, "TimeoutError", "after %d s", 5);
  check(casync_lua_is_error(world->L, -1, "TimeoutError"));
  check(casync_lua_is_error(world->L, -1, "OSError"));
  check(!casync_lua_is_error(world->L, -1, "ValueError"));
  check(strcmp(luaL_tolstring(world->L, -1, NULL), "TimeoutError: after 5 s") == 0);
  casync_lua_push_error(world->L, "NoSuchError", "text");
  check(casync_lua_is_error(world->L, -1, "RuntimeError"));
  check(!casync_lua_is_error(world->L, -1, NULL));
  check(!casync_lua_is_error(NULL, -1, "OSError"));
  close_world(world);
}

static void codes_become_errors_and_errors_codes(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  casync_lua_push_code(world->L, -ENOENT);
  check(casync_lua_is_error(world->L, -1, "FileNotFoundError"));
  check_equal(-ENOENT, casync_lua_error_code(world->L, -1));
  casync_lua_push_code(world->L, CASYNC_ECLOSED);
  check(casync_lua_is_error(world->L, -1, "RuntimeError"));
  check_equal(CASYNC_ERAISED, casync_lua_error_code(world->L, -1));
  casync_lua_push_code(world->L, CASYNC_EMEMORY);
  check_equal(CASYNC_EMEMORY, casync_lua_error_code(world->L, -1));
  lua_pushnil(world->L);
  check_equal(CASYNC_ERAISED, casync_lua_error_code(world->L, -1));
  check_equal(-EINVAL, casync_lua_error_code(NULL, -1));
  close_world(world);
}

static const struct test tests[] = {
    TEST(a_c_function_awaits),
    TEST(what_is_done_does_not_suspend_a_c_function),
    TEST(what_a_c_function_awaits_raises_in_it),
    TEST(a_c_function_catches_errors),
    TEST(awaiting_outside_of_a_task_is_refused),
    TEST(awaiting_where_casync_is_not_open_is_refused),
    TEST(an_operation_waits_until_it_is_woken),
    TEST(an_operation_is_not_woken_in_another_thread),
    TEST(between_two_steps_a_loop_refuses_another_thread),
    TEST(an_operation_may_have_nothing_to_wait_for),
    TEST(an_operation_that_cannot_begin_raises),
    TEST(an_operation_is_undone_by_cancelling),
    TEST(an_operation_is_undone_by_the_close),
    TEST(an_operation_is_undone_by_lua_close),
    TEST(what_the_finish_raises_is_raised_by_the_await),
    TEST(an_operation_is_a_coroutine_like_others),
    TEST(wrong_operations_are_refused),
    TEST(errors_are_made_by_name),
    TEST(codes_become_errors_and_errors_codes),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
