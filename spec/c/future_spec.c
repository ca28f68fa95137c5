/* SPDX-License-Identifier: MIT
 *
 * runtime/core/future.c
 */
#include "script.h"

static void a_new_future_is_not_done(void **state)
{
  struct world *world = *state;
  assert_false(casync_future_is_done(new_future(world)));
}

static void a_completed_future_is_done(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  assert_int_equal(casync_future_complete(future, CASYNC_RESULT), 0);
  assert_true(casync_future_is_done(future));
}

static void completing_keeps_the_state_it_was_given(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_ERROR);
  assert_int_equal(future->state, CASYNC_ERROR);
}

static void completing_twice_is_refused(void **state) /* F6 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_RESULT);
  assert_int_equal(casync_future_complete(future, CASYNC_ERROR), CASYNC_ESTATE);
  assert_int_equal(future->state, CASYNC_RESULT);
}

static void waiters_do_not_run_inside_the_completion(void **state) /* F1 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "a")->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "a");
}

static void waiters_run_in_the_order_they_came(void **state) /* F1, F5 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "a")->timer.handle);
  casync_future_wait(future, &callback(world, "b")->timer.handle);
  casync_future_wait(future, &callback(world, "c")->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "a b c");
}

static void waiters_queue_behind_what_is_ready(void **state) /* F1 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "waiter")->timer.handle);
  soon(world, callback(world, "before"));
  casync_future_complete(future, CASYNC_RESULT);
  soon(world, callback(world, "after"));
  run_out(world);
  assert_trace(world, "before waiter after");
}

static void waiting_for_a_done_future_queues_at_once(void **state) /* F2 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_RESULT);
  casync_future_wait(future, &callback(world, "a")->timer.handle);
  assert_trace(world, "");
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void a_handle_of_a_waiter_is_marked_as_waiting(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  casync_future_wait(new_future(world), &a->timer.handle);
  assert_int_equal(a->timer.handle.flags, CASYNC_HANDLE_WAITING);
}

static void a_completion_turns_waiting_into_queued(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct callback *a = callback(world, "a");
  casync_future_wait(future, &a->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  assert_int_equal(a->timer.handle.flags, CASYNC_HANDLE_QUEUED);
}

static void a_waiter_that_gave_up_is_not_run(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct callback *b = callback(world, "b");
  casync_future_wait(future, &callback(world, "a")->timer.handle);
  casync_future_wait(future, &b->timer.handle);
  casync_future_wait(future, &callback(world, "c")->timer.handle);
  casync_future_unwait(&b->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "a c");
}

static void giving_up_after_the_completion_does_nothing(void **state) /* F3 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct callback *a = callback(world, "a");
  casync_future_wait(future, &a->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  casync_future_unwait(&a->timer.handle);
  run_out(world);
  assert_trace(world, "a");
}

static void giving_up_without_waiting_does_nothing(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  casync_future_unwait(&a->timer.handle);
  soon(world, a);
  run_out(world);
  assert_trace(world, "a");
}

static void who_gave_up_may_wait_again_at_the_end_of_the_line(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct callback *a = callback(world, "a");
  casync_future_wait(future, &a->timer.handle);
  casync_future_wait(future, &callback(world, "b")->timer.handle);
  casync_future_unwait(&a->timer.handle);
  casync_future_wait(future, &a->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "b a");
}

static void then_wait(struct world *world, struct callback *callback_)
{
  casync_future_wait(callback_->data, &callback(world, "late")->timer.handle);
}

static void a_waiter_added_by_a_waiter_runs_in_the_next_iteration(void **state) /* F2 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback_then(world, "a", then_wait, future)->timer.handle);
  casync_future_wait(future, &callback(world, "b")->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_turns(world->loop, 1);
  assert_trace(world, "a b");
  run_turns(world->loop, 1);
  assert_trace(world, "late");
}

static void cancelling_a_pending_future_completes_it(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  assert_true(casync_future_cancel(future));
  assert_int_equal(future->state, CASYNC_CANCELLED);
}

static void waiters_of_a_cancelled_future_run_later_too(void **state) /* F1 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "a")->timer.handle);
  casync_future_cancel(future);
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "a");
}

static void cancelling_a_done_future_is_refused(void **state) /* F6 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_RESULT);
  assert_false(casync_future_cancel(future));
  assert_int_equal(future->state, CASYNC_RESULT);
}

static void cancelling_twice_is_refused_the_second_time(void **state) /* F6 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  assert_true(casync_future_cancel(future));
  assert_false(casync_future_cancel(future));
}

static void completing_a_cancelled_future_is_refused(void **state) /* F6 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_cancel(future);
  assert_int_equal(casync_future_complete(future, CASYNC_RESULT), CASYNC_ESTATE);
}

static bool stay(struct casync_future *future)
{
  note(world_of(future->loop), "asked");
  return true;
}

static const struct casync_future_type stubborn_type = {stay};

static void a_kind_of_future_cancels_in_its_own_way(void **state)
{
  struct world *world = *state;
  struct casync_future future;
  casync_future_init(&future, world->loop, &stubborn_type);
  assert_true(casync_future_cancel(&future));
  assert_false(casync_future_is_done(&future));
  assert_trace(world, "asked");
}

static void a_done_future_is_not_asked_to_cancel(void **state)
{
  struct world *world = *state;
  struct casync_future future;
  casync_future_init(&future, world->loop, &stubborn_type);
  casync_future_complete(&future, CASYNC_RESULT);
  assert_false(casync_future_cancel(&future));
  assert_trace(world, "");
}

static void a_future_that_a_callback_completes_wakes_its_waiter_two_polls_later(void **state)
{
  struct world *world = *state; /* section 1: poll, complete, poll, resume */
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "woken")->timer.handle);
  soon(world, callback_then(world, "complete", then_complete, future));
  run_turns(world->loop, 1);
  assert_trace(world, "complete");
  run_turns(world->loop, 1);
  assert_trace(world, "woken");
}

static void who_waits_is_told_in_the_order_they_came(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  const struct casync_handle *place = NULL;
  struct script *a = script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  casync_future_wait(future, &callback(world, "callback")->timer.handle);
  struct script *b = script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  assert_ptr_equal(casync_future_next_waiter(future, &place), &a->task.future);
  assert_ptr_equal(casync_future_next_waiter(future, &place), &b->task.future);
  assert_null(casync_future_next_waiter(future, &place));
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "callback");
}

static void nobody_waits_for_a_future_that_is_done(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  const struct casync_handle *place = NULL;
  script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_RESULT);
  assert_null(casync_future_next_waiter(future, &place));
  run_out(world);
}

static const struct CMUnitTest tests[] = {
    it(a_new_future_is_not_done),
    it(a_completed_future_is_done),
    it(completing_keeps_the_state_it_was_given),
    it(completing_twice_is_refused),
    it(waiters_do_not_run_inside_the_completion),
    it(waiters_run_in_the_order_they_came),
    it(waiters_queue_behind_what_is_ready),
    it(waiting_for_a_done_future_queues_at_once),
    it(a_handle_of_a_waiter_is_marked_as_waiting),
    it(a_completion_turns_waiting_into_queued),
    it(a_waiter_that_gave_up_is_not_run),
    it(giving_up_after_the_completion_does_nothing),
    it(giving_up_without_waiting_does_nothing),
    it(who_gave_up_may_wait_again_at_the_end_of_the_line),
    it(a_waiter_added_by_a_waiter_runs_in_the_next_iteration),
    it(cancelling_a_pending_future_completes_it),
    it(waiters_of_a_cancelled_future_run_later_too),
    it(cancelling_a_done_future_is_refused),
    it(cancelling_twice_is_refused_the_second_time),
    it(completing_a_cancelled_future_is_refused),
    it(a_kind_of_future_cancels_in_its_own_way),
    it(a_done_future_is_not_asked_to_cancel),
    it(a_future_that_a_callback_completes_wakes_its_waiter_two_polls_later),
    it(who_waits_is_told_in_the_order_they_came),
    it(nobody_waits_for_a_future_that_is_done),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
