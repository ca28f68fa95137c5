/* SPDX-License-Identifier: MIT
 *
 * runtime/sync/waitqueue.c
 */
#include "base/alloc.h"
#include "waiters.h"

static bool never(void *thing)
{
  (void)thing;
  return false;
}

static void back(void *thing, struct casync_waiter *waiter, bool raised)
{
  (void)thing;
  (void)raised;
  casync_waitqueue_return(waiter);
}

static const struct line_type plain = {never, back};

static struct casync_waitqueue *new_queue(struct world *world)
{
  struct casync_waitqueue *queue = keep(world, sizeof *queue);
  casync_waitqueue_init(queue);
  return queue;
}

/* Task `name` waits in the queue; its first step has run. */
static struct in_line *waits(struct world *world, struct casync_waitqueue *queue, const char *name)
{
  struct in_line *task = wait_in_line(world, name, &plain, NULL, queue);
  run_turns(world->loop, 1);
  return task;
}

static void a_new_queue_is_empty(void **state)
{
  struct casync_waitqueue *queue = new_queue(*state);
  assert_int_equal(casync_waitqueue_size(queue), 0);
  assert_false(casync_waitqueue_is_live(queue));
  assert_false(casync_waitqueue_wake_next(queue));
  assert_false(casync_waitqueue_wake_first(queue));
}

static void who_waits_stays_until_woken(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  run_turns(world->loop, 3);
  assert_trace(world, "");
  assert_int_equal(casync_waitqueue_size(queue), 1);
  assert_true(casync_waitqueue_wake_next(queue));
  run_out(world);
  assert_trace(world, "a");
}

static void waking_runs_nobody_inside_the_call(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  casync_waitqueue_wake_next(queue);
  assert_trace(world, "");
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void waiters_are_woken_in_the_order_of_waiting(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  waits(world, queue, "b");
  waits(world, queue, "c");
  while (casync_waitqueue_wake_next(queue))
    ;
  run_out(world);
  assert_trace(world, "a b c");
}

static void a_woken_waiter_counts_until_it_has_run(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  casync_waitqueue_wake_next(queue);
  assert_int_equal(casync_waitqueue_size(queue), 1);
  assert_true(casync_waitqueue_is_live(queue));
  run_out(world);
  assert_int_equal(casync_waitqueue_size(queue), 0);
  assert_false(casync_waitqueue_is_live(queue));
}

static void a_cancelled_waiter_counts_until_it_has_run_but_is_not_live(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  cancel_in_line(a);
  assert_int_equal(casync_waitqueue_size(queue), 1);
  assert_false(casync_waitqueue_is_live(queue));
  run_out(world);
  assert_int_equal(casync_waitqueue_size(queue), 0);
  assert_trace(world, "a!");
}

static void a_cancelled_waiter_is_passed_over(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  struct in_line *b = waits(world, queue, "b");
  waits(world, queue, "c");
  cancel_in_line(b);
  casync_waitqueue_wake_next(queue);
  casync_waitqueue_wake_next(queue);
  run_out(world);
  assert_trace(world, "b! a c");
}

static void a_waiter_cancelled_before_it_starts_never_waits(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  cancel_in_line(wait_in_line(world, "a", &plain, NULL, queue));
  run_out(world);
  assert_trace(world, "a!");
  assert_int_equal(casync_waitqueue_size(queue), 0);
}

static void a_waiter_cancelled_twice_leaves_once(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  cancel_in_line(a);
  cancel_in_line(a);
  run_out(world);
  assert_trace(world, "a!");
  assert_int_equal(casync_waitqueue_size(queue), 0);
}

static void a_waiter_cancelled_after_it_was_woken_has_been_woken(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  casync_waitqueue_wake_next(queue);
  cancel_in_line(a);
  assert_int_equal(a->waiter.state, CASYNC_WOKEN);
  run_out(world);
  assert_trace(world, "a!");
  assert_false(casync_waitqueue_is_live(queue));
}

static void the_first_is_not_woken_while_one_before_it_has_not_come_back(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  waits(world, queue, "b");
  assert_true(casync_waitqueue_wake_first(queue));
  assert_false(casync_waitqueue_wake_first(queue));
  run_turns(world->loop, 1);
  assert_trace(world, "a");
  assert_true(casync_waitqueue_wake_first(queue));
  run_out(world);
  assert_trace(world, "b");
}

static void one_cancelled_before_the_first_holds_it_up_as_well(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  waits(world, queue, "b");
  cancel_in_line(a);
  assert_false(casync_waitqueue_wake_first(queue));
  run_turns(world->loop, 1);
  assert_true(casync_waitqueue_wake_first(queue));
  run_out(world);
  assert_trace(world, "a! b");
}

static void one_cancelled_behind_the_first_does_not(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  waits(world, queue, "a");
  struct in_line *b = waits(world, queue, "b");
  waits(world, queue, "c");
  cancel_in_line(b);
  assert_true(casync_waitqueue_wake_first(queue));
  run_turns(world->loop, 1); /* b is back, a was woken after it */
  run_out(world);
  assert_trace(world, "b! a");
  assert_true(casync_waitqueue_wake_first(queue));
  run_out(world);
  assert_trace(world, "c");
}

static void a_newcomer_is_held_up_by_those_that_have_not_come_back(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  wait_in_line(world, "b", &plain, NULL, queue); /* its step is queued before a's */
  cancel_in_line(a);
  run_turns(world->loop, 1);
  assert_true(casync_waitqueue_wake_first(queue));
  struct in_line *c = waits(world, queue, "c");
  assert_int_equal(c->waiter.turn, 2); /* b's, which is back by now */
  assert_true(casync_waitqueue_wake_first(queue));
  run_out(world);
  assert_trace(world, "a! b c");
}

static void an_abandoned_waiter_is_linked_nowhere(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = waits(world, queue, "a");
  struct in_line *b = waits(world, queue, "b");
  casync_waitqueue_wake_next(queue);
  casync_task_abandon(&a->task);
  casync_task_abandon(&b->task);
  assert_false(casync_waitqueue_wake_next(queue));
  assert_int_equal(casync_waitqueue_size(queue), 2);
  casync_waitqueue_forget(queue);
  assert_int_equal(casync_waitqueue_size(queue), 0);
  assert_false(casync_waitqueue_is_live(queue));
}

static void waiting_waking_and_cancelling_need_no_memory(void **state)
{
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *a = wait_in_line(world, "a", &plain, NULL, queue);
  wait_in_line(world, "b", &plain, NULL, queue);
  ca_alloc_fail_at(1);
  run_turns(world->loop, 1);
  cancel_in_line(a);
  casync_waitqueue_wake_next(queue);
  run_out(world);
  ca_alloc_fail_at(0);
  assert_trace(world, "a! b");
}

/* Against asyncio's deque, searched from its beginning. */
static void the_head_is_the_one_that_asyncios_deque_has(void **state)
{
  enum { TASKS = 60, STEPS = 400 };
  struct world *world = *state;
  struct casync_waitqueue *queue = new_queue(world);
  struct in_line *line[TASKS + STEPS];
  uint32_t random = 7;
  int n = 0;
  for (; n < TASKS; n++) line[n] = wait_in_line(world, "x", &plain, NULL, queue);
  run_turns(world->loop, 1);
  for (int step = 0; step < STEPS; step++) {
    int head = 0;
    while (head < n && line[head]->task.future.state != CASYNC_PENDING) head++;
    bool may = head < n && line[head]->waiter.state == CASYNC_WAITING;
    if (next_random(&random) % 3 == 0) assert_int_equal(casync_waitqueue_wake_first(queue), may);
    if (next_random(&random) % 3 == 0) cancel_in_line(line[next_random(&random) % (unsigned)n]);
    if (next_random(&random) % 4 == 0) casync_waitqueue_wake_next(queue);
    line[n++] = wait_in_line(world, "x", &plain, NULL, queue);
    if (next_random(&random) % 2 == 0) run_turns(world->loop, 1);
    take_trace(world);
  }
  run_turns(world->loop, 1);
  while (casync_waitqueue_wake_next(queue))
    ;
  run_turns(world->loop, 1);
  assert_int_equal(casync_waitqueue_size(queue), 0);
}

static const struct CMUnitTest tests[] = {
    it(a_new_queue_is_empty),
    it(who_waits_stays_until_woken),
    it(waking_runs_nobody_inside_the_call),
    it(waiters_are_woken_in_the_order_of_waiting),
    it(a_woken_waiter_counts_until_it_has_run),
    it(a_cancelled_waiter_counts_until_it_has_run_but_is_not_live),
    it(a_cancelled_waiter_is_passed_over),
    it(a_waiter_cancelled_before_it_starts_never_waits),
    it(a_waiter_cancelled_twice_leaves_once),
    it(a_waiter_cancelled_after_it_was_woken_has_been_woken),
    it(the_first_is_not_woken_while_one_before_it_has_not_come_back),
    it(one_cancelled_before_the_first_holds_it_up_as_well),
    it(one_cancelled_behind_the_first_does_not),
    it(a_newcomer_is_held_up_by_those_that_have_not_come_back),
    it(an_abandoned_waiter_is_linked_nowhere),
    it(waiting_waking_and_cancelling_need_no_memory),
    it(the_head_is_the_one_that_asyncios_deque_has),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
