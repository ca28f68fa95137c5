/* SPDX-License-Identifier: MIT
 *
 * runtime/core/sleep.c
 */
#include <math.h>

#include "base/alloc.h"
#include "script.h"

static void a_sleep_ends_at_its_time(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(2.5), TIME("a")));
  run_out(world);
  assert_trace(world, "a@2.5");
}

static void a_sleep_resumes_two_polls_later(void **state) /* section 1 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(1), TURNS("a")));
  run_out(world);
  assert_trace(world, "a+2");
}

static void a_sleep_of_nothing_gives_up_one_iteration(void **state) /* section 1 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(0), TURNS("a")));
  run_out(world);
  assert_trace(world, "a+1");
}

static void a_negative_sleep_gives_up_one_iteration(void **state) /* section 1 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(-3), TURNS("a")));
  run_out(world);
  assert_trace(world, "a+1");
}

static void sleepers_wake_in_the_order_of_their_deadlines(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(3), TIME("a")));
  script_start(world, SCRIPT(SLEEP(1), TIME("b")));
  script_start(world, SCRIPT(SLEEP(2), TIME("c")));
  run_out(world);
  assert_trace(world, "b@1 c@2 a@3");
}

static void sleepers_with_equal_deadlines_wake_in_the_order_they_went_to_sleep(void **state)
{
  struct world *world = *state; /* Z7 */
  script_start(world, SCRIPT(SLEEP(1), SAY("a")));
  script_start(world, SCRIPT(SLEEP(1), SAY("b")));
  script_start(world, SCRIPT(SLEEP(1), SAY("c")));
  run_out(world);
  assert_trace(world, "a b c");
}

static void one_task_can_sleep_many_times(void **state)
{
  struct world *world = *state;
  script_start(world,
               SCRIPT(SLEEP(1), TIME("a"), SLEEP(0), SLEEP(1), TIME("b"), SLEEP(1), TIME("c")));
  run_out(world);
  assert_trace(world, "a@1 b@2 c@3");
}

static void a_sleeping_task_holds_one_timer(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(1)));
  run_turns(world->loop, 1);
  assert_int_equal(world->loop->timers.count, 1);
}

static void cancelling_a_sleeper_takes_its_timer_out_at_once(void **state) /* G1 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9)));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_int_equal(world->loop->timers.count, 0);
}

static void a_cancelled_sleeper_ends_without_moving_the_clock(void **state) /* G1 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9), CATCH, TIME("ce"), RERAISE));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "ce@0");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void a_sleeper_cancelled_before_it_started_never_sleeps(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9)));
  script_cancel(task);
  run_out(world);
  assert_true(casync_loop_time(world->loop) == 0);
}

static void a_sleeper_cancelled_when_its_timer_is_due_is_cancelled(void **state)
{
  struct world *world = *state; /* the same turn, the timer's callback still to come */
  struct script *task = script_start(world, SCRIPT(SLEEP(1), SAY("never"), CATCH, TIME("ce")));
  at(world, 1, callback_then(world, "cancel", then_cancel_script, task));
  run_out(world);
  assert_trace(world, "cancel true ce@1");
}

static void a_sleeper_cancelled_after_its_timer_ran_is_cancelled(void **state) /* C11 */
{
  struct world *world = *state; /* the same turn, the timer's callback just gone */
  struct script *task = script_start(world, SCRIPT(SLEEP(1), SAY("never"), CATCH, TIME("ce")));
  run_turns(world->loop, 1);
  at(world, 1, callback_then(world, "cancel", then_cancel_script, task));
  run_out(world);
  assert_trace(world, "cancel true ce@1");
}

static void a_sleeper_cancelled_twice_is_cancelled_once(void **state) /* C8 */
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("ce"), SLEEP(1), TIME("on")));
  run_turns(world->loop, 1);
  script_cancel(task);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "ce on@1");
}

static void a_task_may_sleep_again_after_a_cancelled_sleep(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9), CATCH, SLEEP(2), TIME("a")));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "a@2");
}

static void a_sleep_without_memory_is_refused(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(1), SAY("never"), CATCH, SAY("error")));
  ca_alloc_fail_at(1);
  run_out(world);
  assert_trace(world, "refused error");
}

static void a_refused_sleep_is_still_new(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(1)));
  ca_alloc_fail_at(1);
  run_out(world);
  assert_int_equal(task->sleep.op.state, CASYNC_OP_NEW);
}

static void an_await_after_a_refused_sleep_resumes_in_time(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(SLEEP(1), CATCH, AWAIT(future), SAY("woken")));
  ca_alloc_fail_at(1);
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_RESULT);
  run_turns(world->loop, 1);
  assert_trace(world, "refused woken");
}

static void a_thousand_sleepers_wake_in_order(void **state)
{
  enum { SLEEPERS = 1000, SLOTS = 37 };
  struct world *world = *state;
  const struct line(*lines)[3] = keep(world, SLEEPERS * sizeof *lines);
  struct line(*filled)[3] = (struct line(*)[3])(uintptr_t)lines;
  struct script **tasks = keep(world, SLEEPERS * sizeof(struct script *));
  for (int i = 0; i < SLEEPERS; i++) {
    filled[i][0] = (struct line)SLEEP((i * 7919) % SLOTS + 1);
    tasks[i] = script_start(world, lines[i]);
  }
  run_out(world);
  assert_true(casync_loop_time(world->loop) == SLOTS);
  for (int i = 0; i < SLEEPERS; i++) assert_int_equal(script_state(tasks[i]), CASYNC_RESULT);
}

static void a_sleeper_tells_when_it_wakes(void **state)
{
  struct world *world = *state;
  struct script *sleeper = script_start(world, SCRIPT(SLEEP(2.5)));
  struct script *other = script_start(world, SCRIPT(AWAIT_TASK(sleeper)));
  run_turns(world->loop, 1);
  assert_true(casync_task_wakes_at(&sleeper->task) == 2.5);
  assert_true(isinf(casync_task_wakes_at(&other->task)));
  run_out(world);
  assert_true(isinf(casync_task_wakes_at(&sleeper->task)));
}

static const struct CMUnitTest tests[] = {
    it(a_sleep_ends_at_its_time),
    it(a_sleeper_tells_when_it_wakes),
    it(a_sleep_resumes_two_polls_later),
    it(a_sleep_of_nothing_gives_up_one_iteration),
    it(a_negative_sleep_gives_up_one_iteration),
    it(sleepers_wake_in_the_order_of_their_deadlines),
    it(sleepers_with_equal_deadlines_wake_in_the_order_they_went_to_sleep),
    it(one_task_can_sleep_many_times),
    it(a_sleeping_task_holds_one_timer),
    it(cancelling_a_sleeper_takes_its_timer_out_at_once),
    it(a_cancelled_sleeper_ends_without_moving_the_clock),
    it(a_sleeper_cancelled_before_it_started_never_sleeps),
    it(a_sleeper_cancelled_when_its_timer_is_due_is_cancelled),
    it(a_sleeper_cancelled_after_its_timer_ran_is_cancelled),
    it(a_sleeper_cancelled_twice_is_cancelled_once),
    it(a_task_may_sleep_again_after_a_cancelled_sleep),
    it(a_sleep_without_memory_is_refused),
    it(a_refused_sleep_is_still_new),
    it(an_await_after_a_refused_sleep_resumes_in_time),
    it(a_thousand_sleepers_wake_in_order),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
