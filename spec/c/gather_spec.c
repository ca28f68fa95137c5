/* SPDX-License-Identifier: MIT
 *
 * runtime/core/gather.c, with asyncio's policies (_GatheringFuture.cancel, collecting) supplied
 * here as an embedder does.
 */
#include "base/check.h"
#include "script.h"

enum { MOST_CHILDREN = 4 };

struct crowd {
  struct casync_gather gather;
  struct casync_gather_child children[MOST_CHILDREN];
  struct casync_gather_child *ended_by;
};

static struct crowd *crowd_of(struct casync_gather *gather)
{
  return ca_container_of(gather, struct crowd, gather);
}

static bool cancel_all(struct casync_future *future)
{
  struct casync_gather *gather = ca_container_of(future, struct casync_gather, future);
  bool any = false;
  for (uint32_t i = 0; i < gather->length; i++)
    any |= casync_future_cancel(gather->children[i].future);
  gather->cancel_requested |= any;
  return any;
}

static void see_late(struct casync_gather *gather, struct casync_gather_child *child)
{
  note(world_of(gather->future.loop), "late%d", (int)(child - gather->children));
}

static enum casync_future_state collect(struct casync_gather *gather,
                                        struct casync_gather_child *child)
{
  struct world *world = world_of(gather->future.loop);
  crowd_of(gather)->ended_by = child;
  if (child != NULL) note(world, "fail%d", (int)(child - gather->children));
  if (child == NULL) note(world, gather->cancel_requested ? "cancelled" : "collect");
  return child != NULL || gather->cancel_requested ? CASYNC_ERROR : CASYNC_RESULT;
}

static void see_released(struct casync_gather *gather)
{
  note(world_of(gather->future.loop), "released");
}

static const struct casync_gather_type crowd_type = {
    .future = {cancel_all}, .late = see_late, .collect = collect, .released = see_released};

static struct crowd *gather_some(struct world *world, bool return_exceptions, uint32_t n,
                                 struct casync_future *const *futures)
{
  struct crowd *crowd = keep(world, sizeof *crowd);
  casync_gather_init(&crowd->gather, world->loop, &crowd_type, crowd->children, n,
                     return_exceptions);
  for (uint32_t i = 0; i < n; i++) {
    bool repeated = false;
    for (uint32_t j = 0; j < i; j++) repeated |= futures[j] == futures[i];
    casync_gather_set(&crowd->gather, i, futures[i], repeated, false);
  }
  casync_gather_start(&crowd->gather);
  return crowd;
}

#define FUTURES(...) ((struct casync_future *const[]){__VA_ARGS__})

static struct crowd *gather_two(struct world *world, struct casync_future *a,
                                struct casync_future *b)
{
  return gather_some(world, false, 2, FUTURES(a, b));
}

static enum casync_future_state crowd_state(const struct crowd *crowd)
{
  return (enum casync_future_state)crowd->gather.future.state;
}

static void complete(struct casync_future *future, enum casync_future_state how)
{
  assert_int_equal(casync_future_complete(future, (int)how), 0);
}

static void a_gather_is_done_when_all_children_are(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
  complete(a, CASYNC_RESULT);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_RESULT);
  assert_trace(world, "collect released");
}

static void a_gather_counts_a_child_one_iteration_after_its_end(void **state) /* section 1 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world);
  struct crowd *crowd = gather_some(world, false, 1, FUTURES(a));
  complete(a, CASYNC_RESULT);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
  run_turns(world->loop, 1);
  assert_int_equal(crowd_state(crowd), CASYNC_RESULT);
}

static void awaiting_a_gather_of_trivial_tasks_takes_three_polls(void **state) /* section 1 */
{
  struct world *world = *state;
  struct script *a = script_start(world, SCRIPT(RETURN)), *b = script_start(world, SCRIPT(RETURN));
  struct crowd *crowd = gather_two(world, &a->task.future, &b->task.future);
  struct script *waiter = script_new(world, SCRIPT(AWAIT(&crowd->gather.future), TURNS("w")));
  casync_task_start_eagerly(&waiter->task);
  run_out(world);
  assert_trace(world, "collect released w+3");
}

static void a_gather_of_done_futures_is_done_at_once(void **state) /* section 1, T18 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  complete(a, CASYNC_RESULT);
  complete(b, CASYNC_RESULT);
  assert_int_equal(crowd_state(gather_two(world, a, b)), CASYNC_RESULT);
}

static void a_gather_of_done_and_pending_futures_waits_for_the_pending(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  complete(a, CASYNC_RESULT);
  struct crowd *crowd = gather_two(world, a, b);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_RESULT);
}

static void a_future_given_twice_counts_once(void **state) /* G2 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_some(world, false, 4, FUTURES(a, b, a, a));
  assert_int_equal(crowd->gather.count, 2);
  complete(a, CASYNC_RESULT);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "collect released");
}

static void the_first_error_ends_the_gather_at_once(void **state) /* G4 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  complete(b, CASYNC_ERROR);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_ERROR);
  assert_trace(world, "fail1");
}

static void the_other_children_go_on_after_an_error(void **state) /* G4 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  gather_two(world, a, b);
  complete(b, CASYNC_ERROR);
  run_out(world);
  assert_false(casync_future_is_done(a));
}

static void later_ends_are_told_to_the_owner_as_late(void **state) /* G4 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  gather_two(world, a, b);
  complete(b, CASYNC_ERROR);
  complete(a, CASYNC_ERROR);
  run_out(world);
  assert_trace(world, "fail1 late0 released");
}

static void a_cancelled_child_counts_as_an_error(void **state) /* G5 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  casync_future_cancel(a);
  run_out(world);
  assert_trace(world, "fail0");
  assert_int_equal(crowd_state(crowd), CASYNC_ERROR);
}

static void returned_exceptions_do_not_end_the_gather(void **state) /* G6 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world), *c = new_future(world);
  struct crowd *crowd = gather_some(world, true, 3, FUTURES(a, b, c));
  complete(a, CASYNC_ERROR);
  casync_future_cancel(b);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
  complete(c, CASYNC_RESULT);
  run_out(world);
  assert_int_equal(crowd_state(crowd), CASYNC_RESULT);
  assert_trace(world, "collect released");
}

static void cancelling_a_gather_cancels_its_children(void **state) /* C6 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  assert_true(casync_future_cancel(&crowd->gather.future));
  assert_int_equal(a->state, CASYNC_CANCELLED);
  assert_int_equal(b->state, CASYNC_CANCELLED);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
}

static void a_cancelled_gather_raises_when_the_first_child_has_ended(void **state) /* G7 */
{
  struct world *world = *state;
  struct script *slow =
      script_start(world, SCRIPT(SLEEP(9), CATCH, SLEEP(3), TIME("slow"), RERAISE));
  struct script *fast = script_start(world, SCRIPT(SLEEP(9), CATCH, TIME("fast"), RERAISE));
  struct crowd *crowd = gather_two(world, &slow->task.future, &fast->task.future);
  run_turns(world->loop, 1);
  casync_future_cancel(&crowd->gather.future);
  run_out(world);
  assert_trace(world, "fast@0 fail1 slow@3 late0 released");
}

static void a_cancelled_gather_that_returns_exceptions_waits_for_all(void **state) /* G8 */
{
  struct world *world = *state;
  struct script *slow = script_start(world, SCRIPT(SLEEP(9), CATCH, SLEEP(3), TIME("slow")));
  struct script *fast = script_start(world, SCRIPT(SLEEP(9), CATCH, TIME("fast")));
  struct crowd *crowd =
      gather_some(world, true, 2, FUTURES(&slow->task.future, &fast->task.future));
  run_turns(world->loop, 1);
  casync_future_cancel(&crowd->gather.future);
  run_out(world);
  assert_trace(world, "fast@0 slow@3 cancelled released");
  assert_int_equal(crowd_state(crowd), CASYNC_ERROR);
}

static void cancelling_a_done_gather_touches_no_child(void **state) /* G9 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  complete(b, CASYNC_ERROR);
  run_out(world);
  assert_false(casync_future_cancel(&crowd->gather.future));
  assert_false(casync_future_is_done(a));
}

static void cancelling_who_awaits_a_gather_takes_four_polls(void **state) /* section 1, C6 */
{
  struct world *world = *state;
  struct script *child = script_start(world, SCRIPT(SLEEP(9)));
  struct crowd *crowd = gather_some(world, false, 1, FUTURES(&child->task.future));
  struct script *waiter = script_start(world, SCRIPT(AWAIT(&crowd->gather.future)));
  script_start(world, SCRIPT(CANCEL_TASK(waiter), AWAIT_TASK(waiter), CATCH, TURNS("end")));
  run_out(world);
  assert_trace(world, "true fail0 released end+4");
}

static void a_gather_waits_while_a_child_has_not_ended(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  complete(a, CASYNC_ERROR);
  run_out(world);
  assert_true(casync_gather_is_waiting(&crowd->gather));
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_false(casync_gather_is_waiting(&crowd->gather));
}

static void an_abandoned_gather_waits_for_nothing(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  casync_gather_abandon(&crowd->gather);
  assert_false(casync_gather_is_waiting(&crowd->gather));
  assert_true(ca_list_is_empty(&a->waiters));
  assert_true(ca_list_is_empty(&b->waiters));
}

static void an_abandoned_gather_hears_nothing_of_children_that_just_ended(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = gather_two(world, a, b);
  complete(a, CASYNC_RESULT);
  casync_gather_abandon(&crowd->gather);
  assert_false(crowd->children[0].handle.flags & CASYNC_HANDLE_QUEUED);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "");
}

static void a_gather_can_be_a_child_of_a_gather(void **state)
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *inner = gather_some(world, false, 1, FUTURES(a));
  struct crowd *outer = gather_two(world, &inner->gather.future, b);
  complete(a, CASYNC_RESULT);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_int_equal(crowd_state(outer), CASYNC_RESULT);
  assert_trace(world, "collect released collect released");
}

static void a_child_that_waits_is_waited_for_before_the_start(void **state) /* T14 */
{
  struct world *world = *state;
  struct casync_future *a = new_future(world), *b = new_future(world);
  struct crowd *crowd = keep(world, sizeof *crowd);
  casync_gather_init(&crowd->gather, world->loop, &crowd_type, crowd->children, 2, false);
  casync_gather_set(&crowd->gather, 0, a, false, true);
  struct script *waiter = script_new(world, SCRIPT(AWAIT(a), SAY("behind")));
  casync_task_start_eagerly(&waiter->task);
  casync_future_cancel(a);
  casync_gather_set(&crowd->gather, 1, b, false, true);
  casync_gather_start(&crowd->gather);
  assert_int_equal(crowd_state(crowd), CASYNC_PENDING);
  run_turns(world->loop, 1);
  assert_int_equal(crowd_state(crowd), CASYNC_ERROR);
  complete(b, CASYNC_RESULT);
  run_out(world);
  assert_trace(world, "fail0 late1 released");
}

static const struct CMUnitTest tests[] = {
    it(a_gather_is_done_when_all_children_are),
    it(a_gather_counts_a_child_one_iteration_after_its_end),
    it(awaiting_a_gather_of_trivial_tasks_takes_three_polls),
    it(a_gather_of_done_futures_is_done_at_once),
    it(a_gather_of_done_and_pending_futures_waits_for_the_pending),
    it(a_future_given_twice_counts_once),
    it(the_first_error_ends_the_gather_at_once),
    it(the_other_children_go_on_after_an_error),
    it(later_ends_are_told_to_the_owner_as_late),
    it(a_cancelled_child_counts_as_an_error),
    it(returned_exceptions_do_not_end_the_gather),
    it(cancelling_a_gather_cancels_its_children),
    it(a_cancelled_gather_raises_when_the_first_child_has_ended),
    it(a_cancelled_gather_that_returns_exceptions_waits_for_all),
    it(cancelling_a_done_gather_touches_no_child),
    it(cancelling_who_awaits_a_gather_takes_four_polls),
    it(a_gather_waits_while_a_child_has_not_ended),
    it(an_abandoned_gather_waits_for_nothing),
    it(an_abandoned_gather_hears_nothing_of_children_that_just_ended),
    it(a_gather_can_be_a_child_of_a_gather),
    it(a_child_that_waits_is_waited_for_before_the_start),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
