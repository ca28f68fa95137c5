/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/stepped.c, epoll.c or kqueue.c: a loop that a foreign loop drives.  (Descriptors
 * that go away, failures: stepped_end_spec.c.  Order and io.c, wakeup.c, signals.c in it: the other
 * specs with CASYNC_SPEC_LOOP=stepped.)  A few milliseconds of the wall clock pass here.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "drive.h"
#include "script.h"

enum { MANY = 100 };

static void watch(struct world *world, int fd, struct callback *reader)
{
  assert_int_equal(casync_loop_watch(world->loop, fd, CASYNC_READ, &reader->timer.handle), 0);
}

static void open_pipe(struct world *world, int ends[2], const char *name)
{
  assert_int_equal(pipe(ends), 0);
  watch(world, ends[0], callback(world, name));
}

static void put(int fd)
{
  assert_int_equal(write(fd, "x", 1), 1);
}

static void take(int fd)
{
  char byte;
  assert_int_equal(read(fd, &byte, 1), 1);
}

static void close_pipe(struct world *world, const int ends[2])
{
  casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}

static void step(struct world *world)
{
  assert_int_equal(casync_loop_step(world->loop), 0);
}

static bool is_readable(struct world *world)
{
  return drive_is_readable(world->loop);
}

/* ---- who runs it ---- */

static void a_stepped_loop_is_not_run(void **state)
{
  struct world *world = *state;
  assert_true(casync_loop_is_attached(world->loop));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EATTACHED);
  assert_int_equal(casync_loop_resume(world->loop), CASYNC_ESTATE);
}

static void other_loops_are_not_stepped(void **state)
{
  struct world *world = *state;
  struct casync_loop *owned = world_add_loop(world, CASYNC_LOOP_OWNED);
  assert_false(casync_loop_is_attached(owned));
  assert_int_equal(casync_loop_step(owned), CASYNC_ESTATE);
  assert_int_equal(casync_loop_fd(owned), CASYNC_ESTATE);
  assert_int_equal(casync_loop_resume(owned), CASYNC_ESTATE);
  casync_loop_free(owned);
}

static void then_step(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, "%d", casync_loop_step(world->loop) == CASYNC_ERUNNING);
}

static void a_step_inside_a_step_is_refused(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_step, NULL));
  soon(world, callback(world, "b"));
  step(world);
  assert_trace(world, "a 1 b");
}

static void a_closed_loop_is_not_stepped(void **state)
{
  struct world *world = *state;
  casync_loop_close(world->loop);
  assert_int_equal(casync_loop_step(world->loop), CASYNC_ECLOSED);
  assert_int_equal(casync_loop_fd(world->loop), CASYNC_ECLOSED);
  assert_true(casync_loop_timeout(world->loop) < 0);
}

static int on_frame(struct casync_loop *loop, int (*run)(struct casync_loop *loop), void *data)
{
  note(data, casync_loop_is_running(loop) ? "begin" : "not");
  int status = run(loop);
  note(data, casync_loop_is_running(loop) ? "end" : "not");
  return status;
}

static void the_host_is_told_of_each_step(void **state)
{
  struct world *world = *state;
  world->host.frame = on_frame;
  soon(world, callback(world, "a"));
  step(world);
  assert_trace(world, "begin a end");
  assert_false(casync_loop_is_running(world->loop));
}

static int on_refusing_frame(struct casync_loop *loop, int (*run)(struct casync_loop *loop),
                             void *data)
{
  (void)loop, (void)run, (void)data;
  return CASYNC_EMEMORY;
}

static void what_a_frame_refuses_to_run_stays_queued(void **state)
{
  struct world *world = *state;
  world->host.frame = on_refusing_frame;
  soon(world, callback(world, "a"));
  assert_int_equal(casync_loop_step(world->loop), CASYNC_EMEMORY);
  assert_trace(world, "");
  world->host.frame = NULL;
  step(world);
  assert_trace(world, "a");
}

static void on_closing(struct casync_loop *loop, void *data)
{
  note(data, casync_loop_is_closed(loop) ? "late" : "closing");
}

static void the_host_is_told_once_that_the_loop_closes(void **state)
{
  struct world *world = *state;
  world->host.closing = on_closing;
  assert_int_equal(casync_loop_close(world->loop), 0);
  assert_int_equal(casync_loop_close(world->loop), 0);
  assert_trace(world, "closing");
}

/* ---- timeout and descriptor ---- */

static void with_nothing_to_do_the_wait_has_no_end(void **state)
{
  struct world *world = *state;
  assert_true(casync_loop_timeout(world->loop) < 0);
  assert_false(is_readable(world));
}

static void what_is_ready_is_to_be_run_now(void **state)
{
  struct world *world = *state;
  soon(world, callback(world, "a"));
  assert_true(casync_loop_timeout(world->loop) == 0);
  step(world);
  assert_true(casync_loop_timeout(world->loop) < 0);
}

static void a_stop_is_to_be_seen_to_now(void **state)
{
  struct world *world = *state;
  casync_loop_stop(world->loop);
  assert_true(casync_loop_timeout(world->loop) == 0);
}

static void the_timeout_ends_with_the_next_timer(void **state)
{
  struct world *world = *state;
  double now = casync_loop_time(world->loop);
  at(world, now + 60, callback(world, "late"));
  at(world, now + 30, callback(world, "timer"));
  double timeout = casync_loop_timeout(world->loop);
  assert_true(timeout > 20 && timeout <= 30);
}

static void a_timer_that_is_due_is_to_be_run_now(void **state)
{
  struct world *world = *state;
  at(world, casync_loop_time(world->loop), callback(world, "timer"));
  assert_true(casync_loop_timeout(world->loop) == 0);
  step(world);
  assert_trace(world, "timer");
}

static void the_descriptor_is_readable_while_a_watched_one_is_ready(void **state)
{
  struct world *world = *state;
  int ends[2];
  open_pipe(world, ends, "read");
  assert_false(is_readable(world));
  put(ends[1]);
  for (int i = 0; i < 3; i++) {
    assert_true(is_readable(world));
    step(world);
  }
  assert_trace(world, "read read read");
  take(ends[0]);
  assert_false(is_readable(world));
  step(world);
  assert_trace(world, "");
  close_pipe(world, ends);
}

static void then_take(struct world *world, struct callback *callback_)
{
  (void)world;
  take(*(int *)callback_->data);
}

static void a_step_drains_everything(void **state)
{
  struct world *world = *state;
  int(*pipes)[2] = keep(world, MANY * sizeof *pipes);
  for (int i = 0; i < MANY; i++) {
    assert_int_equal(pipe(pipes[i]), 0);
    watch(world, pipes[i][0], callback_then(world, "x", then_take, &pipes[i][0]));
    put(pipes[i][1]);
  }
  step(world);
  assert_int_equal(strlen(take_trace(world)), 2 * MANY - 1);
  assert_false(is_readable(world));
  for (int i = 0; i < MANY; i++) close_pipe(world, pipes[i]);
}

/* What a loop makes of four pipes that become readable in another order than they were made. */
static void write_in_order(struct world *world, struct casync_loop *loop)
{
  static const char *const names[] = {"p0", "p1", "p2", "p3"};
  static const int order[] = {2, 0, 3, 1};
  int pipes[4][2];
  for (int i = 0; i < 4; i++) {
    assert_int_equal(pipe(pipes[i]), 0);
    struct callback *reader = callback(world, names[i]);
    casync_loop_watch(loop, pipes[i][0], CASYNC_READ, &reader->timer.handle);
  }
  run_turns(loop, 1);
  for (int i = 0; i < 4; i++) put(pipes[order[i]][1]);
  run_turns(loop, 1);
  for (int i = 0; i < 4; i++) {
    casync_loop_unwatch(loop, pipes[i][0], CASYNC_READ);
    close(pipes[i][0]);
    close(pipes[i][1]);
  }
}

static void descriptors_come_in_the_order_of_an_owned_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *owned = world_add_loop(world, CASYNC_LOOP_OWNED);
  char expected[64];
  write_in_order(world, owned);
  snprintf(expected, sizeof expected, "%s", take_trace(world));
  write_in_order(world, world->loop);
  assert_trace(world, expected);
  casync_loop_free(owned);
}

static void the_descriptor_may_be_polled_by_another_queue(void **state)
{
  struct world *world = *state;
  struct casync_loop *outer = world_add_loop(world, CASYNC_LOOP_STEPPED);
  struct callback *reader = callback(world, "outer");
  int ends[2], fd = casync_loop_fd(world->loop);
  open_pipe(world, ends, "inner");
  assert_int_equal(casync_loop_watch(outer, fd, CASYNC_READ, &reader->timer.handle), 0);
  assert_false(drive_is_readable(outer));
  put(ends[1]);
  for (int i = 0; i < 2; i++) {
    assert_true(drive_is_readable(outer));
    casync_loop_step(outer);
    step(world);
  }
  assert_trace(world, "outer inner outer inner");
  take(ends[0]);
  assert_false(drive_is_readable(outer));
  casync_loop_free(outer);
  close_pipe(world, ends);
}

/* ---- iterations ---- */

static void with_descriptors_a_step_is_an_iteration(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "busy", then_soon, NULL);
  int ends[2];
  busy->data = busy;
  open_pipe(world, ends, "read");
  soon(world, busy);
  for (int i = 1; i <= 5; i++) {
    step(world);
    assert_int_equal(casync_loop_iterations(world->loop), i);
  }
  close_pipe(world, ends);
}

static void a_busy_loop_gives_the_foreign_one_its_turns(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "", then_soon, NULL);
  busy->data = busy;
  soon(world, busy);
  for (int i = 0; i < 20; i++) step(world);
  script_start(world, SCRIPT(YIELD, YIELD, SAY("done")));
  for (int i = 0; i < 3; i++) step(world);
  assert_non_null(strstr(world->trace, "done"));
}

static void a_stop_ends_the_step(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_soon, callback(world, "c")));
  soon(world, callback_then(world, "b", then_stop, NULL));
  assert_int_equal(casync_loop_step(world->loop), 1);
  assert_trace(world, "a b");
  assert_int_equal(casync_loop_step(world->loop), 0);
  assert_trace(world, "c");
}

static void leaving_keeps_the_rest_for_the_next_step(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, callback(world, "b"));
  assert_int_equal(casync_loop_step(world->loop), CASYNC_ELEFT);
  assert_trace(world, "a");
  assert_true(casync_loop_timeout(world->loop) == 0);
  step(world);
  assert_trace(world, "b");
}

static void then_close(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, "%d", casync_loop_close(world->loop) == CASYNC_ERUNNING);
}

static void a_handle_cannot_close_its_loop(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_close, NULL));
  step(world);
  assert_trace(world, "a 1");
}

/* The loop that the header shows. */
static void run_foreign(struct world *world)
{
  int status = 0;
  while (status == 0) {
    struct pollfd wanted = {.fd = casync_loop_fd(world->loop), .events = POLLIN};
    double timeout = casync_loop_timeout(world->loop);
    poll(&wanted, 1, timeout < 0 ? 20000 : (int)(timeout * 1000) + 1);
    status = casync_loop_step(world->loop);
  }
  assert_int_equal(status, 1);
}

static void a_foreign_loop_runs_tasks(void **state)
{
  struct world *world = *state;
  struct casync_future *future = new_future(world);
  script_start(world, SCRIPT(SLEEP(0.002), SAY("woke"), COMPLETE(future)));
  struct script *last = script_start(world, SCRIPT(AWAIT(future), SAY("done")));
  casync_future_wait(&last->task.future,
                     &callback_then(world, "end", then_stop, NULL)->timer.handle);
  run_foreign(world);
  assert_trace(world, "woke done end");
}

/* ---- posts, wakes, signals ---- */

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "post");
}

static void a_post_makes_readable_until_it_is_delivered(void **state)
{
  struct world *world = *state;
  struct casync_post post = {NULL, deliver};
  casync_loop_post(world->loop, &post);
  assert_true(is_readable(world));
  step(world);
  assert_trace(world, "post");
  assert_false(is_readable(world));
}

static void many_wakes_are_one(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < MANY; i++) casync_loop_wake(world->loop);
  assert_true(is_readable(world));
  step(world);
  assert_false(is_readable(world));
}

static void stop_after_all(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  casync_loop_end_real(loop);
  if (loop->real == 0) casync_loop_stop(loop);
}

enum { THREADS = 4, POSTS = 200 };

struct sender {
  pthread_t id;
  struct world *world;
  struct casync_post posts[POSTS];
};

static void *send_posts(void *data)
{
  struct sender *sender = data;
  for (int i = 0; i < POSTS; i++) {
    sender->posts[i].deliver = stop_after_all;
    casync_loop_post(sender->world->loop, &sender->posts[i]);
  }
  return NULL;
}

static void posts_of_threads_end_the_foreign_wait(void **state)
{
  struct world *world = *state;
  struct sender *senders = keep(world, THREADS * sizeof *senders);
  for (int i = 0; i < THREADS * POSTS; i++) casync_loop_begin_real(world->loop);
  for (int t = 0; t < THREADS; t++) {
    senders[t].world = world;
    assert_int_equal(pthread_create(&senders[t].id, NULL, send_posts, &senders[t]), 0);
  }
  run_foreign(world);
  for (int t = 0; t < THREADS; t++) pthread_join(senders[t].id, NULL);
  assert_int_equal(world->loop->real, 0);
}

static int on_attend(struct casync_loop *loop, void *data)
{
  note(data, "signal=%d", casync_signal_take(loop, SIGUSR1));
  casync_loop_stop(loop);
  return 0;
}

static void *kill_later(void *data)
{
  const pthread_t *thread = data;
  usleep(2000);
  pthread_kill(*thread, SIGUSR1);
  return NULL;
}

static void a_signal_interrupts_the_foreign_wait(void **state)
{
  struct world *world = *state;
  pthread_t self = pthread_self(), thread;
  world->host.attend = on_attend;
  assert_int_equal(casync_signal_watch(world->loop, SIGUSR1), 0);
  assert_int_equal(pthread_create(&thread, NULL, kill_later, &self), 0);
  run_foreign(world);
  pthread_join(thread, NULL);
  assert_trace(world, "signal=1");
  assert_false(is_readable(world));
}

static const struct CMUnitTest tests[] = {
    it_stepped(a_stepped_loop_is_not_run),
    it_stepped(other_loops_are_not_stepped),
    it_stepped(a_step_inside_a_step_is_refused),
    it_stepped(a_closed_loop_is_not_stepped),
    it_stepped(the_host_is_told_of_each_step),
    it_stepped(what_a_frame_refuses_to_run_stays_queued),
    it_stepped(the_host_is_told_once_that_the_loop_closes),
    it_stepped(with_nothing_to_do_the_wait_has_no_end),
    it_stepped(what_is_ready_is_to_be_run_now),
    it_stepped(a_stop_is_to_be_seen_to_now),
    it_stepped(the_timeout_ends_with_the_next_timer),
    it_stepped(a_timer_that_is_due_is_to_be_run_now),
    it_stepped(the_descriptor_is_readable_while_a_watched_one_is_ready),
    it_stepped(a_step_drains_everything),
    it_stepped(descriptors_come_in_the_order_of_an_owned_loop),
    it_stepped(the_descriptor_may_be_polled_by_another_queue),
    it_stepped(with_descriptors_a_step_is_an_iteration),
    it_stepped(a_busy_loop_gives_the_foreign_one_its_turns),
    it_stepped(a_stop_ends_the_step),
    it_stepped(leaving_keeps_the_rest_for_the_next_step),
    it_stepped(a_handle_cannot_close_its_loop),
    it_stepped(a_foreign_loop_runs_tasks),
    it_stepped(a_post_makes_readable_until_it_is_delivered),
    it_stepped(many_wakes_are_one),
    it_stepped(posts_of_threads_end_the_foreign_wait),
    it_stepped(a_signal_interrupts_the_foreign_wait),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
