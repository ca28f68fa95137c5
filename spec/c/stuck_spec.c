/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/owned_ev.c: a loop that nothing can wake any more.  Where a test waits for a thread,
 * a few milliseconds of the wall clock pass.
 */
#include <pthread.h>
#include <unistd.h>

#include "script.h"

static void *write_later(void *data)
{
  const int *ends = data;
  usleep(2000);
  return write(ends[1], "x", 1) == 1 ? data : NULL;
}

static bool nobody(struct casync_loop *loop, void *data)
{
  (void)data;
  note(world_of(loop), "asked");
  return false;
}

static bool stop_it(struct casync_loop *loop, void *data)
{
  (void)data;
  note(world_of(loop), "asked");
  casync_loop_wake(loop); /* as another thread would */
  casync_loop_stop(loop);
  return true;
}

static void ask_host(struct world *world, bool (*can_wake)(struct casync_loop *, void *))
{
  world->host = (struct casync_loop_host){.can_wake = can_wake};
  world->loop->host = &world->host;
}

static void a_loop_that_nothing_can_wake_is_left(void **state)
{
  struct world *world = *state;
  ask_host(world, nobody);
  script_start(world, SCRIPT(SAY("waits"), AWAIT(new_future(world))));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK);
  assert_trace(world, "waits asked");
}

static void a_loop_that_was_left_so_can_be_run_again(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  ask_host(world, nobody);
  script_start(world, SCRIPT(AWAIT(future), SAY("woken")));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK);
  soon(world, callback_then(world, "complete", then_complete, future));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK);
  assert_trace(world, "asked complete woken asked");
}

static void a_host_that_can_wake_its_loop_is_believed(void **state)
{
  struct world *world = *state;
  ask_host(world, stop_it);
  assert_int_equal(casync_loop_run(world->loop), 0);
  assert_trace(world, "asked");
}

static void a_loop_with_a_timer_is_not_stuck(void **state)
{
  struct world *world = *state;
  ask_host(world, nobody);
  at(world, casync_loop_time(world->loop) + 0.002, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(casync_loop_run(world->loop), 0);
  assert_trace(world, "timer");
}

static void a_loop_that_watches_a_descriptor_is_not_stuck(void **state)
{
  struct world *world = *state;
  int ends[2];
  pthread_t thread;
  assert_int_equal(pipe(ends), 0);
  ask_host(world, nobody);
  struct callback *reader = callback_then(world, "read", then_stop, NULL);
  assert_int_equal(casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle), 0);
  assert_int_equal(pthread_create(&thread, NULL, write_later, ends), 0);
  assert_int_equal(casync_loop_run(world->loop), 0);
  pthread_join(thread, NULL);
  assert_trace(world, "read");
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static struct casync_loop *posted_to;

static void end_what_is_real(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  casync_loop_end_real(loop);
  casync_loop_stop(loop);
}

static void *post_later(void *data)
{
  static struct casync_post post = {NULL, end_what_is_real};
  (void)data;
  usleep(2000);
  casync_loop_post(posted_to, &post);
  return NULL;
}

static void a_loop_that_has_something_under_way_is_not_stuck(void **state)
{
  struct world *world = *state;
  pthread_t thread;
  ask_host(world, nobody);
  posted_to = world->loop;
  casync_loop_begin_real(world->loop);
  assert_int_equal(pthread_create(&thread, NULL, post_later, NULL), 0);
  assert_int_equal(casync_loop_run(world->loop), 0);
  pthread_join(thread, NULL);
  assert_trace(world, "");
}

static const struct CMUnitTest tests[] = {
    it_owned(a_loop_that_nothing_can_wake_is_left),
    it_owned(a_loop_that_was_left_so_can_be_run_again),
    it_owned(a_host_that_can_wake_its_loop_is_believed),
    it_owned(a_loop_with_a_timer_is_not_stuck),
    it_owned(a_loop_that_watches_a_descriptor_is_not_stuck),
    it_owned(a_loop_that_has_something_under_way_is_not_stuck),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
