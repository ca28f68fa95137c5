/* SPDX-License-Identifier: MIT
 *
 * runtime/sync/event.c
 */
#include "waiters.h"

static bool is_set(void *thing)
{
  return ((struct casync_event *)thing)->is_set;
}

static void back(void *thing, struct casync_waiter *waiter, bool raised)
{
  (void)thing;
  (void)raised;
  casync_waitqueue_return(waiter);
}

static const struct line_type line = {is_set, back};

static struct casync_event *new_event(struct world *world)
{
  struct casync_event *event = keep(world, sizeof *event);
  casync_event_init(event);
  return event;
}

static struct in_line *waits(struct world *world, struct casync_event *event, const char *name)
{
  struct in_line *task = wait_in_line(world, name, &line, event, &event->queue);
  run_turns(world->loop, 1);
  return task;
}

static void a_new_event_is_not_set(void **state)
{
  assert_false(new_event(*state)->is_set);
}

static void setting_wakes_all_in_order(void **state)
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  waits(world, event, "a");
  waits(world, event, "b");
  assert_trace(world, "");
  casync_event_set(event);
  assert_true(event->is_set);
  run_out(world);
  assert_trace(world, "a b");
}

static void a_set_event_is_not_waited_for(void **state)
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  casync_event_set(event);
  waits(world, event, "a");
  assert_trace(world, "a");
}

static void clearing_before_they_run_still_wakes_them(void **state) /* K7 */
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  waits(world, event, "a");
  waits(world, event, "b");
  casync_event_set(event);
  casync_event_clear(event);
  assert_false(event->is_set);
  run_out(world);
  assert_trace(world, "a b");
}

static void setting_twice_wakes_nobody_new(void **state)
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  casync_event_set(event);
  casync_event_set(event);
  assert_true(event->is_set);
  assert_int_equal(casync_waitqueue_size(&event->queue), 0);
}

static void a_cancelled_waiter_is_not_woken(void **state)
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  struct in_line *a = waits(world, event, "a");
  waits(world, event, "b");
  cancel_in_line(a);
  casync_event_set(event);
  run_out(world);
  assert_trace(world, "a! b");
}

static void a_waiter_cancelled_after_the_event_was_set_is_cancelled(void **state)
{
  struct world *world = *state;
  struct casync_event *event = new_event(world);
  struct in_line *a = waits(world, event, "a");
  waits(world, event, "b");
  casync_event_set(event);
  cancel_in_line(a);
  run_out(world);
  assert_trace(world, "a! b");
}

static const struct CMUnitTest tests[] = {
    it(a_new_event_is_not_set),
    it(setting_wakes_all_in_order),
    it(a_set_event_is_not_waited_for),
    it(clearing_before_they_run_still_wakes_them),
    it(setting_twice_wakes_nobody_new),
    it(a_cancelled_waiter_is_not_woken),
    it(a_waiter_cancelled_after_the_event_was_set_is_cancelled),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
