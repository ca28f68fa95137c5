/* SPDX-License-Identifier: MIT
 *
 * Operations written in C are cancelled at every point of their life, and bad arguments at the
 * edges of the interface.
 */
#include "check.h"

/* ---- an operation that notes what it is told ---- */

struct pause {
  struct world *world;
  int cancels; /* what its start does to the task that awaits it, at index 1 of the stack */
};

static int start_pause(void *op)
{
  struct pause *pause = op;
  note(pause->world, "start");
  if (pause->cancels) check_equal(1, casync_lua_cancel(pause->world->host, pause->world->L, 1));
  return CASYNC_LUA_WAITS;
}

static void undo_pause(void *op)
{
  note(((struct pause *)op)->world, "undo");
}

static int finish_pause(lua_State *L, void *op)
{
  (void)L;
  note(((struct pause *)op)->world, "finish");
  return 0;
}

static const struct casync_lua_op_type pause_type = {"pause", sizeof(struct pause), start_pause,
                                                     undo_pause, finish_pause};

/* Makes an operation, known to Lua under a name. */
static struct pause *make_pause(struct world *world, const char *name)
{
  void *op;
  check_equal(0, casync_lua_push_op(world->host, world->L, &pause_type, &op));
  ((struct pause *)op)->world = world;
  lua_setglobal(world->L, name);
  return op;
}

/* Opens a stepped loop with a task at index 1 that runs the chunk; `op` is an operation. */
static struct pause *begin(struct world *world, const char *chunk)
{
  open_world(world, CASYNC_LUA_STEPPED);
  struct pause *pause = make_pause(world, "op");
  push_chunk(world, chunk);
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
  return pause;
}

static void step(struct world *world)
{
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
}

static void cancel(struct world *world)
{
  check_equal(1, casync_lua_cancel(world->host, world->L, 1));
}

static void end(struct world *world, const char *trace)
{
  step_to_end(world);
  check_trace(world, trace);
  close_world(world);
}

/* ---- when ---- */

static void before_its_task_starts_it_is_not_begun(struct world *world)
{
  begin(world, "await(op)");
  silence(); /* "coroutine 'pause' was never awaited" */
  cancel(world);
  end(world, "cancelled CancelledError");
}

static void as_a_task_that_has_not_started_it_is_not_begun(struct world *world)
{
  begin(world, "local task = asyncio.create_task(op) task:cancel() await(task)");
  end(world, "cancelled CancelledError");
}

static void while_it_begins_it_is_undone(struct world *world)
{
  begin(world, "await(op)")->cancels = 1;
  end(world, "start undo cancelled CancelledError");
}

static void while_it_waits_it_is_undone_once(struct world *world)
{
  struct pause *pause = begin(world, "await(op)");
  step(world);
  cancel(world);
  cancel(world);
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(pause));
  end(world, "start undo cancelled CancelledError");
}

static void in_the_turn_of_its_wake_it_is_not_finished(struct world *world)
{
  struct pause *pause = begin(world, "await(op)");
  step(world);
  check_equal(0, casync_lua_op_wake(pause));
  cancel(world);
  check_equal(CASYNC_ESTATE, casync_lua_op_wake(pause));
  end(world, "start cancelled CancelledError");
}

static void behind_its_end_it_is_too_late(struct world *world)
{
  struct pause *pause = begin(world, "await(op)");
  step(world);
  check_equal(0, casync_lua_op_wake(pause));
  step(world);
  check_equal(0, casync_lua_cancel(world->host, world->L, 1));
  end(world, "start finish returned nil");
}

static void a_task_that_goes_on_may_be_cancelled_again(struct world *world)
{
  begin(world, "pcall(await, op) await(other)");
  make_pause(world, "other");
  step(world);
  cancel(world);
  step(world);
  check_trace(world, "start undo start");
  cancel(world);
  end(world, "undo cancelled CancelledError");
}

static void what_was_cancelled_is_not_awaited_again(struct world *world)
{
  begin(world, "pcall(await, op) local ok, err = pcall(await, op) return err.name");
  step(world);
  cancel(world);
  end(world, "start undo returned RuntimeError");
}

static void a_timeout_cancels_it(struct world *world)
{
  begin(world, "return select(2, pcall(await, asyncio.wait_for(op, 0.001))).name");
  end(world, "start undo returned TimeoutError");
}

/* ---- bad arguments ---- */

static void no_loop_counts_as_a_closed_one(struct world *world)
{
  struct casync_post post = {NULL, NULL};
  (void)world;
  check_equal(-EINVAL, casync_loop_open(NULL, CASYNC_LOOP_STEPPED, NULL, NULL));
  check_equal(-EINVAL, casync_loop_open_guest(NULL, (struct ev_loop *)&post, NULL, NULL));
  check_equal(0, casync_loop_close(NULL));
  casync_loop_free(NULL);
  check(casync_loop_is_closed(NULL) && !casync_loop_is_running(NULL));
  check(!casync_loop_is_attached(NULL));
  check(casync_loop_time(NULL) == 0 && casync_loop_iterations(NULL) == 0);
  check_equal(CASYNC_ECLOSED, casync_loop_run(NULL));
  check_equal(CASYNC_ECLOSED, casync_loop_resume(NULL));
  check_equal(CASYNC_ECLOSED, casync_loop_fd(NULL));
  check_equal(CASYNC_ECLOSED, casync_loop_step(NULL));
  check(casync_loop_timeout(NULL) < 0);
  check_equal(CASYNC_ECLOSED, casync_loop_post(NULL, &post));
  casync_loop_wake(NULL);
  casync_loop_stop(NULL);
  casync_loop_leave(NULL);
}

static void a_loop_is_not_known_to_its_host_behind_the_close(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  lua_close(world->L);
  world->L = NULL;
  check_equal(CASYNC_ECLOSED, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(CASYNC_ECLOSED, casync_loop_fd(casync_lua_loop(world->host)));
  close_world(world);
}

static void nothing_is_made_without_a_lua_state(struct world *world)
{
  struct casync_lua_work_type work = {free, NULL, NULL};
  struct casync_completer *completer;
  void *op;
  open_world(world, CASYNC_LUA_OWN);
  check_equal(-EINVAL, casync_completer_new(world->host, NULL, 1, &completer));
  check_equal(-EINVAL, casync_lua_push_op(world->host, NULL, &pause_type, &op));
  check_equal(-EINVAL, casync_lua_work(world->host, NULL, &work, NULL));
  close_world(world);
}

static void nobody_to_tell_is_refused(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(-EINVAL, casync_lua_watch(world->host, world->L, 1, NULL, NULL));
  check_equal(-EINVAL, casync_completer_new(world->host, world->L, 1, NULL));
  check_equal(1, lua_gettop(world->L));
  close_world(world);
}

static void errors_without_a_name_are_of_no_class(struct world *world)
{
  open_world(world, CASYNC_LUA_OWN);
  casync_lua_push_error(world->L, NULL, "nameless %d", 1);
  check(strcmp(lua_tostring(world->L, -1), "nameless 1") == 0);
  check(!casync_lua_is_error(world->L, -1, "RuntimeError"));
  check_equal(CASYNC_ERAISED, casync_lua_error_code(world->L, -1));
  casync_lua_push_error(world->L, "no such class", "unknown");
  check(casync_lua_is_error(world->L, -1, "RuntimeError"));
  check(!casync_lua_is_error(world->L, -1, NULL));
  check(!casync_lua_is_error(world->L, -1, "no such class"));
  check(!casync_lua_is_error(NULL, -1, "RuntimeError"));
  check_equal(-EINVAL, casync_lua_error_code(NULL, -1));
  check_equal(CASYNC_ERAISED, casync_lua_error_code(world->L, -1));
  check(casync_strerror(-123456) != NULL && casync_strerror(1) != NULL);
  close_world(world);
}

int main(int argc, char **argv)
{
  static const struct test tests[] = {
      TEST(before_its_task_starts_it_is_not_begun),
      TEST(as_a_task_that_has_not_started_it_is_not_begun),
      TEST(while_it_begins_it_is_undone),
      TEST(while_it_waits_it_is_undone_once),
      TEST(in_the_turn_of_its_wake_it_is_not_finished),
      TEST(behind_its_end_it_is_too_late),
      TEST(a_task_that_goes_on_may_be_cancelled_again),
      TEST(what_was_cancelled_is_not_awaited_again),
      TEST(a_timeout_cancels_it),
      TEST(no_loop_counts_as_a_closed_one),
      TEST(a_loop_is_not_known_to_its_host_behind_the_close),
      TEST(nothing_is_made_without_a_lua_state),
      TEST(nobody_to_tell_is_refused),
      TEST(errors_without_a_name_are_of_no_class),
  };
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
