/* SPDX-License-Identifier: MIT
 *
 * runtime/core/timers.c
 */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/check.h"
#include "support.h"

static void timers_fire_in_the_order_of_their_deadlines(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b"), *c = callback(world, "c");
  at(world, 3, a);
  at(world, 1, b);
  at(world, 2, c);
  run_out(world);
  assert_trace(world, "b c a");
}

static void equal_deadlines_fire_in_the_order_of_their_making(void **state) /* L5, Z7 */
{
  struct world *world = *state;
  const char *names[] = {"0", "1", "2", "3", "4", "5"};
  for (int i = 0; i < 6; i++) at(world, 1, callback(world, names[i]));
  run_out(world);
  assert_trace(world, "0 1 2 3 4 5");
}

static void note_iteration(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, "%d", (int)casync_loop_iterations(world->loop));
}

static void deadlines_within_the_clock_resolution_fire_together(void **state) /* L4 */
{
  struct world *world = *state;
  at(world, 1, callback_then(world, "a", note_iteration, NULL));
  at(world, 1 + CA_CLOCK_RESOLUTION / 2, callback_then(world, "b", note_iteration, NULL));
  run_out(world);
  assert_trace(world, "a 1 b 1");
}

static void a_deadline_in_the_past_is_due_in_the_next_iteration(void **state) /* L6 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, -7, a);
  run_turns(world->loop, 1);
  assert_trace(world, "a");
}

static void a_timer_due_now_runs_behind_what_is_ready(void **state) /* L6 */
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b"), *c = callback(world, "c");
  soon(world, a);
  at(world, 0, b);
  soon(world, c);
  run_turns(world->loop, 1);
  assert_trace(world, "a c b");
}

static void then_at(struct world *world, struct callback *callback)
{
  at(world, 0, callback->data);
}

static void a_timer_made_while_callbacks_run_waits_for_the_next_iteration(void **state) /* L6 */
{
  struct world *world = *state;
  struct callback *b = callback(world, "b"), *c = callback(world, "c");
  struct callback *a = callback_then(world, "a", then_at, b);
  soon(world, a);
  soon(world, c);
  run_turns(world->loop, 1);
  assert_trace(world, "a c");
  run_turns(world->loop, 1);
  assert_trace(world, "b");
}

static void a_timer_that_never_comes_is_never_due(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, INFINITY, a);
  run_turns(world->loop, 3);
  assert_trace(world, "");
}

static void a_timer_that_fired_is_out_of_the_heap(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 1, a);
  run_out(world);
  assert_int_equal(a->timer.handle.heap_index, 0);
}

static void a_timer_may_be_made_again_after_it_fired(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  at(world, 1, a);
  run_out(world);
  at(world, 2, a);
  run_out(world);
  assert_trace(world, "a a");
}

static void a_timer_made_again_goes_behind_its_equals(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  at(world, 1, a);
  at(world, 1, b);
  ca_timers_remove(world->loop, &a->timer);
  at(world, 1, a);
  run_out(world);
  assert_trace(world, "b a");
}

static void dropped_timers_are_out_of_the_heap(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  at(world, 1, a);
  at(world, 2, b);
  ca_timers_drop_all(world->loop);
  assert_int_equal(a->timer.handle.heap_index + b->timer.handle.heap_index, 0);
  assert_int_equal(world->loop->timers.count, 0);
}

static void a_timer_may_be_made_after_all_were_dropped(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a"), *b = callback(world, "b");
  at(world, 1, a);
  ca_timers_drop_all(world->loop);
  at(world, 1, b);
  run_out(world);
  assert_trace(world, "b");
}

static void a_timer_without_memory_is_refused(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  ca_alloc_fail_at(1);
  assert_int_equal(casync_loop_call_at(world->loop, &a->timer, 1), CASYNC_EMEMORY);
  assert_int_equal(a->timer.handle.heap_index, 0);
}

static void a_refused_timer_may_be_tried_again(void **state)
{
  struct world *world = *state;
  struct callback *a = callback(world, "a");
  ca_alloc_fail_at(1);
  casync_loop_call_at(world->loop, &a->timer, 1);
  at(world, 1, a);
  run_out(world);
  assert_trace(world, "a");
}

/* Many timers against a reference: the same (deadline, order of making), sorted by qsort(). */

#define MANY 600
#define DEADLINES 40

struct entry {
  struct casync_timer timer;
  double when;
  uint64_t made; /* 0: not in the heap */
};

struct many {
  struct casync_loop *loop;
  struct entry entries[MANY];
  uint64_t made;
  uint32_t random;
};

static void make(struct many *many, struct entry *entry)
{
  entry->when = next_random(&many->random) % DEADLINES;
  entry->made = ++many->made;
  assert_int_equal(ca_timers_push(many->loop, &entry->timer, entry->when), 0);
}

static void toggle(struct many *many, struct entry *entry)
{
  if (entry->made == 0) {
    make(many, entry);
    return;
  }
  ca_timers_remove(many->loop, &entry->timer);
  entry->made = 0;
}

static int compare(const void *left, const void *right)
{
  const struct entry *a = *(const struct entry *const *)left;
  const struct entry *b = *(const struct entry *const *)right;
  if (a->when != b->when) return a->when < b->when ? -1 : 1;
  return a->made < b->made ? -1 : a->made > b->made;
}

static int sort(struct many *many, struct entry **sorted)
{
  int n = 0;
  for (int i = 0; i < MANY; i++)
    if (many->entries[i].made != 0) sorted[n++] = &many->entries[i];
  qsort(sorted, (size_t)n, sizeof *sorted, compare);
  return n;
}

static struct many *open_many(struct world *world)
{
  static const struct casync_handle_type unused_type;
  struct many *many = keep(world, sizeof *many);
  many->loop = world->loop;
  many->random = 20260101;
  for (int i = 0; i < MANY; i++) many->entries[i].timer.handle.type = &unused_type;
  return many;
}

/* Makes everything due, and compares the ready queue with the reference. */
static void assert_sorted(struct many *many)
{
  struct entry *sorted[MANY];
  int n = sort(many, sorted);
  assert_int_equal(many->loop->timers.count, n);
  many->loop->now = DEADLINES;
  ca_timers_queue_due(many->loop);
  struct casync_node *node = many->loop->ready.queue.next;
  for (int i = 0; i < n; i++, node = node->next)
    assert_ptr_equal(node, &sorted[i]->timer.handle.node);
  assert_ptr_equal(node, &many->loop->ready.queue);
  ca_ready_drop_all(many->loop);
  for (int i = 0; i < n; i++) sorted[i]->made = 0;
}

static void many_timers_fire_in_the_order_of_a_stable_sort(void **state)
{
  struct many *many = open_many(*state);
  for (int i = 0; i < MANY; i++) make(many, &many->entries[i]);
  assert_sorted(many);
}

static void removal_at_random_keeps_the_order_of_the_rest(void **state)
{
  struct many *many = open_many(*state);
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 3 * MANY; i++)
      toggle(many, &many->entries[next_random(&many->random) % MANY]);
    assert_sorted(many);
  }
}

static void the_next_deadline_is_the_least_after_every_change(void **state)
{
  struct many *many = open_many(*state);
  struct entry *sorted[MANY];
  for (int i = 0; i < MANY; i++) {
    toggle(many, &many->entries[next_random(&many->random) % 64]);
    if (sort(many, sorted) == 0) continue;
    assert_true(ca_timers_next(many->loop) == sorted[0]->when);
    casync_loop_verify(many->loop);
  }
  ca_timers_drop_all(many->loop);
}

static void only_due_timers_are_queued(void **state)
{
  struct many *many = open_many(*state);
  int due = 0;
  for (int i = 0; i < MANY; i++) {
    make(many, &many->entries[i]);
    due += many->entries[i].when <= DEADLINES / 2;
  }
  many->loop->now = DEADLINES / 2;
  ca_timers_queue_due(many->loop);
  assert_int_equal(many->loop->timers.count, MANY - due);
  ca_ready_drop_all(many->loop);
  ca_timers_drop_all(many->loop);
}

static void a_heap_that_cannot_grow_keeps_what_it_has(void **state)
{
  struct many *many = open_many(*state);
  int refused = 0;
  for (int i = 0; i < MANY; i++) {
    struct entry *entry = &many->entries[i];
    entry->when = next_random(&many->random) % DEADLINES;
    ca_alloc_fail_at(1);
    int status = ca_timers_push(many->loop, &entry->timer, entry->when);
    ca_alloc_fail_at(0);
    refused += status == CASYNC_EMEMORY;
    if (status == CASYNC_EMEMORY) status = ca_timers_push(many->loop, &entry->timer, entry->when);
    assert_int_equal(status, 0);
    entry->made = ++many->made;
  }
  assert_true(refused > 3);
  assert_sorted(many);
}

static const struct CMUnitTest tests[] = {
    it(timers_fire_in_the_order_of_their_deadlines),
    it(equal_deadlines_fire_in_the_order_of_their_making),
    it(deadlines_within_the_clock_resolution_fire_together),
    it(a_deadline_in_the_past_is_due_in_the_next_iteration),
    it(a_timer_due_now_runs_behind_what_is_ready),
    it(a_timer_made_while_callbacks_run_waits_for_the_next_iteration),
    it(a_timer_that_never_comes_is_never_due),
    it(a_timer_that_fired_is_out_of_the_heap),
    it(a_timer_may_be_made_again_after_it_fired),
    it(a_timer_made_again_goes_behind_its_equals),
    it(dropped_timers_are_out_of_the_heap),
    it(a_timer_may_be_made_after_all_were_dropped),
    it(a_timer_without_memory_is_refused),
    it(a_refused_timer_may_be_tried_again),
    it(many_timers_fire_in_the_order_of_a_stable_sort),
    it(removal_at_random_keeps_the_order_of_the_rest),
    it(the_next_deadline_is_the_least_after_every_change),
    it(only_due_timers_are_queued),
    it(a_heap_that_cannot_grow_keeps_what_it_has),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
