/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/signals.c
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/check.h"
#include "drive.h"

static volatile sig_atomic_t foreign_calls, notify_calls;

static void handle_foreign(int number)
{
  (void)number;
  foreign_calls++;
}

static void count_notify(void *data)
{
  volatile sig_atomic_t *calls = data;
  (*calls)++;
}

static int take_signals(struct world *world)
{
  int first = casync_signal_take(world->loop, SIGUSR1);
  int second = casync_signal_take(world->loop, SIGUSR2);
  if (first > 0) note(world, "USR1x%d", first);
  if (second > 0) note(world, "USR2x%d", second);
  return 0;
}

/* A world whose host takes SIGUSR1 and SIGUSR2, in a process that handles both in its own way. */
static int open_signals(void **state)
{
  struct sigaction action = {.sa_handler = handle_foreign};
  sigemptyset(&action.sa_mask);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR2, &action, NULL);
  foreign_calls = notify_calls = 0;
  world_open(state);
  ((struct world *)*state)->on_attend = take_signals;
  return 0;
}

static int close_signals(void **state)
{
  int status = world_close(state);
  struct sigaction action;
  for (int i = 0; i < 2; i++) {
    int number = i == 0 ? SIGUSR1 : SIGUSR2;
    sigaction(number, NULL, &action);
    if (action.sa_handler != handle_foreign) status = -1;
    signal(number, SIG_DFL);
  }
  return status;
}

#define it_signals(test) cmocka_unit_test_setup_teardown(test, open_signals, close_signals)

static void watch(struct world *world, int number)
{
  assert_int_equal(casync_signal_watch(world->loop, number), 0);
}

static void a_watched_signal_asks_for_the_hosts_attention(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  run_turns(world->loop, 1);
  assert_trace(world, "USR1x1");
}

static void nothing_happens_inside_the_handler(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  assert_trace(world, "");
}

static void signals_are_counted(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  raise(SIGUSR1);
  run_turns(world->loop, 1);
  assert_trace(world, "USR1x3");
}

static void taken_signals_are_gone(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 1);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 0);
}

static void several_signals_are_told_apart(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  watch(world, SIGUSR2);
  raise(SIGUSR2);
  raise(SIGUSR1);
  raise(SIGUSR2);
  run_turns(world->loop, 1);
  assert_trace(world, "USR1x1 USR2x2");
}

static void a_foreign_handler_is_not_called_while_the_signal_is_watched(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  assert_int_equal(foreign_calls, 0);
}

static void a_foreign_handler_is_given_back(void **state) /* I2 */
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  assert_true(casync_signal_unwatch(world->loop, SIGUSR1));
  raise(SIGUSR1);
  assert_int_equal(foreign_calls, 1);
}

static void the_default_is_given_back(void **state)
{
  struct world *world = *state;
  struct sigaction action;
  watch(world, SIGURG);
  casync_signal_unwatch(world->loop, SIGURG);
  sigaction(SIGURG, NULL, &action);
  assert_ptr_equal(action.sa_handler, SIG_DFL);
}

static void unwatching_twice_says_no(void **state) /* I2 */
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  assert_true(casync_signal_unwatch(world->loop, SIGUSR1));
  assert_false(casync_signal_unwatch(world->loop, SIGUSR1));
}

static void watching_twice_is_watching_once(void **state) /* I2 */
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  watch(world, SIGUSR1);
  casync_signal_unwatch(world->loop, SIGUSR1);
  raise(SIGUSR1);
  assert_int_equal(foreign_calls, 1);
}

static void closing_the_loop_gives_everything_back(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  watch(world, SIGUSR2);
  casync_loop_close(world->loop);
  raise(SIGUSR1);
  raise(SIGUSR2);
  assert_int_equal(foreign_calls, 2);
}

static void a_closed_loop_watches_no_signals(void **state)
{
  struct world *world = *state;
  casync_loop_close(world->loop);
  assert_int_equal(casync_signal_watch(world->loop, SIGUSR1), CASYNC_ECLOSED);
}

static void old_signals_do_not_count_for_a_new_watch(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  casync_signal_unwatch(world->loop, SIGUSR1);
  watch(world, SIGUSR1);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 0);
}

static void a_signal_that_cannot_be_caught_is_refused(void **state) /* I3 */
{
  struct world *world = *state;
  assert_int_equal(casync_signal_watch(world->loop, SIGKILL), -EINVAL);
  assert_false(casync_signal_unwatch(world->loop, SIGKILL));
}

static void a_number_that_is_no_signal_is_refused(void **state) /* I3 */
{
  struct world *world = *state;
  assert_int_equal(casync_signal_watch(world->loop, 0), -EINVAL);
  assert_int_equal(casync_signal_watch(world->loop, -3), -EINVAL);
  assert_int_equal(casync_signal_watch(world->loop, NSIG), -EINVAL);
  assert_false(casync_signal_unwatch(world->loop, NSIG));
}

static void taking_a_number_that_is_no_signal_gives_nothing(void **state)
{
  struct world *world = *state;
  assert_int_equal(casync_signal_take(world->loop, -3), 0);
  assert_int_equal(casync_signal_take(world->loop, 100000), 0);
}

static void the_errno_of_the_interrupted_code_is_kept(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  errno = EXDEV;
  raise(SIGUSR1);
  assert_int_equal(errno, EXDEV);
}

/* Inside the handler */

static void a_notification_is_called_inside_the_handler(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  casync_signal_notify(world->loop, SIGUSR1, count_notify, (void *)(uintptr_t)&notify_calls);
  raise(SIGUSR1);
  assert_int_equal(notify_calls, 1);
}

static void a_signal_with_a_notification_still_counts(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  casync_signal_notify(world->loop, SIGUSR1, count_notify, (void *)(uintptr_t)&notify_calls);
  raise(SIGUSR1);
  run_turns(world->loop, 1);
  assert_trace(world, "USR1x1");
}

static void a_notification_can_be_taken_back(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  casync_signal_notify(world->loop, SIGUSR1, count_notify, (void *)(uintptr_t)&notify_calls);
  casync_signal_notify(world->loop, SIGUSR1, NULL, NULL);
  raise(SIGUSR1);
  assert_int_equal(notify_calls, 0);
}

static void a_notification_ends_with_its_watch(void **state)
{
  struct world *world = *state;
  watch(world, SIGUSR1);
  casync_signal_notify(world->loop, SIGUSR1, count_notify, (void *)(uintptr_t)&notify_calls);
  casync_signal_unwatch(world->loop, SIGUSR1);
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  assert_int_equal(notify_calls, 0);
}

static void a_loop_cannot_be_notified_of_a_signal_it_does_not_watch(void **state)
{
  struct world *world = *state;
  casync_signal_notify(world->loop, SIGUSR1, count_notify, (void *)(uintptr_t)&notify_calls);
  watch(world, SIGUSR1);
  raise(SIGUSR1);
  assert_int_equal(notify_calls, 0);
}

/* Two loops */

static void a_signal_belongs_to_one_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  watch(world, SIGUSR1);
  assert_int_equal(casync_signal_watch(other, SIGUSR1), CASYNC_EBUSY);
  casync_loop_free(other);
}

static void another_loop_cannot_unwatch_a_signal(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  watch(world, SIGUSR1);
  assert_false(casync_signal_unwatch(other, SIGUSR1));
  raise(SIGUSR1);
  assert_int_equal(casync_signal_take(other, SIGUSR1), 0);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 1);
  casync_loop_free(other);
}

static void two_loops_may_watch_different_signals(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  watch(world, SIGUSR1);
  assert_int_equal(casync_signal_watch(other, SIGUSR2), 0);
  raise(SIGUSR1);
  raise(SIGUSR2);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 1);
  assert_int_equal(casync_signal_take(other, SIGUSR2), 1);
  casync_loop_free(other);
}

static void a_signal_that_was_given_back_can_be_watched_by_another_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  watch(world, SIGUSR1);
  casync_signal_unwatch(world->loop, SIGUSR1);
  assert_int_equal(casync_signal_watch(other, SIGUSR1), 0);
  raise(SIGUSR1);
  assert_int_equal(casync_signal_take(other, SIGUSR1), 1);
  casync_loop_free(other);
}

static void closing_one_loop_keeps_the_signals_of_the_other(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  watch(world, SIGUSR1);
  assert_int_equal(casync_signal_watch(other, SIGUSR2), 0);
  casync_loop_free(other);
  raise(SIGUSR1);
  raise(SIGUSR2);
  assert_int_equal(casync_signal_take(world->loop, SIGUSR1), 1);
  assert_int_equal(foreign_calls, 1);
}

/* With the real poller, and in other threads */

static int stop_when_taken(struct world *world)
{
  take_signals(world);
  casync_loop_stop(world->loop);
  return 0;
}

static void *raise_later(void *data)
{
  usleep(2000);
  raise(SIGUSR1); /* in this thread */
  return data;
}

static void a_signal_in_another_thread_ends_the_wait_of_the_loop(void **state)
{
  struct world *world = *state;
  pthread_t thread;
  casync_loop_free(world->loop);
  world->loop = world_add_loop(world, CASYNC_LOOP_OWNED);
  world->on_attend = stop_when_taken;
  watch(world, SIGUSR1);
  assert_int_equal(pthread_create(&thread, NULL, raise_later, NULL), 0);
  assert_int_equal(run_loop(world->loop), 0);
  pthread_join(thread, NULL);
  assert_trace(world, "USR1x1");
}

static void *open_and_close_loops(void *data)
{
  for (int i = 0; i < 50; i++) {
    struct casync_loop *loop;
    if (casync_loop_open(&loop, CASYNC_LOOP_VIRTUAL, NULL, NULL) != 0) return data;
    casync_signal_watch(loop, SIGURG);
    casync_loop_free(loop);
  }
  return NULL;
}

static void loops_of_several_threads_may_watch_and_close_at_once(void **state)
{
  (void)state;
  pthread_t threads[2];
  for (int t = 0; t < 2; t++)
    assert_int_equal(pthread_create(&threads[t], NULL, open_and_close_loops, NULL), 0);
  for (int t = 0; t < 2; t++) pthread_join(threads[t], NULL);
}

static void *raise_many(void *data)
{
  for (int i = 0; i < 2000; i++) raise(SIGUSR1);
  return data;
}

static void no_signal_is_lost_while_others_are_taken(void **state)
{
  struct world *world = *state;
  pthread_t thread;
  int taken = 0;
  watch(world, SIGUSR1);
  assert_int_equal(pthread_create(&thread, NULL, raise_many, NULL), 0);
  for (int i = 0; i < 20000; i++) taken += casync_signal_take(world->loop, SIGUSR1);
  pthread_join(thread, NULL);
  taken += casync_signal_take(world->loop, SIGUSR1);
  assert_int_equal(taken, 2000);
}

static const struct CMUnitTest tests[] = {
    it_signals(a_watched_signal_asks_for_the_hosts_attention),
    it_signals(nothing_happens_inside_the_handler),
    it_signals(signals_are_counted),
    it_signals(taken_signals_are_gone),
    it_signals(several_signals_are_told_apart),
    it_signals(a_foreign_handler_is_not_called_while_the_signal_is_watched),
    it_signals(a_foreign_handler_is_given_back),
    it_signals(the_default_is_given_back),
    it_signals(unwatching_twice_says_no),
    it_signals(watching_twice_is_watching_once),
    it_signals(closing_the_loop_gives_everything_back),
    it_signals(a_closed_loop_watches_no_signals),
    it_signals(old_signals_do_not_count_for_a_new_watch),
    it_signals(a_signal_that_cannot_be_caught_is_refused),
    it_signals(a_number_that_is_no_signal_is_refused),
    it_signals(taking_a_number_that_is_no_signal_gives_nothing),
    it_signals(the_errno_of_the_interrupted_code_is_kept),
    it_signals(a_notification_is_called_inside_the_handler),
    it_signals(a_signal_with_a_notification_still_counts),
    it_signals(a_notification_can_be_taken_back),
    it_signals(a_notification_ends_with_its_watch),
    it_signals(a_loop_cannot_be_notified_of_a_signal_it_does_not_watch),
    it_signals(a_signal_belongs_to_one_loop),
    it_signals(another_loop_cannot_unwatch_a_signal),
    it_signals(two_loops_may_watch_different_signals),
    it_signals(a_signal_that_was_given_back_can_be_watched_by_another_loop),
    it_signals(closing_one_loop_keeps_the_signals_of_the_other),
    it_signals(a_signal_in_another_thread_ends_the_wait_of_the_loop),
    it_signals(loops_of_several_threads_may_watch_and_close_at_once),
    it_signals(no_signal_is_lost_while_others_are_taken),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
