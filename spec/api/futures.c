/* SPDX-License-Identifier: MIT
 *
 * Futures, completers, work in threads.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"

/* ---- futures ---- */

/* Pushes a future, known to Lua as `future`, whose end is noted. */
static void push_future(struct world *world)
{
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_lua_watch(world->host, world->L, -1, note_end, world));
  lua_pushvalue(world->L, -1);
  lua_setglobal(world->L, "future");
}

static void a_future_is_resolved_with_values(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  push_chunk(world, "return await(future)");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  lua_pushliteral(world->L, "a");
  lua_pushliteral(world->L, "b");
  check_equal(0, casync_lua_resolve(world->host, world->L, 1, 2));
  check_equal(2, lua_gettop(world->L));
  step_to_end(world);
  check_trace(world, "returned a returned a");
  check_equal(2, casync_lua_push_results(world->host, world->L, 2));
  check(strcmp(lua_tostring(world->L, -1), "b") == 0);
  close_world(world);
}

static void a_future_is_rejected_with_an_error(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  casync_lua_push_error(world->L, "ValueError", "not %d", 5);
  check_equal(0, casync_lua_reject(world->host, world->L, 1));
  step_to_end(world);
  check_trace(world, "raised ValueError: not 5");
  check_equal(CASYNC_ERAISED, casync_lua_push_results(world->host, world->L, 1));
  check(casync_lua_is_error(world->L, -1, "ValueError"));
  close_world(world);
}

static void a_future_is_cancelled(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(1, casync_lua_cancel(world->host, world->L, 1));
  check_equal(0, casync_lua_cancel(world->host, world->L, 1));
  check_equal(CASYNC_LUA_CANCELLED, casync_lua_future_state(world->host, world->L, 1));
  step_to_end(world);
  check_trace(world, "cancelled CancelledError");
  close_world(world);
}

static void completing_twice_is_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(CASYNC_ESTATE, casync_lua_push_results(world->host, world->L, 1));
  check_equal(0, casync_lua_resolve(world->host, world->L, 1, 0));
  lua_pushinteger(world->L, 1);
  check_equal(CASYNC_ESTATE, casync_lua_resolve(world->host, world->L, 1, 1));
  check_equal(CASYNC_ESTATE, casync_lua_reject(world->host, world->L, 1));
  check_equal(2, lua_gettop(world->L));
  close_world(world);
}

static void a_done_future_is_told_too(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_lua_resolve(world->host, world->L, 1, 0));
  check_equal(0, casync_lua_watch(world->host, world->L, 1, note_end, world));
  check_trace(world, "");
  step_to_end(world);
  check_trace(world, "returned nil");
  close_world(world);
}

static void other_values_are_no_futures(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  lua_newuserdatauv(world->L, 1000, 0);
  memset(lua_touserdata(world->L, 1), 0, 1000);
  lua_pushnil(world->L);
  for (int index = 1; index <= 3; index++) {
    check_equal(-EINVAL, casync_lua_resolve(world->host, world->L, index, 0));
    check_equal(-EINVAL, casync_lua_cancel(world->host, world->L, index));
    check_equal(-EINVAL, casync_lua_watch(world->host, world->L, index, note_end, NULL));
    check_equal(-EINVAL, casync_lua_future_state(world->host, world->L, index));
    check_equal(-EINVAL, casync_lua_push_results(world->host, world->L, index));
    check_equal(-EINVAL, casync_completer_new(world->host, world->L, index, &completer));
    check(completer == NULL);
  }
  close_world(world);
}

static void results_are_not_set_on_tasks_or_from_below(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  check_equal(-EINVAL, casync_lua_resolve(world->host, world->L, 1, 0));
  check_equal(-EINVAL, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(-EINVAL, casync_lua_resolve(world->host, world->L, 2, 1));
  check_equal(-EINVAL, casync_lua_resolve(world->host, world->L, 2, -1));
  lua_pushnil(world->L);
  check_equal(-EINVAL, casync_lua_reject(world->host, world->L, 2));
  check_equal(-EINVAL, casync_lua_watch(world->host, world->L, 2, NULL, NULL));
  check_equal(3, lua_gettop(world->L));
  step_to_end(world);
  close_world(world);
}

/* ---- completers ---- */

static int fill_data(lua_State *L, void *data)
{
  lua_pushinteger(L, 1);
  lua_pushstring(L, data);
  return 2;
}

static int fill_with_error(lua_State *L, void *data)
{
  return casync_lua_error(L, "OSError", "%s", (const char *)data);
}

static void count_release(void *data)
{
  ++*(char *)data;
}

static void *complete_in_thread(void *data)
{
  check_equal(0, casync_completer_complete(data, fill_data, "text", NULL));
  casync_completer_unref(data);
  return NULL;
}

static void another_thread_completes_a_future(struct world *world)
{
  struct casync_completer *completer;
  pthread_t thread;
  open_world(world, CASYNC_LUA_OWN);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(0, pthread_create(&thread, NULL, complete_in_thread, completer));
  check_equal(2, run_chunk(world, "return await(future)"));
  check(strcmp(lua_tostring(world->L, -1), "text") == 0);
  check_equal(0, pthread_join(thread, NULL));
  close_world(world);
}

static void a_completer_is_good_for_once(struct world *world)
{
  struct casync_completer *completer;
  char released[] = "0";
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(0, casync_completer_complete(completer, fill_data, released, count_release));
  check_equal(CASYNC_ESTATE,
              casync_completer_complete(completer, fill_data, released, count_release));
  check_equal('0', released[0]);
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_equal('1', released[0]);
  check_equal(CASYNC_ESTATE, casync_completer_complete(completer, NULL, NULL, NULL));
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "returned 1");
  check_equal(CASYNC_ESTATE, casync_completer_new(world->host, world->L, 1, &completer));
  close_world(world);
}

static void what_the_filling_raises_is_the_futures(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(0, casync_completer_complete(completer, fill_with_error, "disk", NULL));
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "raised OSError: disk");
  close_world(world);
}

static void a_completer_without_a_function_gives_no_results(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(0, casync_completer_complete(completer, NULL, NULL, NULL));
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "returned nil");
  close_world(world);
}

static void a_completer_that_nobody_has_any_more_fails_its_future(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  casync_completer_ref(completer);
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "");
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "raised RuntimeError: nobody is left to complete this future");
  close_world(world);
}

static void a_cancelled_future_needs_no_filling(struct world *world)
{
  struct casync_completer *completer;
  char released[] = "0";
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check_equal(1, casync_lua_cancel(world->host, world->L, 1));
  check_equal(0, casync_completer_complete(completer, fill_with_error, released, count_release));
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "cancelled CancelledError");
  check_equal('1', released[0]);
  close_world(world);
}

static void a_completer_keeps_its_future_alive(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_lua_watch(world->host, world->L, -1, note_end, world));
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  lua_settop(world->L, 0);
  lua_gc(world->L, LUA_GCCOLLECT);
  check_equal(0, casync_completer_complete(completer, fill_data, "", NULL));
  casync_completer_unref(completer);
  step_to_end(world);
  check_trace(world, "returned 1");
  close_world(world);
}

static void after_the_close_completers_say_so(struct world *world)
{
  struct casync_completer *used, *unused;
  char released[] = "0";
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &used));
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_completer_new(world->host, world->L, 2, &unused));
  check_equal(0, casync_completer_complete(used, fill_data, released, count_release));
  close_world(world);
  check_equal('1', released[0]);
  check_equal(CASYNC_ECLOSED,
              casync_completer_complete(unused, fill_data, released, count_release));
  check_equal(CASYNC_ESTATE, casync_completer_complete(used, fill_data, released, count_release));
  check_equal('1', released[0]);
  casync_completer_unref(used);
  casync_completer_unref(unused);
}

static void after_lua_close_completers_say_so(struct world *world)
{
  struct casync_completer *completer;
  open_world(world, CASYNC_LUA_STEPPED);
  push_future(world);
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  lua_close(world->L);
  world->L = NULL;
  check_equal(CASYNC_ECLOSED, casync_completer_complete(completer, NULL, NULL, NULL));
  casync_completer_unref(completer);
  close_world(world);
}

static void no_completer_is_refused(struct world *world)
{
  (void)world;
  check_equal(-EINVAL, casync_completer_complete(NULL, NULL, NULL, NULL));
  casync_completer_ref(NULL);
  casync_completer_unref(NULL);
}

enum { MANY = 200, THREADS = 4 };

static struct casync_completer *many[MANY];
static int order[MANY]; /* the numbers below MANY */

static void *complete_some(void *data)
{
  for (int i = *(const int *)data; i < MANY; i += THREADS) complete_in_thread(many[i]);
  return NULL;
}

static void many_threads_complete_many_futures(struct world *world)
{
  pthread_t threads[THREADS];
  open_world(world, CASYNC_LUA_OWN);
  lua_newtable(world->L);
  for (int i = 0; i < MANY; i++) {
    check_equal(0, casync_lua_push_future(world->host, world->L));
    check_equal(0, casync_completer_new(world->host, world->L, -1, &many[i]));
    order[i] = i;
    lua_rawseti(world->L, 1, i + 1);
  }
  lua_setglobal(world->L, "futures");
  for (size_t i = 0; i < THREADS; i++)
    check_equal(0, pthread_create(&threads[i], NULL, complete_some, &order[i]));
  check_equal(1, run_chunk(world, "local list = await(asyncio.gather(futures)) local sum = 0 "
                                  "for i = 1, list.n do sum = sum + list[i] end return sum"));
  check_equal(MANY, lua_tointeger(world->L, -1));
  for (int i = 0; i < THREADS; i++) check_equal(0, pthread_join(threads[i], NULL));
  close_world(world);
}

/* ---- work ---- */

struct sum {
  int a, b, result;
  pthread_t thread;
  int released;
};

static void add(void *data)
{
  struct sum *sum = data;
  sum->thread = pthread_self();
  sum->result = sum->a + sum->b;
}

static int push_sum(lua_State *L, void *data)
{
  const struct sum *sum = data;
  if (sum->result < 0) return casync_lua_error(L, "ValueError", "below zero");
  lua_pushinteger(L, sum->result);
  return 1;
}

static void release_sum(void *data)
{
  __atomic_add_fetch(&((struct sum *)data)->released, 1, __ATOMIC_SEQ_CST);
}

static const struct casync_lua_work_type addition = {add, push_sum, release_sum};

static void work_is_done_in_a_thread_and_its_result_in_the_loop(struct world *world)
{
  struct sum sum = {20, 22, 0, pthread_self(), 0};
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_work(world->host, world->L, &addition, &sum));
  lua_setglobal(world->L, "future");
  check_equal(1, run_chunk(world, "return await(future)"));
  check_equal(42, lua_tointeger(world->L, -1));
  check(!pthread_equal(sum.thread, pthread_self()));
  check_equal(1, sum.released);
  close_world(world);
}

static void what_the_result_raises_is_the_futures(struct world *world)
{
  struct sum sum = {-20, 2, 0, pthread_self(), 0};
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_work(world->host, world->L, &addition, &sum));
  lua_setglobal(world->L, "future");
  push_chunk(world, "return await(future)");
  check_equal(CASYNC_ERAISED, casync_lua_run_task(world->host, world->L, 0));
  check(casync_lua_is_error(world->L, -1, "ValueError"));
  close_world(world);
}

static void closing_gives_work_up(struct world *world)
{
  struct sum sum = {1, 2, 0, pthread_self(), 0};
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_work(world->host, world->L, &addition, &sum));
  close_world(world);
  while (__atomic_load_n(&sum.released, __ATOMIC_SEQ_CST) == 0) sched_yield();
  check_equal(1, sum.released);
}

static void no_work_is_refused(struct world *world)
{
  static const struct casync_lua_work_type nothing = {NULL, NULL, NULL};
  open_world(world, CASYNC_LUA_OWN);
  check_equal(-EINVAL, casync_lua_work(world->host, world->L, NULL, NULL));
  check_equal(-EINVAL, casync_lua_work(world->host, world->L, &nothing, NULL));
  check_equal(0, lua_gettop(world->L));
  close_world(world);
}

static const struct test tests[] = {
    TEST(a_future_is_resolved_with_values),
    TEST(a_future_is_rejected_with_an_error),
    TEST(a_future_is_cancelled),
    TEST(completing_twice_is_refused),
    TEST(a_done_future_is_told_too),
    TEST(other_values_are_no_futures),
    TEST(results_are_not_set_on_tasks_or_from_below),
    TEST(another_thread_completes_a_future),
    TEST(a_completer_is_good_for_once),
    TEST(what_the_filling_raises_is_the_futures),
    TEST(a_completer_without_a_function_gives_no_results),
    TEST(a_completer_that_nobody_has_any_more_fails_its_future),
    TEST(a_cancelled_future_needs_no_filling),
    TEST(a_completer_keeps_its_future_alive),
    TEST(after_the_close_completers_say_so),
    TEST(after_lua_close_completers_say_so),
    TEST(no_completer_is_refused),
    TEST(many_threads_complete_many_futures),
    TEST(work_is_done_in_a_thread_and_its_result_in_the_loop),
    TEST(what_the_result_raises_is_the_futures),
    TEST(closing_gives_work_up),
    TEST(no_work_is_refused),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
