/* SPDX-License-Identifier: MIT
 *
 * runtime/core/op.c
 */
#include "base/check.h"
#include "script.h"

/* An op that answers what it is told, and notes what is asked of it. */
struct probe {
  struct casync_op op;
  int answer;
};

static int start(struct casync_op *op, struct casync_task *task)
{
  note(world_of(task->future.loop), "start");
  return ca_container_of(op, struct probe, op)->answer;
}

static void undo(struct casync_task *task)
{
  note(world_of(task->future.loop), "undo");
}

static const struct casync_op_type probe_type = {"probe", start, undo};

static struct casync_op *probe(struct world *world, int answer)
{
  struct probe *probe_ = keep(world, sizeof *probe_);
  probe_->op.type = &probe_type;
  probe_->answer = answer;
  return &probe_->op;
}

static void a_new_op_has_not_started(void **state)
{
  struct world *world = *state;
  assert_int_equal(probe(world, CASYNC_OP_WAITS)->state, CASYNC_OP_NEW);
}

static void an_op_that_has_nothing_to_wait_for_does_not_suspend(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_FINISHED);
  script_start(world, SCRIPT(OP(op), SAY("on")));
  run_turns(world->loop, 1);
  assert_trace(world, "start on");
  assert_int_equal(op->state, CASYNC_OP_DONE);
}

static void an_op_that_yields_is_over_and_gives_up_one_iteration(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_YIELDS);
  script_start(world, SCRIPT(OP(op), TURNS("on")));
  run_turns(world->loop, 1);
  assert_int_equal(op->state, CASYNC_OP_DONE);
  run_turns(world->loop, 1);
  assert_trace(world, "start on+1");
}

static void a_task_that_waits_for_an_op_stays_until_it_is_woken(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_WAITS);
  struct script *task = script_start(world, SCRIPT(OP(op), SAY("woken")));
  run_turns(world->loop, 3);
  assert_trace(world, "start");
  assert_int_equal(op->state, CASYNC_OP_RUNNING);
  casync_task_wake(&task->task);
  run_turns(world->loop, 1);
  assert_trace(world, "woken");
}

static void a_woken_task_does_not_run_inside_the_call(void **state)
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS)), SAY("woken")));
  run_turns(world->loop, 1);
  casync_task_wake(&task->task);
  assert_trace(world, "start");
}

static void an_op_starts_only_once(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_FINISHED);
  script_start(world, SCRIPT(OP(op), OP(op), SAY("never"), CATCH, SAY("error")));
  run_out(world);
  assert_trace(world, "start refused error");
}

static void a_running_op_cannot_be_started_by_a_second_task(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_WAITS);
  script_start(world, SCRIPT(OP(op)));
  script_start(world, SCRIPT(OP(op), CATCH, SAY("second")));
  run_turns(world->loop, 1);
  assert_trace(world, "start refused second");
}

static void a_closed_op_does_not_start(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_WAITS);
  casync_op_close(op);
  script_start(world, SCRIPT(OP(op), CATCH, SAY("error")));
  run_out(world);
  assert_trace(world, "refused error");
}

static void closing_a_running_op_changes_nothing(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_OP_WAITS);
  script_start(world, SCRIPT(OP(op)));
  run_turns(world->loop, 1);
  casync_op_close(op);
  assert_int_equal(op->state, CASYNC_OP_RUNNING);
}

static void an_op_that_fails_to_start_is_still_new(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_EMEMORY);
  script_start(world, SCRIPT(OP(op), CATCH, SAY("error")));
  run_out(world);
  assert_trace(world, "start refused error");
  assert_int_equal(op->state, CASYNC_OP_NEW);
}

static void a_task_does_not_wait_for_an_op_that_failed_to_start(void **state)
{
  struct world *world = *state;
  struct casync_op *op = probe(world, CASYNC_EMEMORY);
  struct script *task = script_start(world, SCRIPT(OP(op), CATCH, YIELD));
  run_turns(world->loop, 1);
  assert_null(task->task.op);
}

static void cancelling_undoes_the_op(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(
      world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS)), SAY("never"), CATCH, SAY("cancelled")));
  run_turns(world->loop, 1);
  assert_true(script_cancel(task));
  assert_trace(world, "start undo");
  run_turns(world->loop, 1);
  assert_trace(world, "cancelled");
}

static void cancelling_twice_undoes_once(void **state)
{
  struct world *world = *state;
  struct script *task = script_start(world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS))));
  run_turns(world->loop, 1);
  script_cancel(task);
  script_cancel(task);
  assert_trace(world, "start undo");
}

static void cancelling_after_the_wake_undoes_nothing(void **state) /* C11 */
{
  struct world *world = *state;
  struct script *task = script_start(
      world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS)), SAY("never"), CATCH, SAY("cancelled")));
  run_turns(world->loop, 1);
  casync_task_wake(&task->task);
  assert_true(script_cancel(task));
  run_turns(world->loop, 1);
  assert_trace(world, "start cancelled");
}

static void a_task_that_cancelled_itself_undoes_the_op_it_starts(void **state) /* C9 */
{
  struct world *world = *state;
  script_start(world, SCRIPT(CANCEL_SELF, OP(probe(world, CASYNC_OP_WAITS)), CATCH, TURNS("ce")));
  run_turns(world->loop, 2);
  assert_trace(world, "start undo ce+1");
}

static void abandoning_a_task_undoes_its_op(void **state)
{
  struct world *world = *state;
  struct script *task =
      script_start(world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS)), CATCH, SAY("never")));
  run_turns(world->loop, 1);
  casync_task_abandon(&task->task);
  run_turns(world->loop, 1);
  assert_trace(world, "start undo");
}

static void an_op_drives_an_eager_task_too(void **state)
{
  struct world *world = *state;
  struct script *task = script_new(world, SCRIPT(OP(probe(world, CASYNC_OP_WAITS)), SAY("woken")));
  casync_task_start_eagerly(&task->task);
  assert_trace(world, "start");
  casync_task_wake(&task->task);
  run_turns(world->loop, 1);
  assert_trace(world, "woken");
}

static const struct CMUnitTest tests[] = {
    it(a_new_op_has_not_started),
    it(an_op_that_has_nothing_to_wait_for_does_not_suspend),
    it(an_op_that_yields_is_over_and_gives_up_one_iteration),
    it(a_task_that_waits_for_an_op_stays_until_it_is_woken),
    it(a_woken_task_does_not_run_inside_the_call),
    it(an_op_starts_only_once),
    it(a_running_op_cannot_be_started_by_a_second_task),
    it(a_closed_op_does_not_start),
    it(closing_a_running_op_changes_nothing),
    it(an_op_that_fails_to_start_is_still_new),
    it(a_task_does_not_wait_for_an_op_that_failed_to_start),
    it(cancelling_undoes_the_op),
    it(cancelling_twice_undoes_once),
    it(cancelling_after_the_wake_undoes_nothing),
    it(a_task_that_cancelled_itself_undoes_the_op_it_starts),
    it(abandoning_a_task_undoes_its_op),
    it(an_op_drives_an_eager_task_too),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
