/* SPDX-License-Identifier: MIT
 *
 * runtime/sync/lock.c
 */
#include "waiters.h"

static bool acquire(void *thing)
{
  return casync_lock_acquire(thing);
}

static void back(void *thing, struct casync_waiter *waiter, bool raised)
{
  casync_lock_return(thing, waiter, raised);
}

static const struct line_type line = {acquire, back};

static struct casync_lock *new_lock(struct world *world)
{
  struct casync_lock *lock = keep(world, sizeof *lock);
  casync_lock_init(lock);
  return lock;
}

static struct in_line *acquirer(struct world *world, struct casync_lock *lock, const char *name)
{
  return wait_in_line(world, name, &line, lock, &lock->queue);
}

static void release(struct casync_lock *lock)
{
  assert_int_equal(casync_lock_release(lock), 0);
}

static void a_new_lock_is_free(void **state)
{
  struct casync_lock *lock = new_lock(*state);
  assert_false(lock->is_locked);
  assert_true(casync_lock_acquire(lock));
  assert_true(lock->is_locked);
}

static void a_held_lock_is_not_had_twice(void **state) /* K5 */
{
  struct casync_lock *lock = new_lock(*state);
  assert_true(casync_lock_acquire(lock));
  assert_false(casync_lock_acquire(lock));
}

static void releasing_a_free_lock_is_refused(void **state) /* K5 */
{
  struct casync_lock *lock = new_lock(*state);
  assert_int_equal(casync_lock_release(lock), CASYNC_ESTATE);
  assert_true(casync_lock_acquire(lock));
}

static void waiters_get_it_in_order(void **state) /* K1 */
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  acquirer(world, lock, "b");
  acquirer(world, lock, "c");
  run_turns(world->loop, 2);
  assert_trace(world, "a");
  release(lock);
  run_turns(world->loop, 2);
  assert_trace(world, "b");
  release(lock);
  run_turns(world->loop, 2);
  assert_trace(world, "c");
}

static void a_released_lock_is_free_until_the_next_has_run(void **state) /* K2 */
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  acquirer(world, lock, "b");
  run_turns(world->loop, 1);
  release(lock);
  assert_false(lock->is_locked);
  run_turns(world->loop, 1);
  assert_true(lock->is_locked);
}

static void a_free_lock_with_somebody_in_line_is_not_for_newcomers(void **state) /* K1 */
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  acquirer(world, lock, "b");
  run_turns(world->loop, 1);
  release(lock);
  assert_false(casync_lock_acquire(lock));
}

static void a_woken_waiter_that_is_cancelled_wakes_the_next(void **state) /* K3 */
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  struct in_line *b = acquirer(world, lock, "b");
  acquirer(world, lock, "c");
  run_turns(world->loop, 1);
  release(lock);
  cancel_in_line(b);
  run_out(world);
  assert_trace(world, "a b! c");
  assert_true(lock->is_locked);
}

static void a_waiter_that_is_cancelled_while_it_is_held_wakes_nobody(void **state)
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  struct in_line *b = acquirer(world, lock, "b");
  acquirer(world, lock, "c");
  run_turns(world->loop, 1);
  cancel_in_line(b);
  run_out(world);
  assert_trace(world, "a b!");
  release(lock);
  run_out(world);
  assert_trace(world, "c");
}

static void a_lock_whose_waiters_are_all_cancelled_is_had_at_once(void **state) /* K4 */
{
  struct world *world = *state;
  struct casync_lock *lock = new_lock(world);
  acquirer(world, lock, "a");
  struct in_line *b = acquirer(world, lock, "b");
  run_turns(world->loop, 1);
  release(lock);
  assert_false(casync_lock_acquire(lock)); /* b has been woken */
  run_out(world);
  struct in_line *c = acquirer(world, lock, "c");
  run_turns(world->loop, 1);
  cancel_in_line(c);
  release(lock);
  assert_true(casync_lock_acquire(lock));
  run_out(world);
  assert_trace(world, "a b c!");
  assert_int_equal(b->waiter.state, CASYNC_WOKEN);
}

static const struct CMUnitTest tests[] = {
    it(a_new_lock_is_free),
    it(a_held_lock_is_not_had_twice),
    it(releasing_a_free_lock_is_refused),
    it(waiters_get_it_in_order),
    it(a_released_lock_is_free_until_the_next_has_run),
    it(a_free_lock_with_somebody_in_line_is_not_for_newcomers),
    it(a_woken_waiter_that_is_cancelled_wakes_the_next),
    it(a_waiter_that_is_cancelled_while_it_is_held_wakes_nobody),
    it(a_lock_whose_waiters_are_all_cancelled_is_had_at_once),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
