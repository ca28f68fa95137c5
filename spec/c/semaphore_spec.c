/* SPDX-License-Identifier: MIT
 *
 * runtime/sync/semaphore.c
 */
#include "waiters.h"

static bool acquire(void *thing)
{
  return casync_semaphore_acquire(thing);
}

static void back(void *thing, struct casync_waiter *waiter, bool raised)
{
  casync_semaphore_return(thing, waiter, raised);
}

static const struct line_type line = {acquire, back};

static struct casync_semaphore *new_semaphore(struct world *world, uint64_t value)
{
  struct casync_semaphore *semaphore = keep(world, sizeof *semaphore);
  casync_semaphore_init(semaphore, value);
  return semaphore;
}

static struct in_line *waits(struct world *world, struct casync_semaphore *semaphore,
                             const char *name)
{
  struct in_line *task = wait_in_line(world, name, &line, semaphore, &semaphore->queue);
  run_turns(world->loop, 1);
  return task;
}

static void as_many_as_its_value_get_it_at_once(void **state)
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 2);
  waits(world, semaphore, "a");
  assert_false(casync_semaphore_is_locked(semaphore));
  waits(world, semaphore, "b");
  assert_true(casync_semaphore_is_locked(semaphore));
  waits(world, semaphore, "c");
  assert_trace(world, "a b");
}

static void a_release_hands_its_unit_over(void **state) /* K13 */
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  waits(world, semaphore, "a");
  casync_semaphore_release(semaphore);
  assert_int_equal(semaphore->value, 0);
  assert_true(casync_semaphore_is_locked(semaphore));
  assert_false(casync_semaphore_acquire(semaphore));
  run_out(world);
  assert_trace(world, "a");
}

static void a_release_without_waiters_adds_a_unit(void **state) /* K15 */
{
  struct casync_semaphore *semaphore = new_semaphore(*state, 1);
  casync_semaphore_release(semaphore);
  assert_int_equal(semaphore->value, 2);
}

static void a_woken_waiter_that_is_cancelled_gives_its_unit_to_the_next(void **state) /* K14 */
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  struct in_line *a = waits(world, semaphore, "a");
  waits(world, semaphore, "b");
  casync_semaphore_release(semaphore);
  cancel_in_line(a);
  run_turns(world->loop, 1);
  assert_int_equal(semaphore->value, 0);
  run_out(world);
  assert_trace(world, "a! b");
}

static void the_last_one_gives_it_back(void **state) /* K14 */
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  struct in_line *a = waits(world, semaphore, "a");
  casync_semaphore_release(semaphore);
  cancel_in_line(a);
  run_out(world);
  assert_int_equal(semaphore->value, 1);
  assert_false(casync_semaphore_is_locked(semaphore));
}

static void a_waiter_cancelled_in_line_has_no_unit_to_give(void **state)
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  struct in_line *a = waits(world, semaphore, "a");
  cancel_in_line(a);
  run_out(world);
  assert_int_equal(semaphore->value, 0);
}

static void units_released_in_one_iteration_go_to_as_many(void **state)
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  waits(world, semaphore, "a");
  waits(world, semaphore, "b");
  waits(world, semaphore, "c");
  casync_semaphore_release(semaphore);
  casync_semaphore_release(semaphore);
  run_out(world);
  assert_trace(world, "a b");
}

static void a_unit_that_is_free_behind_a_cancelled_waiter_is_had_at_once(void **state)
{
  struct world *world = *state;
  struct casync_semaphore *semaphore = new_semaphore(world, 0);
  struct in_line *a = waits(world, semaphore, "a");
  cancel_in_line(a);
  casync_semaphore_release(semaphore);
  assert_true(casync_semaphore_acquire(semaphore));
  run_out(world);
  assert_trace(world, "a!");
}

static const struct CMUnitTest tests[] = {
    it(as_many_as_its_value_get_it_at_once),
    it(a_release_hands_its_unit_over),
    it(a_release_without_waiters_adds_a_unit),
    it(a_woken_waiter_that_is_cancelled_gives_its_unit_to_the_next),
    it(the_last_one_gives_it_back),
    it(a_waiter_cancelled_in_line_has_no_unit_to_give),
    it(units_released_in_one_iteration_go_to_as_many),
    it(a_unit_that_is_free_behind_a_cancelled_waiter_is_had_at_once),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
