/* SPDX-License-Identifier: MIT
 *
 * runtime/core/handle.c
 */
#include "support.h"

static void a_cancelled_handle_does_not_run(void **state) /* L7 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  soon(world, a);
  soon(world, b);
  casync_handle_cancel(world->loop, &a->timer.handle);
  run_out(world);
  assert_trace(world, "b");
}

static void
a_handle_cancelled_by_an_earlier_one_of_its_iteration_does_not_run(void **state) /* L7 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b"), *c = callback(world, "c");
  struct callback *a = callback_then(world, "a", then_cancel_handle, &b->timer.handle);
  soon(world, a);
  soon(world, b);
  soon(world, c);
  run_out(world);
  assert_trace(world, "a c");
}

static void cancelling_twice_is_cancelling_once(void **state) /* L7 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  casync_handle_cancel(world->loop, &a->timer.handle);
  casync_handle_cancel(world->loop, &a->timer.handle);
  run_out(world);
  assert_trace(world, "");
}

static void note_mark(struct casync_loop *loop, struct casync_handle *handle)
{
  note(world_of(loop), handle->flags & CASYNC_HANDLE_CANCELLED ? "cancelled" : "valid");
}

static void the_owner_of_a_cancelled_handle_is_called_to_let_it_go(void **state)
{
  static const struct casync_handle_type type = {note_mark, NULL};
  struct world *world = *state;
  struct casync_handle *handle = keep(world, sizeof *handle);
  handle->type = &type;
  casync_loop_call_soon(world->loop, handle);
  casync_handle_cancel(world->loop, handle);
  run_out(world);
  assert_trace(world, "cancelled");
}

static void a_cancelled_handle_stays_queued_until_its_iteration(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  casync_handle_cancel(world->loop, &a->timer.handle);
  assert_true(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
  run_turns(world->loop, 1);
  assert_false(a->timer.handle.flags & CASYNC_HANDLE_QUEUED);
}

static void cancelling_a_handle_that_ran_does_nothing(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  soon(world, a);
  run_out(world);
  casync_handle_cancel(world->loop, &a->timer.handle);
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void a_handle_may_cancel_itself_while_it_runs(void **state)
{
  struct world *world = *state;
  struct callback *a = callback_then(world, "a", then_cancel_handle, NULL);
  a->data = &a->timer.handle;
  soon(world, a);
  run_out(world);
  assert_trace(world, "a");
}

static void a_cancelled_timer_leaves_the_heap_at_once(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 5, a);
  casync_handle_cancel(world->loop, &a->timer.handle);
  assert_int_equal(world->loop->timers.count, 0);
}

static void a_cancelled_timer_does_not_move_the_clock(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 5, a);
  casync_handle_cancel(world->loop, &a->timer.handle);
  run_out(world);
  assert_true(casync_loop_time(world->loop) == 0);
}

static void a_timer_that_is_due_can_still_be_cancelled(void **state) /* L7 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  struct callback *a = callback_then(world, "a", then_cancel_handle, &b->timer.handle);
  at(world, 1, a);
  at(world, 1, b);
  run_out(world);
  assert_trace(world, "a");
}

static void a_cancelled_timer_may_be_cancelled_again(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 5, a);
  casync_handle_cancel(world->loop, &a->timer.handle);
  casync_handle_cancel(world->loop, &a->timer.handle);
  run_out(world);
  assert_trace(world, "");
}

static void a_cancelled_waiter_of_a_future_does_not_run(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &a->timer.handle);
  casync_future_wait(future, &b->timer.handle);
  casync_handle_cancel(world->loop, &a->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "b");
}

static void a_closed_loop_takes_no_timers(void **state) /* L14 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  casync_loop_close(world->loop);
  assert_int_equal(casync_loop_call_at(world->loop, &a->timer, 1), CASYNC_ECLOSED);
  assert_int_equal(a->timer.handle.heap_index, 0);
}

static const struct CMUnitTest tests[] = {
    it(a_cancelled_handle_does_not_run),
    it(a_handle_cancelled_by_an_earlier_one_of_its_iteration_does_not_run),
    it(cancelling_twice_is_cancelling_once),
    it(the_owner_of_a_cancelled_handle_is_called_to_let_it_go),
    it(a_cancelled_handle_stays_queued_until_its_iteration),
    it(cancelling_a_handle_that_ran_does_nothing),
    it(a_handle_may_cancel_itself_while_it_runs),
    it(a_cancelled_timer_leaves_the_heap_at_once),
    it(a_cancelled_timer_does_not_move_the_clock),
    it(a_timer_that_is_due_can_still_be_cancelled),
    it(a_cancelled_timer_may_be_cancelled_again),
    it(a_cancelled_waiter_of_a_future_does_not_run),
    it(a_closed_loop_takes_no_timers),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
