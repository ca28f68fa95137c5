/* SPDX-License-Identifier: MIT
 *
 * runtime/core/task.c: what a task's embedder is asked and told while the task is cancelled.
 */
#include "base/check.h"
#include "script.h"

/* A task whose embedder cancels what it waits for by a door of its own. */

struct guarded {
  struct casync_task task;
  struct casync_future *future;
};

static enum casync_action await_future(struct casync_task *task, enum casync_resume how)
{
  struct guarded *guarded = ca_container_of(task, struct guarded, task);
  if (how == CASYNC_RESUME_CANCEL) return CASYNC_ACTION_CANCELLED;
  if (casync_future_is_done(guarded->future)) return CASYNC_ACTION_RETURNED;
  task->waits_for = guarded->future;
  return CASYNC_ACTION_AWAIT;
}

static bool cancel_guarded(struct casync_task *task)
{
  note(world_of(task->future.loop), "door");
  return casync_future_cancel(task->waits_for);
}

static void keep_no_message(struct casync_task *task, enum casync_message what)
{
  (void)task, (void)what;
}

static void see_done(struct casync_task *task)
{
  note(world_of(task->future.loop), "done");
}

static const struct casync_task_type guarded_type = {.step = await_future,
                                                     .cancel_awaited = cancel_guarded,
                                                     .message = keep_no_message,
                                                     .done = see_done};

static struct guarded *start_guarded(struct world *world)
{
  struct guarded *guarded = keep(world, sizeof *guarded);
  guarded->future = new_future(world);
  casync_task_init(&guarded->task, world->loop, &guarded_type);
  casync_task_start(&guarded->task);
  return guarded;
}

static void an_embedder_may_cancel_what_its_task_awaits_by_itself(void **state)
{
  struct world *world = *state;
  struct guarded *guarded = start_guarded(world);
  run_turns(world->loop, 1);
  assert_true(casync_task_cancel(&guarded->task));
  assert_trace(world, "door");
  assert_int_equal(guarded->future->state, CASYNC_CANCELLED);
  run_out(world);
  assert_trace(world, "done");
}

static void an_embedder_is_not_asked_while_its_task_awaits_nothing(void **state)
{
  struct world *world = *state;
  struct guarded *guarded = start_guarded(world);
  assert_true(casync_task_cancel(&guarded->task));
  assert_trace(world, "");
  run_out(world);
  assert_trace(world, "done");
}

/* Where the messages go (C8, C15 are the embedder's: it is told which message to keep) */

static void the_message_of_an_unstarted_task_is_kept_for_its_next_step(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(RETURN));
  script_cancel(task);
  assert_int_equal(task->flagged, 1);
  run_out(world);
}

static void the_message_of_a_request_to_a_future_is_not_kept(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(AWAIT(new_future(world))));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_int_equal(task->flagged + task->undone + task->passed_on, 0);
}

static void the_message_of_a_request_to_an_op_is_kept_for_the_op(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(SLEEP(9)));
  run_turns(world->loop, 1);
  script_cancel(task);
  assert_int_equal(task->undone, 1);
  assert_int_equal(task->flagged, 0);
}

static void the_message_of_a_self_request_is_passed_on(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(CANCEL_SELF, AWAIT(new_future(world))));
  run_out(world);
  assert_int_equal(task->flagged, 1);
  assert_int_equal(task->passed_on, 1);
}

static void the_message_of_a_self_request_reaches_the_op(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(CANCEL_SELF, SLEEP(9)));
  run_out(world);
  assert_int_equal(task->flagged, 1);
  assert_int_equal(task->passed_on, 1);
  assert_int_equal(task->undone, 1);
}

static const struct CMUnitTest tests[] = {
    it(an_embedder_may_cancel_what_its_task_awaits_by_itself),
    it(an_embedder_is_not_asked_while_its_task_awaits_nothing),
    it(the_message_of_an_unstarted_task_is_kept_for_its_next_step),
    it(the_message_of_a_request_to_a_future_is_not_kept),
    it(the_message_of_a_request_to_an_op_is_kept_for_the_op),
    it(the_message_of_a_self_request_is_passed_on),
    it(the_message_of_a_self_request_reaches_the_op),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
