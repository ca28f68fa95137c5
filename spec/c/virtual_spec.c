/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/virtual.c
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "support.h"

static double now(struct world *world)
{
  return casync_loop_time(world->loop);
}

static void note_time(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, "@%g", now(world));
}

static void at_noting(struct world *world, double when)
{
  at(world, when, callback_then(world, "timer", note_time, NULL));
}

static void the_clock_starts_at_zero(void **state)
{
  struct world *world = *state;
  assert_true(now(world) == 0);
}

static void the_clock_jumps_to_the_next_timer(void **state)
{
  struct world *world = *state;
  at_noting(world, 1000);
  at_noting(world, 3600);
  run_out(world);
  assert_trace(world, "timer @1000 timer @3600");
}

static void the_clock_stands_still_while_callbacks_are_ready(void **state)
{
  struct world *world = *state;
  struct callback *a =
      callback_then(world, "a", then_soon, callback_then(world, "b", note_time, NULL));
  at_noting(world, 5);
  soon(world, a);
  run_out(world);
  assert_trace(world, "a b @0 timer @5");
}

static void the_clock_does_not_go_back_for_a_deadline_in_the_past(void **state)
{
  struct world *world = *state;
  at_noting(world, 5);
  run_out(world);
  at_noting(world, 2);
  run_out(world);
  assert_trace(world, "timer @5 timer @5");
}

static void the_clock_jumps_over_days_at_once(void **state)
{
  struct world *world = *state;
  at_noting(world, 1e6);
  run_out(world);
  assert_trace(world, "timer @1e+06");
  assert_int_equal(casync_loop_iterations(world->loop), 2); /* the second finds nothing */
}

static void the_clock_can_jump_over_years(void **state)
{
  struct world *world = *state;
  double far = 1e8; /* where the resolution is less than the distance of two clock values */
  struct casync_loop *loop = world->loop;
  at(world, far, callback(world, "timer"));
  while (casync_loop_time(loop) < far) {
    double rest = far - casync_loop_time(loop);
    assert_int_equal(loop->poller->wait(loop, rest), 0);
  }
  run_turns(loop, 1); /* no run_out(): a clock that stands still would hang the test */
  assert_trace(world, "timer");
}

static void the_clock_shows_the_deadline_it_jumped_to(void **state)
{
  struct world *world = *state;
  uint32_t random = 7;
  double when = 0;
  for (int i = 0; i < 1000; i++) {
    when += (double)(next_random(&random) % 100000) / 7e4;
    at(world, when, callback(world, "x"));
    run_out(world);
    assert_true(now(world) == when);
    world->trace[0] = '\0';
  }
}

static void nothing_ready_and_no_timer_is_a_deadlock(void **state)
{
  struct world *world = *state;
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK);
}

static void a_timer_that_never_comes_is_a_deadlock(void **state)
{
  struct world *world = *state;
  at(world, INFINITY, callback(world, "never"));
  for (int i = 0; i < 3; i++) /* not casync_loop_run(): it might never end */
    if (world->loop->poller->wait(world->loop, CA_LONGEST_WAIT) == CASYNC_EDEADLOCK) return;
  fail();
}

static void a_loop_goes_on_after_a_deadlock(void **state)
{
  struct world *world = *state;
  casync_loop_run(world->loop);
  assert_false(casync_loop_is_running(world->loop));
  at_noting(world, 1);
  run_out(world);
  assert_trace(world, "timer @1");
}

static void a_pending_future_alone_is_a_deadlock(void **state)
{
  struct world *world = *state;
  casync_future_wait(new_future(world), &callback(world, "never")->timer.handle);
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EDEADLOCK);
}

static void stopping_is_no_deadlock(void **state)
{
  struct world *world = *state;
  casync_loop_stop(world->loop);
  assert_int_equal(casync_loop_run(world->loop), 0);
}

static int stop_attending(struct world *world)
{
  note(world, "attend@%g", now(world));
  return 0;
}

static void a_request_for_attention_comes_before_a_jump(void **state)
{
  struct world *world = *state;
  world->on_attend = stop_attending;
  at_noting(world, 5);
  casync_loop_attend(world->loop);
  run_out(world);
  assert_trace(world, "attend@0 timer @5");
}

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "post@%g", casync_loop_time(loop));
}

static void then_post(struct world *world, struct callback *callback_)
{
  assert_int_equal(casync_loop_post(world->loop, callback_->data), 0);
}

static struct casync_post *new_post(struct world *world)
{
  struct casync_post *post = keep(world, sizeof *post);
  post->deliver = deliver;
  return post;
}

/* Often, since a poll that comes soon after another may be left out. */
enum { OFTEN = 100 };

static void a_post_is_not_a_deadlock(void **state)
{
  struct world *world = *state;
  struct casync_post *post = new_post(world);
  for (int i = 0; i < OFTEN; i++) {
    soon(world, callback_then(world, "a", then_post, post));
    run_out(world);
    assert_trace(world, "a post@0");
  }
}

static void a_post_comes_before_a_jump(void **state)
{
  struct world *world = *state;
  struct casync_post *post = new_post(world);
  char expected[64];
  for (int i = 0; i < OFTEN; i++) {
    at_noting(world, i + 1);
    soon(world, callback_then(world, "a", then_post, post));
    run_out(world);
    snprintf(expected, sizeof expected, "a post@%d timer @%d", i, i + 1);
    assert_trace(world, expected);
  }
}

/* Descriptors live in real time. */

static void then_unwatch(struct world *world, struct callback *callback_)
{
  const int *fd = callback_->data;
  note(world, "@%g", now(world));
  assert_ptr_equal(casync_loop_unwatch(world->loop, *fd, CASYNC_READ), &callback_->timer.handle);
}

static void watch_once(struct world *world, int ends[2])
{
  struct callback *io = callback_then(world, "io", then_unwatch, &ends[0]);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(casync_loop_watch(world->loop, ends[0], CASYNC_READ, &io->timer.handle), 0);
}

static void close_both(const int ends[2])
{
  close(ends[0]);
  close(ends[1]);
}

static void a_ready_descriptor_comes_before_a_jump(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_once(world, ends);
  assert_int_equal(write(ends[1], "x", 1), 1);
  at_noting(world, 5);
  run_out(world);
  assert_trace(world, "io @0 timer @5");
  close_both(ends);
}

static void the_clock_jumps_although_a_descriptor_is_watched(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_once(world, ends);
  at(world, 5, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(casync_loop_run(world->loop), 0);
  assert_trace(world, "timer");
  assert_true(now(world) == 5);
  close_both(ends);
}

static void *write_soon(void *data)
{
  const int *ends = data;
  usleep(2000);
  return write(ends[1], "x", 1) == 1 ? data : NULL;
}

static void a_watched_descriptor_is_waited_for_in_real_time(void **state)
{
  struct world *world = *state;
  int ends[2];
  pthread_t writer;
  watch_once(world, ends);
  assert_int_equal(pthread_create(&writer, NULL, write_soon, ends), 0);
  run_out(world);
  pthread_join(writer, NULL);
  assert_trace(world, "io @0");
  close_both(ends);
}

/* What is under way in real time */

static void end_real(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "end@%g", casync_loop_time(loop));
  casync_loop_end_real(loop);
}

static void *post_soon(void *data)
{
  struct world *world = data;
  usleep(5000);
  struct casync_post *post = keep(world, sizeof *post);
  post->deliver = end_real;
  casync_loop_post(world->loop, post);
  return NULL;
}

static void wait_for_thread(struct world *world)
{
  pthread_t thread;
  casync_loop_begin_real(world->loop);
  assert_int_equal(pthread_create(&thread, NULL, post_soon, world), 0);
  int status = casync_loop_run(world->loop);
  pthread_join(thread, NULL);
  assert_int_equal(status, CASYNC_EDEADLOCK);
}

static void the_clock_does_not_jump_while_something_is_under_way(void **state)
{
  struct world *world = *state;
  at_noting(world, 1);
  wait_for_thread(world);
  assert_trace(world, "end@0 timer @1");
}

static void what_is_under_way_is_no_deadlock(void **state)
{
  struct world *world = *state;
  wait_for_thread(world);
  assert_trace(world, "end@0");
}

static void callbacks_run_while_something_is_under_way(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_soon, callback(world, "b")));
  wait_for_thread(world);
  assert_trace(world, "a b end@0");
}

static const struct CMUnitTest tests[] = {
    it(the_clock_does_not_jump_while_something_is_under_way),
    it(what_is_under_way_is_no_deadlock),
    it(callbacks_run_while_something_is_under_way),
    it(the_clock_starts_at_zero),
    it(the_clock_jumps_to_the_next_timer),
    it(the_clock_stands_still_while_callbacks_are_ready),
    it(the_clock_does_not_go_back_for_a_deadline_in_the_past),
    it(the_clock_jumps_over_days_at_once),
    it(the_clock_can_jump_over_years),
    it(the_clock_shows_the_deadline_it_jumped_to),
    it(nothing_ready_and_no_timer_is_a_deadlock),
    it(a_timer_that_never_comes_is_a_deadlock),
    it(a_loop_goes_on_after_a_deadlock),
    it(a_pending_future_alone_is_a_deadlock),
    it(stopping_is_no_deadlock),
    it(a_request_for_attention_comes_before_a_jump),
    it(a_post_is_not_a_deadlock),
    it(a_post_comes_before_a_jump),
    it(a_ready_descriptor_comes_before_a_jump),
    it(the_clock_jumps_although_a_descriptor_is_watched),
    it(a_watched_descriptor_is_waited_for_in_real_time),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
