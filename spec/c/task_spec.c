/* SPDX-License-Identifier: MIT
 *
 * runtime/core/task.c: scripted coroutines step, wait, start eagerly and are given up; their
 * cancellation is in task_cancel_spec.c.  The tags name the statements of asyncio's semantics that
 * a test shows.
 */
#include "base/check.h"
#include "drive.h"
#include "script.h"

/* Steps */

static void starting_runs_nothing_yet(void **state) /* T1 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(SAY("a")));
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "a");
}

static void first_steps_run_in_the_order_of_starting(void **state) /* T1 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(SAY("a")));
  soon(world, callback(world, "b"));
  script_start(world, SCRIPT(SAY("c")));
  run_turns(world->loop, 1);
  assert_trace(world, "a b c");
}

static void a_task_that_returns_has_a_result(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(RETURN));
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void a_task_that_raises_has_an_error(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(RAISE));
  run_out(world);
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void the_owner_is_told_once_that_a_task_is_done(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(1)));
  run_turns(world->loop, 1);
  assert_int_equal(task->finished, 0);
  run_out(world);
  assert_int_equal(task->finished, 1);
}

static void a_yield_gives_up_one_iteration(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(YIELD, TURNS("a")));
  run_out(world);
  assert_trace(world, "a+1");
}

static void tasks_that_yield_take_turns(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SAY("a1"), YIELD, SAY("a2"), YIELD, SAY("a3")));
  script_start(world, SCRIPT(SAY("b1"), YIELD, SAY("b2"), YIELD, SAY("b3")));
  run_out(world);
  assert_trace(world, "a1 b1 a2 b2 a3 b3");
}

static void then_note_current(struct world *world, struct callback *callback_)
{
  note(world, casync_loop_current_task(world->loop) == callback_->data ? "same" : "other");
}

static struct casync_op *current_op(struct world *world, struct casync_task **seen);

static void a_task_is_current_while_it_steps(void **state)
{
  struct world *world = *state;
  struct casync_task *seen = NULL;
  struct script *task = script_start(world, SCRIPT(OP(current_op(world, &seen))));
  run_out(world);
  assert_ptr_equal(seen, &task->task);
}

static void no_task_is_current_after_a_step(void **state) /* L19 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(YIELD));
  soon(world, callback_then(world, "a", then_note_current, NULL));
  run_turns(world->loop, 1);
  assert_trace(world, "a same");
}

/* An op that only looks which task is current. */
struct look {
  struct casync_op op;
  struct casync_task **seen;
};

static int look(struct casync_op *op, struct casync_task *task)
{
  *ca_container_of(op, struct look, op)->seen = casync_loop_current_task(task->future.loop);
  return CASYNC_OP_FINISHED;
}

static const struct casync_op_type look_type = {.name = "look", .start = look};

static struct casync_op *current_op(struct world *world, struct casync_task **seen)
{
  struct look *op = keep(world, sizeof *op);
  op->op.type = &look_type;
  op->seen = seen;
  return &op->op;
}

/* Awaiting */

static void awaiting_a_done_future_does_not_suspend(void **state) /* section 1 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_complete(future, CASYNC_RESULT);
  script_start(world, SCRIPT(AWAIT(future), SAY("a")));
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void awaiting_a_future_that_a_callback_completes_takes_two_polls(void **state)
{
  struct world *world = *state; /* section 1 */
  struct casync_future *future = new_future(world);
  struct callback *complete = callback_then(world, "complete", then_complete, future);
  script_start(world, SCRIPT(AWAIT(future), TURNS("a")));
  soon(world, callback_then(world, "queue", then_soon, complete));
  run_out(world);
  assert_trace(world, "queue complete a+2");
}

static void awaiting_a_new_task_that_never_suspends_takes_two_polls(void **state)
{
  struct world *world = *state; /* section 1 */
  struct script *child = script_new(world, SCRIPT(RETURN));
  script_start(world, SCRIPT(START(child), AWAIT_TASK(child), TURNS("a")));
  run_out(world);
  assert_trace(world, "a+2");
}

static void awaiting_a_done_task_does_not_suspend(void **state) /* section 1 */
{
  struct world *world = *state;
  struct script *child = script_start(world, SCRIPT(RETURN));
  run_out(world);
  script_start(world, SCRIPT(AWAIT_TASK(child), SAY("a")));
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void the_error_of_an_awaited_future_is_raised(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), SAY("never")));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_ERROR);
  run_out(world);
  assert_trace(world, "");
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void several_tasks_that_await_one_future_resume_in_order(void **state) /* F5 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(AWAIT(future), SAY("a")));
  script_start(world, SCRIPT(AWAIT(future), SAY("b")));
  run_turns(world->loop, 1);
  casync_future_wait(future, &callback(world, "c")->timer.handle);
  casync_future_complete(future, CASYNC_RESULT);
  run_turns(world->loop, 1);
  assert_trace(world, "a b c");
}

static void a_callback_registered_before_the_await_runs_first(void **state) /* F5 */
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  casync_future_wait(future, &callback(world, "callback")->timer.handle);
  script_start(world, SCRIPT(AWAIT(future), SAY("task")));
  run_turns(world->loop, 1);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "callback task");
}

static void a_chain_of_tasks_unwinds_one_task_an_iteration(void **state)
{
  struct world *world = *state;
  struct script *c = script_start(world, SCRIPT(SAY("c"), SLEEP(1), TURNS("c")));
  struct script *b = script_start(world, SCRIPT(SAY("b"), AWAIT_TASK(c), TURNS("b")));
  script_start(world, SCRIPT(SAY("a"), AWAIT_TASK(b), TURNS("a")));
  run_out(world);
  assert_trace(world, "c b a c+2 b+3 a+4");
}

static void a_task_that_resumed_refers_to_no_future(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), SLEEP(1)));
  run_turns(world->loop, 1);
  assert_ptr_equal(task->task.waits_for, future);
  casync_future_complete(future, CASYNC_RESULT);
  run_turns(world->loop, 1);
  assert_null(task->task.waits_for);
}

/* Leaving the loop */

static void an_error_that_must_leave_the_loop_is_stored_too(void **state) /* T8 */
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SAY("a"), LEAVE));
  soon(world, callback(world, "b"));
  assert_int_equal(run_loop(world->loop), CASYNC_ELEFT);
  assert_int_equal(script_state(task), CASYNC_ERROR);
  assert_trace(world, "a");
}

static void what_was_ready_runs_after_a_task_left_the_loop(void **state) /* L16 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(LEAVE));
  soon(world, callback(world, "b"));
  run_loop(world->loop);
  run_out(world);
  assert_trace(world, "b");
}

static void who_awaits_a_task_that_left_the_loop_gets_its_error(void **state)
{
  struct world *world = *state;
  struct script *child = script_start(world, SCRIPT(LEAVE));
  script_start(world, SCRIPT(AWAIT_TASK(child), SAY("never"), CATCH, SAY("error")));
  run_loop(world->loop);
  run_out(world);
  assert_trace(world, "error");
}

/* Eager start */

static void start_now(struct script *task)
{
  assert_int_equal(casync_task_start_eagerly(&task->task), 0);
}

static void an_eager_start_runs_the_first_step_at_once(void **state) /* T14 */
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(SAY("a"), RETURN));
  start_now(task);
  assert_trace(world, "a");
  assert_int_equal(script_state(task), CASYNC_RESULT);
}

static void an_eager_task_that_suspends_goes_on_later(void **state) /* T14 */
{
  struct world *world = *state;
  start_now(script_new(world, SCRIPT(SAY("a"), SLEEP(1), TIME("b"))));
  assert_trace(world, "a");
  run_out(world);
  assert_trace(world, "b@1");
}

static void an_eager_error_is_stored(void **state) /* T15 */
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(RAISE));
  start_now(task);
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void an_eager_error_that_must_leave_is_reported_and_stored(void **state) /* T15 */
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(LEAVE));
  assert_int_equal(casync_task_start_eagerly(&task->task), CASYNC_ELEFT);
  assert_int_equal(script_state(task), CASYNC_ERROR);
}

static void an_eager_error_that_must_leave_does_not_leave_by_itself(void **state) /* T15 */
{
  struct world *world = *state;
  struct script *child = script_new(world, SCRIPT(LEAVE));
  script_start(world, SCRIPT(START_EAGERLY(child), SAY("on")));
  soon(world, callback(world, "a"));
  run_out(world);
  assert_trace(world, "left on a");
}

static void done_callbacks_of_an_eager_task_still_run_later(void **state) /* T16 */
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(RETURN));
  casync_future_wait(&task->task.future, &callback(world, "done")->timer.handle);
  start_now(task);
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "done");
}

static void an_eager_task_is_current_only_during_its_step(void **state) /* T14 */
{
  struct world *world = *state;
  struct casync_task *inside = NULL, *after = NULL;
  struct script *child = script_new(world, SCRIPT(OP(current_op(world, &inside))));
  struct script *parent =
      script_start(world, SCRIPT(START_EAGERLY(child), OP(current_op(world, &after))));
  run_out(world);
  assert_ptr_equal(inside, &child->task);
  assert_ptr_equal(after, &parent->task);
}

static void an_eager_task_that_cancels_itself_and_suspends_is_cancelled(void **state) /* C9 */
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(CANCEL_SELF, SLEEP(1), SAY("never")));
  start_now(task);
  run_out(world);
  assert_trace(world, "");
  assert_int_equal(script_state(task), CASYNC_CANCELLED);
}

static void awaiting_an_eager_task_that_finished_does_not_suspend(void **state) /* section 1 */
{
  struct world *world = *state;
  struct script *child = script_new(world, SCRIPT(SAY("child")));
  script_start(world, SCRIPT(START_EAGERLY(child), AWAIT_TASK(child), SAY("parent")));
  soon(world, callback(world, "callback"));
  run_turns(world->loop, 1);
  assert_trace(world, "child parent callback");
}

/* Giving up */

static void an_abandoned_task_that_was_queued_does_not_run(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SAY("never")));
  casync_task_abandon(&task->task);
  run_out(world);
  assert_trace(world, "");
}

static void an_abandoned_task_waits_for_nothing(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  struct script *task = script_start(world, SCRIPT(AWAIT(future), SAY("never")));
  run_turns(world->loop, 1);
  casync_task_abandon(&task->task);
  casync_future_complete(future, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "");
}

static void abandoning_a_sleeper_takes_its_timer_out(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9)));
  run_turns(world->loop, 1);
  casync_task_abandon(&task->task);
  assert_int_equal(world->loop->timers.count, 0);
}

static void abandoning_a_sleeper_after_its_loop_closed_is_safe(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9)));
  run_turns(world->loop, 1);
  casync_loop_close(world->loop);
  casync_task_abandon(&task->task);
  assert_int_equal(script_state(task), CASYNC_PENDING);
}

static void abandoning_a_queued_task_after_its_loop_closed_is_safe(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(RETURN));
  casync_loop_close(world->loop);
  casync_task_abandon(&task->task);
  assert_int_equal(task->task.timer.handle.flags, 0);
}

static const struct CMUnitTest tests[] = {
    it(starting_runs_nothing_yet),
    it(first_steps_run_in_the_order_of_starting),
    it(a_task_that_returns_has_a_result),
    it(a_task_that_raises_has_an_error),
    it(the_owner_is_told_once_that_a_task_is_done),
    it(a_yield_gives_up_one_iteration),
    it(tasks_that_yield_take_turns),
    it(a_task_is_current_while_it_steps),
    it(no_task_is_current_after_a_step),
    it(awaiting_a_done_future_does_not_suspend),
    it(awaiting_a_future_that_a_callback_completes_takes_two_polls),
    it(awaiting_a_new_task_that_never_suspends_takes_two_polls),
    it(awaiting_a_done_task_does_not_suspend),
    it(the_error_of_an_awaited_future_is_raised),
    it(several_tasks_that_await_one_future_resume_in_order),
    it(a_callback_registered_before_the_await_runs_first),
    it(a_chain_of_tasks_unwinds_one_task_an_iteration),
    it(a_task_that_resumed_refers_to_no_future),
    it(an_error_that_must_leave_the_loop_is_stored_too),
    it(what_was_ready_runs_after_a_task_left_the_loop),
    it(who_awaits_a_task_that_left_the_loop_gets_its_error),
    it(an_eager_start_runs_the_first_step_at_once),
    it(an_eager_task_that_suspends_goes_on_later),
    it(an_eager_error_is_stored),
    it(an_eager_error_that_must_leave_is_reported_and_stored),
    it(an_eager_error_that_must_leave_does_not_leave_by_itself),
    it(done_callbacks_of_an_eager_task_still_run_later),
    it(an_eager_task_is_current_only_during_its_step),
    it(an_eager_task_that_cancels_itself_and_suspends_is_cancelled),
    it(awaiting_an_eager_task_that_finished_does_not_suspend),
    it(an_abandoned_task_that_was_queued_does_not_run),
    it(an_abandoned_task_waits_for_nothing),
    it(abandoning_a_sleeper_takes_its_timer_out),
    it(abandoning_a_sleeper_after_its_loop_closed_is_safe),
    it(abandoning_a_queued_task_after_its_loop_closed_is_safe),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
