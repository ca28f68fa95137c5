/* SPDX-License-Identifier: MIT
 *
 * runtime/core/loop.c: a loop whose host runs every handle, as it does in debug mode.  The host of
 * the specs notes "(" before and ")" behind each, "task(" before a step.
 */
#include "drive.h"
#include "script.h"

static void every_handle_is_observed(void **state)
{
  struct world *world = *state;
  casync_loop_observe(world->loop, true);
  soon(world, callback(world, "a"));
  soon(world, callback(world, "b"));
  run_out(world);
  assert_trace(world, "( a ) ( b )");
}

static void each_step_of_a_task_is_observed(void **state)
{
  struct world *world = *state;
  casync_loop_observe(world->loop, true);
  script_start(world, SCRIPT(SAY("a"), YIELD, SAY("b"), YIELD, SAY("c")));
  script_start(world, SCRIPT(SAY("d"), YIELD, SAY("e")));
  run_out(world);
  assert_trace(world, "task( a ) task( d ) task( b ) task( e ) task( c )");
}

static void a_loop_is_not_observed_by_itself(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SAY("a"), YIELD, SAY("b")));
  run_out(world);
  assert_trace(world, "a b");
}

static void then_observe(struct world *world, struct callback *callback_)
{
  (void)callback_;
  casync_loop_observe(world->loop, true);
}

static void then_do_not(struct world *world, struct callback *callback_)
{
  (void)callback_;
  casync_loop_observe(world->loop, false);
}

static void it_begins_and_ends_with_the_next_handle_of_the_iteration(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SAY("a"), YIELD, SAY("b")));
  soon(world, callback_then(world, "on", then_observe, NULL));
  script_start(world, SCRIPT(SAY("c"), YIELD, SAY("d")));
  soon(world, callback_then(world, "off", then_do_not, NULL));
  script_start(world, SCRIPT(SAY("e"), YIELD, SAY("f")));
  run_out(world);
  assert_trace(world, "a on task( c ) ( off ) e b d f");
}

static void leaving_is_at_once(void **state)
{
  struct world *world = *state;
  casync_loop_observe(world->loop, true);
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, callback(world, "b"));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_trace(world, "( a )");
  run_out(world);
  assert_trace(world, "( b )");
}

static void without_a_host_that_observes_nothing_changes(void **state)
{
  struct casync_loop *loop = NULL;
  (void)state;
  assert_int_equal(casync_loop_open(&loop, CASYNC_LOOP_VIRTUAL, NULL, NULL), 0);
  casync_loop_observe(loop, true);
  casync_loop_stop(loop);
  assert_int_equal(casync_loop_run(loop), 0);
  casync_loop_free(loop);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
      it(every_handle_is_observed),
      it(each_step_of_a_task_is_observed),
      it(a_loop_is_not_observed_by_itself),
      it(it_begins_and_ends_with_the_next_handle_of_the_iteration),
      it(leaving_is_at_once),
      it(without_a_host_that_observes_nothing_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
