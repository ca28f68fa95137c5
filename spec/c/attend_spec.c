/* SPDX-License-Identifier: MIT
 *
 * casync_loop_attend_at() and casync_loop_attend_on(): what a host is told without a timer or a
 * watched descriptor of its own.  Some milliseconds of the wall clock pass here.
 */
#include <errno.h>
#include <unistd.h>

#include "drive.h"
#include "poll/poll.h"

static void open_pipe(int ends[2])
{
  assert_int_equal(pipe(ends), 0);
}

static void put(int fd)
{
  assert_int_equal(write(fd, "x", 1), 1);
}

/* Iterations, the first of which asks the kernel: the last time is too near else. */
static void turn(struct world *world, int n)
{
  usleep(100);
  run_turns(world->loop, n);
}

/* Nobody needs what is in the pipe any more. */
static void close_pipe(struct world *world, const int ends[2])
{
  casync_loop_attend_on(world->loop, -1);
  close(ends[0]);
  close(ends[1]);
}

static int stop_then(struct world *world)
{
  note(world, "attend");
  casync_loop_stop(world->loop);
  return 0;
}

/* ---- at a time ---- */

static void a_wait_without_end_is_ended_at_the_time(void **state)
{
  struct world *world = *state;
  double when = casync_loop_time(world->loop) + 0.003;
  world->on_attend = stop_then;
  assert_int_equal(casync_loop_attend_at(world->loop, when), 0);
  assert_int_equal(run_loop(world->loop), 0);
  assert_true(casync_loop_time(world->loop) >= when);
  assert_trace(world, "attend");
}

static void the_host_is_told_once(void **state)
{
  struct world *world = *state;
  double now = casync_loop_time(world->loop);
  assert_int_equal(casync_loop_attend_at(world->loop, now + 0.001), 0);
  at(world, now + 0.006, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "attend timer");
}

static void a_time_that_has_passed_ends_no_wait_early(void **state)
{
  struct world *world = *state;
  double now = casync_loop_time(world->loop);
  assert_int_equal(casync_loop_attend_at(world->loop, now + 1000), 0);
  at(world, now + 0.002, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "timer");
}

static void run_on(struct world *world, struct callback *callback_)
{
  (void)world;
  casync_loop_call_soon(world->loop, &callback_->timer.handle);
}

static void a_loop_that_never_waits_tells_the_host_too(void **state)
{
  struct world *world = *state;
  world->on_attend = stop_then;
  assert_int_equal(casync_loop_attend_at(world->loop, casync_loop_time(world->loop) + 0.002), 0);
  soon(world, callback_then(world, "", run_on, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_non_null(strstr(take_trace(world), "attend"));
}

static void it_can_be_given_up(void **state)
{
  struct world *world = *state;
  double now = casync_loop_time(world->loop);
  assert_int_equal(casync_loop_attend_at(world->loop, now + 0.001), 0);
  assert_int_equal(casync_loop_attend_at(world->loop, 0), 0);
  at(world, now + 0.004, callback_then(world, "timer", then_stop, NULL));
  assert_int_equal(run_loop(world->loop), 0);
  assert_trace(world, "timer");
}

static void a_virtual_clock_has_no_such_time(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = world_add_loop(world, CASYNC_LOOP_VIRTUAL);
  assert_int_equal(casync_loop_attend_at(loop, 1), CASYNC_ESTATE);
  assert_int_equal(casync_loop_attend_on(loop, 0), CASYNC_ESTATE);
  casync_loop_free(loop);
}

static void an_attached_loop_has_no_such_time(void **state)
{
  struct world *world = *state;
  assert_int_equal(casync_loop_attend_at(world->loop, 1), CASYNC_ESTATE);
}

static void a_closed_loop_has_neither(void **state)
{
  struct world *world = *state;
  casync_loop_close(world->loop);
  assert_int_equal(casync_loop_attend_at(world->loop, 1), CASYNC_ECLOSED);
  assert_int_equal(casync_loop_attend_on(world->loop, 0), CASYNC_ECLOSED);
}

/* ---- on a descriptor ---- */

static int note_attend(struct casync_loop *loop, void *data)
{
  (void)loop;
  note(data, "attend");
  return 0;
}

static void attend_on(struct world *world, int fd)
{
  world->host.attend = note_attend; /* of an attached loop; others note it anyway */
  assert_int_equal(casync_loop_attend_on(world->loop, fd), 0);
}

static void the_host_is_told_what_can_be_read(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  attend_on(world, ends[0]);
  turn(world, 2);
  assert_trace(world, "");
  put(ends[1]);
  turn(world, 1);
  assert_trace(world, "attend");
  close_pipe(world, ends);
}

static void it_is_told_as_long_as_it_can_be_read(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  attend_on(world, ends[0]);
  put(ends[1]);
  turn(world, 1);
  turn(world, 1);
  assert_trace(world, "attend attend");
  close_pipe(world, ends);
}

static void it_can_be_told_to_stop(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  put(ends[1]);
  attend_on(world, ends[0]);
  attend_on(world, -1);
  turn(world, 2);
  assert_trace(world, "");
  close_pipe(world, ends);
}

static void another_descriptor_takes_its_place(void **state)
{
  struct world *world = *state;
  int first[2], second[2];
  open_pipe(first);
  open_pipe(second);
  attend_on(world, first[0]);
  attend_on(world, second[0]);
  put(first[1]);
  turn(world, 1);
  assert_trace(world, "");
  put(second[1]);
  turn(world, 1);
  assert_trace(world, "attend");
  close_pipe(world, second);
  close_pipe(world, first);
}

static void the_order_of_what_runs_stays(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  put(ends[1]);
  attend_on(world, ends[0]);
  soon(world, callback(world, "a"));
  soon(world, callback(world, "b"));
  turn(world, 1);
  assert_trace(world, "attend a b");
  close_pipe(world, ends);
}

static void it_does_not_count_as_watched(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  attend_on(world, ends[0]);
  assert_true(ca_may_skip(ca_poll_of(world->loop)));
  close_pipe(world, ends);
}

static void a_bad_descriptor_is_refused(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  close(ends[0]);
  close(ends[1]);
  assert_int_equal(casync_loop_attend_on(world->loop, ends[0]), -EBADF);
}

static void closing_the_loop_ends_it(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  put(ends[1]);
  attend_on(world, ends[0]);
  casync_loop_close(world->loop);
  close_pipe(world, ends);
  assert_trace(world, "");
}

static void a_guest_with_it_does_not_keep_the_application(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  attend_on(world, ends[0]);
  ev_run(world->ev, 0); /* returns */
  put(ends[1]);
  ev_run(world->ev, EVRUN_NOWAIT);
  assert_trace(world, "attend");
  close_pipe(world, ends);
}

static void a_guest_that_stands_does_not_tell(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(ends);
  attend_on(world, ends[0]);
  casync_loop_stop(world->loop);
  ev_run(world->ev, 0);
  put(ends[1]);
  ev_run(world->ev, EVRUN_NOWAIT);
  assert_trace(world, "");
  casync_loop_resume(world->loop);
  ev_run(world->ev, EVRUN_NOWAIT);
  assert_trace(world, "attend");
  close_pipe(world, ends);
}

static const struct CMUnitTest tests[] = {
    it_owned(a_wait_without_end_is_ended_at_the_time),
    it_owned(the_host_is_told_once),
    it_owned(a_time_that_has_passed_ends_no_wait_early),
    it_owned(a_loop_that_never_waits_tells_the_host_too),
    it_owned(it_can_be_given_up),
    it_owned(a_virtual_clock_has_no_such_time),
    it_guest(an_attached_loop_has_no_such_time),
    it_stepped(an_attached_loop_has_no_such_time),
    it_owned(a_closed_loop_has_neither),
    it_owned(the_host_is_told_what_can_be_read),
    it_guest(the_host_is_told_what_can_be_read),
    it_stepped(the_host_is_told_what_can_be_read),
    it_owned(it_is_told_as_long_as_it_can_be_read),
    it_guest(it_is_told_as_long_as_it_can_be_read),
    it_stepped(it_is_told_as_long_as_it_can_be_read),
    it_owned(it_can_be_told_to_stop),
    it_guest(it_can_be_told_to_stop),
    it_stepped(it_can_be_told_to_stop),
    it_owned(another_descriptor_takes_its_place),
    it_guest(another_descriptor_takes_its_place),
    it_stepped(another_descriptor_takes_its_place),
    it_owned(the_order_of_what_runs_stays),
    it_guest(the_order_of_what_runs_stays),
    it_stepped(the_order_of_what_runs_stays),
    it_owned(it_does_not_count_as_watched),
    it_guest(it_does_not_count_as_watched),
    it_stepped(it_does_not_count_as_watched),
    it_owned(a_bad_descriptor_is_refused),
    it_guest(a_bad_descriptor_is_refused),
    it_stepped(a_bad_descriptor_is_refused),
    it_owned(closing_the_loop_ends_it),
    it_guest(closing_the_loop_ends_it),
    it_stepped(closing_the_loop_ends_it),
    it_guest(a_guest_with_it_does_not_keep_the_application),
    it_guest(a_guest_that_stands_does_not_tell),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
