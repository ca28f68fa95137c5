/* SPDX-License-Identifier: MIT
 *
 * runtime/core/task.c: how a cancellation reaches a task, and what it becomes.  The tags name the
 * statements of asyncio's semantics that a test shows.  What the embedder is asked meanwhile is in
 * task_embedder_spec.c.
 */
#include "script.h"

static void cancelling_a_done_task_is_refused(void **state) /* C1 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(RETURN));
  run_out(world);
  assert_false(script_cancel(task));
  assert_int_equal(script_requests(task), 0);
}

static void every_request_is_counted(void **state) /* C1 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(1)));
  run_turns(world->loop, 1);
  assert_true(script_cancel(task));
  assert_true(script_cancel(task));
  assert_true(script_cancel(task));
  assert_int_equal(script_requests(task), 3);
}

static void a_cancelled_task_is_not_done_until_its_coroutine_has_ended(void **state) /* C2 */
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(SLEEP(9), CATCH, TIME("cleanup"), SLEEP(1), RERAISE));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_turns(world->loop, 1);
  assert_int_equal(script_state(task), CASYNC_PENDING);
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
  assert_trace(world, "cleanup@0");
}

static void a_task_cancelled_before_it_started_runs_no_code(void **state) /* C3 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SAY("body"), CATCH, SAY("cleanup")));
  assert_true(script_cancel(task));
  run_out(world);
  assert_trace(world, "");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void who_awaits_an_unstarted_task_gets_its_cancellation(void **state) /* C3 */
{
  struct world *world = *state;
  struct script *child = script_new(world, SCRIPT(SAY("never")));
  script_start(world, SCRIPT(START(child), CANCEL_TASK(child), AWAIT_TASK(child), CATCH,
                             TURNS("cancelled"), RERAISE));
  run_out(world);
  assert_trace(world, "true cancelled+2");
}

static void cancelling_a_sleeping_task_and_awaiting_it_takes_two_polls(void **state)
{
  struct world *world = *state; /* section 1 */
  struct script *child = script_start(world, SCRIPT(SLEEP(9)));
  script_start(world, SCRIPT(CANCEL_TASK(child), AWAIT_TASK(child), CATCH, TURNS("cancelled")));
  run_out(world);
  assert_trace(world, "true cancelled+2");
}

static void cancelling_a_task_cancels_the_future_it_waits_for(void **state) /* C4 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_int_equal(future->state, CASYNC_CANCELLED);
}

static void the_cancellation_arrives_in_the_order_of_the_futures_callbacks(void **state) /* C4 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "callback")->timer.handle);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), CATCH, SAY("cancelled")));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_trace(world, "");
  run_turns(world->loop, 1);
  assert_trace(world, "callback cancelled");
}

static void cancelling_who_awaits_a_task_cancels_that_task(void **state) /* C5 */
{
  struct world *world = *state;
  struct script *inner = script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("inner"), RERAISE));
  struct script *outer =
      script_start(world, SCRIPT(AWAIT_TASK(inner), CATCH, SAY("outer"), RERAISE));
  run_turns(world->loop, 1);
  assert_true(script_cancel(outer));
  assert_int_equal(script_requests(outer), 1);
  assert_int_equal(script_requests(inner), 1);
  run_out(world);
  assert_trace(world, "inner outer");
  assert_int_equal(script_state(outer), CASYNC_CANCELLED);
}

static void an_inner_task_that_swallows_saves_the_outer_one(void **state) /* C5 */
{
  struct world *world = *state;
  struct script *inner = script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("swallowed")));
  struct script *outer =
      script_start(world, SCRIPT(AWAIT_TASK(inner), REQUESTS("outer"), CATCH, SAY("never")));
  run_turns(world->loop, 1);
  script_cancel(outer);
  run_out(world);
  assert_trace(world, "swallowed outer=1");
  assert_int_equal(script_state(outer), CASYNC_RESULT);
}

static void a_request_goes_down_a_chain_of_tasks(void **state) /* C5 */
{
  struct world *world = *state;
  struct script *c = script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("c"), RERAISE));
  struct script *b = script_start(world, SCRIPT(AWAIT_TASK(c), CATCH, SAY("b"), RERAISE));
  struct script *a = script_start(world, SCRIPT(AWAIT_TASK(b), CATCH, SAY("a"), RERAISE));
  run_turns(world->loop, 1);
  script_cancel(a);
  run_out(world);
  assert_trace(world, "c b a");
}

static void a_task_that_swallows_may_await_again_undisturbed(void **state) /* C7 */
{
  struct world *world = *state;
  struct script *task = script_start(
      world, SCRIPT(SLEEP(9), CATCH, REQUESTS("caught"), SLEEP(2), TIME("end"), REQUESTS("end")));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "caught=1 end@2 end=1");
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void a_task_that_swallowed_can_be_cancelled_again(void **state) /* C7 */
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("first"), SLEEP(9), SAY("never")));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "first");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
  assert_int_equal(script_requests(task), 2);
}

static void two_requests_before_delivery_give_one_cancellation(void **state) /* C8 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(
      world, SCRIPT(AWAIT(future), CATCH, REQUESTS("caught"), SLEEP(1), TIME("undisturbed")));
  run_turns(world->loop, 1);
  script_cancel(task);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "caught=2 undisturbed@1");
}

static void two_requests_to_a_sleeper_give_one_cancellation(void **state) /* C8 */
{
  struct world *world = *state;
  struct script *task = script_start(
      world, SCRIPT(SLEEP(9), CATCH, REQUESTS("caught"), SLEEP(1), TIME("undisturbed")));
  run_turns(world->loop, 1);
  script_cancel(task);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "caught=2 undisturbed@1");
}

static void a_task_that_cancels_itself_goes_on_to_its_next_suspension(void **state) /* C9 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(CANCEL_SELF, SAY("on"), SLEEP(1), SAY("never"),
                                                   CATCH, TIME("caught"), RERAISE));
  run_out(world);
  assert_trace(world, "on caught@0");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void an_await_that_does_not_suspend_does_not_deliver(void **state) /* C9 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_RESULT);
  script_start(world, SCRIPT(CANCEL_SELF, AWAIT(future), SAY("on"), SLEEP(1), SAY("never")));
  run_out(world);
  assert_trace(world, "on");
}

static void a_sleep_of_nothing_delivers(void **state) /* C9 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(CANCEL_SELF, SLEEP(0), SAY("never"), CATCH, TURNS("caught")));
  run_out(world);
  assert_trace(world, "caught+1");
}

static void a_self_request_meets_the_future_that_is_awaited_next(void **state) /* C9 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(CANCEL_SELF, AWAIT(future), SAY("never"), CATCH, TURNS("caught")));
  run_turns(world->loop, 1);
  assert_int_equal(future->state, CASYNC_CANCELLED);
  run_out(world);
  assert_trace(world, "caught+1");
}

static void a_self_request_is_delivered_once(void **state) /* C7, C9 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(
      world, SCRIPT(CANCEL_SELF, AWAIT(future), CATCH, SAY("caught"), SLEEP(1), TIME("end")));
  run_out(world);
  assert_trace(world, "caught end@1");
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void a_self_request_goes_to_the_awaited_task_that_may_swallow_it(void **state) /* C5, C9 */
{
  struct world *world = *state;
  struct script *inner = script_start(world, SCRIPT(SLEEP(9), CATCH, SAY("swallowed")));
  struct script *outer =
      script_start(world, SCRIPT(CANCEL_SELF, AWAIT_TASK(inner), REQUESTS("on")));
  run_out(world);
  assert_trace(world, "swallowed on=1");
  assert_int_equal(script_state(outer), CASYNC_RESULT);
}

static void a_self_request_then_a_return_is_a_cancelled_task(void **state) /* C10 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(CANCEL_SELF, RETURN));
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void a_self_request_then_an_error_is_a_failed_task(void **state) /* C10 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(CANCEL_SELF, RAISE));
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void a_request_wins_over_a_result_that_was_not_yet_seen(void **state) /* C11 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task =
      script_start(world, SCRIPT(AWAIT(future), SAY("never"), CATCH, SAY("ce"), RERAISE));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_RESULT);
  assert_true(script_cancel(task));
  run_out(world);
  assert_trace(world, "ce");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
  assert_int_equal(future->state, CASYNC_RESULT);
}

static void a_request_wins_over_an_error_that_was_not_yet_seen(void **state) /* C11 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_ERROR);
  script_cancel(task);
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void a_request_in_the_turn_of_the_completion_wins(void **state) /* C11 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), SAY("never")));
  soon(world, callback_then(world, "complete", then_complete, future));
  soon(world, callback_then(world, "cancel", then_cancel_script, task));
  run_out(world);
  assert_trace(world, "complete cancel true");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void a_completion_in_the_turn_of_the_request_comes_too_late(void **state) /* C4 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future)));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_int_equal(casync_future_complete(future, CASYNC_RESULT), CASYNC_ESTATE);
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void uncancel_counts_down_to_nothing_and_no_further(void **state) /* C12 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(1)));
  run_turns(world->loop, 1);
  script_cancel(task);
  script_cancel(task);
  assert_int_equal(casync_task_uncancel(&task->task), 1);
  assert_int_equal(casync_task_uncancel(&task->task), 0);
  assert_int_equal(casync_task_uncancel(&task->task), 0);
}

static void uncancelling_an_unstarted_task_drops_the_request(void **state) /* C12 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SAY("body")));
  script_cancel(task);
  casync_task_uncancel(&task->task);
  run_out(world);
  assert_trace(world, "body");
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void uncancelling_oneself_drops_the_request(void **state) /* C12 */
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(CANCEL_SELF, UNCANCEL_SELF, SLEEP(1), TIME("end")));
  run_out(world);
  assert_trace(world, "left=0 end@1");
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void uncancelling_one_of_two_requests_keeps_the_flag(void **state) /* C12 */
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(CANCEL_SELF, CANCEL_SELF, UNCANCEL_SELF, SLEEP(1), SAY("never")));
  run_out(world);
  assert_trace(world, "left=1");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void uncancelling_does_not_stop_a_cancellation_on_its_way(void **state) /* C12 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), CATCH, REQUESTS("ce"), RERAISE));
  run_turns(world->loop, 1);
  script_cancel(task);
  casync_task_uncancel(&task->task);
  run_out(world);
  assert_trace(world, "ce=0");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void uncancelling_does_not_stop_the_cancellation_of_a_sleep(void **state) /* C12 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9), CATCH, REQUESTS("ce"), RERAISE));
  run_turns(world->loop, 1);
  script_cancel(task);
  casync_task_uncancel(&task->task);
  run_out(world);
  assert_trace(world, "ce=0");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void uncancelling_after_the_awaited_future_was_done_restores_its_result(void **state)
{
  struct world *world = *state; /* C11, C12: the request is only flagged */
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), SAY("result")));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_RESULT);
  script_cancel(task);
  casync_task_uncancel(&task->task);
  run_out(world);
  assert_trace(world, "result");
}

static void a_coroutine_that_raises_a_cancellation_is_cancelled_without_request(void **state)
{
  struct world *world = *state; /* C13 */
  struct script *task = script_start(world, SCRIPT(RAISE_CANCEL));
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
  assert_int_equal(script_requests(task), 0);
}

static void the_cancellation_of_another_is_raised_without_request(void **state) /* C14 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(AWAIT(future), CATCH, REQUESTS("foreign")));
  soon(world, callback_then(world, "cancel", then_cancel_future, future));
  run_out(world);
  assert_trace(world, "cancel true foreign=0");
}

static void a_task_that_ended_cancelled_cannot_be_cancelled_again(void **state) /* C1 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(1)));
  script_cancel(task);
  run_out(world);
  assert_false(script_cancel(task));
  assert_int_equal(script_requests(task), 1);
}

static void a_task_cancelled_while_it_yields_gets_it_at_its_next_step(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(YIELD, SAY("never"), CATCH, TURNS("caught")));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_trace(world, "caught+1");
}

static void a_cancelled_task_may_fail_in_its_cleanup(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9), CATCH, RAISE));
  run_turns(world->loop, 1);
  script_cancel(task);
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void two_tasks_that_await_one_future_are_both_cancelled_by_one_request(void **state)
{
  struct world *world = *state; /* C4, C14 */
  struct casync_future *future = new_future(world);
  struct script *a = script_start(world, SCRIPT(AWAIT(future), CATCH, REQUESTS("a")));
  script_start(world, SCRIPT(AWAIT(future), CATCH, REQUESTS("b")));
  run_turns(world->loop, 1);
  script_cancel(a);
  run_out(world);
  assert_trace(world, "a=1 b=0");
}

static bool refuse_cancel(struct casync_future *future)
{
  note(world_of(future->loop), "asked");
  return false;
}

static void a_future_that_refuses_leaves_the_request_to_the_next_step(void **state)
{
  static const struct casync_future_type stubborn_type = {refuse_cancel};
  struct world *world = *state;
  struct casync_future *future = keep(world, sizeof *future);
  casync_future_init(future, world->loop, &stubborn_type);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), CATCH, SAY("caught"), RERAISE));
  run_turns(world->loop, 1);
  assert_true(script_cancel(task));
  run_turns(world->loop, 2);
  assert_trace(world, "asked");
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "caught");
}

static const struct CMUnitTest tests[] = {
    it(cancelling_a_done_task_is_refused),
    it(every_request_is_counted),
    it(a_cancelled_task_is_not_done_until_its_coroutine_has_ended),
    it(a_task_cancelled_before_it_started_runs_no_code),
    it(who_awaits_an_unstarted_task_gets_its_cancellation),
    it(cancelling_a_sleeping_task_and_awaiting_it_takes_two_polls),
    it(cancelling_a_task_cancels_the_future_it_waits_for),
    it(the_cancellation_arrives_in_the_order_of_the_futures_callbacks),
    it(cancelling_who_awaits_a_task_cancels_that_task),
    it(an_inner_task_that_swallows_saves_the_outer_one),
    it(a_request_goes_down_a_chain_of_tasks),
    it(a_task_that_swallows_may_await_again_undisturbed),
    it(a_task_that_swallowed_can_be_cancelled_again),
    it(two_requests_before_delivery_give_one_cancellation),
    it(two_requests_to_a_sleeper_give_one_cancellation),
    it(a_task_that_cancels_itself_goes_on_to_its_next_suspension),
    it(an_await_that_does_not_suspend_does_not_deliver),
    it(a_sleep_of_nothing_delivers),
    it(a_self_request_meets_the_future_that_is_awaited_next),
    it(a_self_request_is_delivered_once),
    it(a_self_request_goes_to_the_awaited_task_that_may_swallow_it),
    it(a_self_request_then_a_return_is_a_cancelled_task),
    it(a_self_request_then_an_error_is_a_failed_task),
    it(a_request_wins_over_a_result_that_was_not_yet_seen),
    it(a_request_wins_over_an_error_that_was_not_yet_seen),
    it(a_request_in_the_turn_of_the_completion_wins),
    it(a_completion_in_the_turn_of_the_request_comes_too_late),
    it(uncancel_counts_down_to_nothing_and_no_further),
    it(uncancelling_an_unstarted_task_drops_the_request),
    it(uncancelling_oneself_drops_the_request),
    it(uncancelling_one_of_two_requests_keeps_the_flag),
    it(uncancelling_does_not_stop_a_cancellation_on_its_way),
    it(uncancelling_does_not_stop_the_cancellation_of_a_sleep),
    it(uncancelling_after_the_awaited_future_was_done_restores_its_result),
    it(a_coroutine_that_raises_a_cancellation_is_cancelled_without_request),
    it(the_cancellation_of_another_is_raised_without_request),
    it(a_task_that_ended_cancelled_cannot_be_cancelled_again),
    it(a_task_cancelled_while_it_yields_gets_it_at_its_next_step),
    it(a_cancelled_task_may_fail_in_its_cleanup),
    it(two_tasks_that_await_one_future_are_both_cancelled_by_one_request),
    it(a_future_that_refuses_leaves_the_request_to_the_next_step),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
