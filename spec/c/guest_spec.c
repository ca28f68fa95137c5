/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/guest_ev.c: a loop in an application's libev loop: who runs it, what keeps ev_run(),
 * the order of both, stopping.  (Its end: guest_end_spec.c.  Order and io.c, wakeup.c, signals.c in
 * it: the other specs with CASYNC_SPEC_LOOP=guest.)  A few milliseconds of the wall clock pass
 * here.
 */
#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "app.h"
#include "script.h"

/* ---- who runs it ---- */

static void a_guest_is_not_run_by_itself(void **state)
{
  struct world *world = *state;
  assert_true(casync_loop_is_attached(world->loop));
  assert_int_equal(casync_loop_run(world->loop), CASYNC_EATTACHED);
}

static void a_guest_is_not_stepped(void **state)
{
  struct world *world = *state;
  assert_int_equal(casync_loop_step(world->loop), CASYNC_ESTATE);
  assert_int_equal(casync_loop_fd(world->loop), CASYNC_ESTATE);
}

static void a_guest_needs_a_libev_loop(void **state)
{
  struct casync_loop *loop = NULL;
  (void)state;
  assert_int_equal(casync_loop_open_guest(&loop, NULL, NULL, NULL), -EINVAL);
  assert_null(loop);
}

static void note_running(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, casync_loop_is_running(world->loop) ? "running" : "not");
}

static void a_guest_runs_only_while_its_handles_run(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "handle", note_running, NULL));
  run_app(world);
  app_then(world, 0, "app", note_running, NULL);
  run_app(world);
  assert_trace(world, "handle running app not");
}

static int on_frame(struct casync_loop *loop, int (*run)(struct casync_loop *loop), void *data)
{
  note(data, casync_loop_is_running(loop) ? "begin" : "not");
  int status = run(loop);
  note(data, casync_loop_is_running(loop) ? "end" : "not");
  return status;
}

static void the_host_is_told_when_handles_run(void **state)
{
  struct world *world = *state;
  world->host.frame = on_frame;
  soon(world, callback(world, "a"));
  soon(world, callback(world, "b"));
  run_app(world);
  run_app(world);
  assert_trace(world, "begin a b end");
}

/* ---- what keeps ev_run() ---- */

static void nothing_to_do_does_not_keep_the_application(void **state)
{
  struct world *world = *state;
  run_app(world);
  assert_int_equal(casync_loop_iterations(world->loop), 0);
}

static void what_is_ready_runs_before_the_application_ends(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_soon, callback(world, "b")));
  run_app(world);
  assert_trace(world, "a b");
}

static void a_timer_keeps_the_application(void **state)
{
  struct world *world = *state;
  at(world, in(world, 0.002), callback(world, "timer"));
  run_app(world);
  assert_trace(world, "timer");
}

static void a_timer_made_by_the_last_event_keeps_the_application(void **state)
{
  struct world *world = *state;
  script_start(world, SCRIPT(SLEEP(0.001), SAY("woke"), SLEEP(0.001), SAY("again")));
  run_app(world);
  assert_trace(world, "woke again");
}

static void a_cancelled_timer_does_not_keep_the_application(void **state)
{
  struct world *world = *state;
  struct callback *timer = callback(world, "timer");
  at(world, in(world, 60), timer);
  app_then(world, 0.001, "app", then_cancel_handle, &timer->timer.handle);
  run_app(world);
  assert_trace(world, "app");
}

static void then_put(struct world *world, struct callback *callback_)
{
  (void)world;
  put(*(int *)callback_->data);
}

static void then_unwatch(struct world *world, struct callback *callback_)
{
  casync_loop_unwatch(world->loop, *(int *)callback_->data, CASYNC_READ);
}

static void a_watched_descriptor_keeps_the_application(void **state)
{
  struct world *world = *state;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct callback *reader = callback_then(world, "read", then_unwatch, &ends[0]);
  casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle);
  app_then(world, 0.001, "app", then_put, &ends[1]);
  run_app(world);
  assert_trace(world, "app read");
  close_pipe(world, ends);
}

static void end_real(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "post");
  casync_loop_end_real(loop);
}

static void *post_later(void *data)
{
  struct world *world = data;
  static struct casync_post post = {NULL, end_real};
  usleep(2000);
  casync_loop_post(world->loop, &post);
  return NULL;
}

static void what_is_under_way_elsewhere_keeps_the_application(void **state)
{
  struct world *world = *state;
  pthread_t thread;
  casync_loop_begin_real(world->loop);
  assert_int_equal(pthread_create(&thread, NULL, post_later, world), 0);
  run_app(world);
  pthread_join(thread, NULL);
  assert_trace(world, "post");
}

static void then_queue_b(struct world *world, struct callback *callback_)
{
  soon(world, callback_->data);
}

static void what_the_applications_last_event_queues_runs(void **state)
{
  struct world *world = *state;
  app_then(world, 0.001, "app", then_queue_b, callback(world, "b"));
  run_app(world);
  assert_trace(world, "app b");
}

/* Without the loop, the application's references are what they were. */
static void freeing_leaves_the_applications_loop_as_it_was(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_pipe(world, ends, "read");
  at(world, in(world, 60), callback(world, "timer"));
  soon(world, callback(world, "a"));
  turn_app(world);
  casync_loop_begin_real(world->loop);
  turn_app(world);
  casync_loop_free(world->loop);
  world->loop = NULL;
  run_app(world);
  app(world, 0.001, "app");
  run_app(world);
  assert_trace(world, "a app");
  close_pipe(world, ends);
}

/* ---- order ---- */

static void timers_of_both_fire_in_order(void **state)
{
  struct world *world = *state;
  app(world, 0.002, "app2");
  app(world, 0.006, "app6");
  at(world, in(world, 0.008), callback(world, "our8"));
  at(world, in(world, 0.004), callback(world, "our4"));
  run_app(world);
  assert_trace(world, "app2 our4 app6 our8");
}

static void on_readable(struct ev_loop *ev, ev_io *io, int events)
{
  (void)ev, (void)events;
  note(io->data, "app");
}

static void our_iteration_comes_behind_the_applications_events(void **state)
{
  struct world *world = *state;
  int ours[2], theirs[2];
  ev_io io;
  watch_pipe(world, ours, "read");
  assert_int_equal(pipe(theirs), 0);
  ev_io_init(&io, on_readable, theirs[0], EV_READ);
  io.data = world;
  ev_io_start(world->ev, &io);
  put(ours[1]);
  put(theirs[1]);
  soon(world, callback(world, "ready"));
  turn_app(world);
  ev_io_stop(world->ev, &io);
  assert_trace(world, "app ready read");
  close_pipe(world, theirs);
  close_pipe(world, ours);
}

static void then_run_app(struct world *world, struct callback *callback_)
{
  (void)callback_;
  turn_app(world);
  note(world, "back");
}

static void a_handle_that_runs_the_applications_loop_runs_no_handles(void **state)
{
  struct world *world = *state;
  app(world, 0, "app");
  soon(world, callback_then(world, "a", then_run_app, NULL));
  soon(world, callback(world, "b"));
  turn_app(world);
  assert_trace(world, "app a back b");
}

static void a_busy_guest_leaves_the_application_its_turns(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "", then_soon, NULL);
  busy->data = busy;
  soon(world, busy);
  app_then(world, 0.002, "", then_stop, NULL);
  run_app(world);
  assert_true(world->has_stopped);
}

static void on_app_idle(struct ev_loop *ev, ev_idle *idle, int events)
{
  (void)events;
  note(idle->data, "idle");
  ev_idle_stop(ev, idle);
}

static void the_applications_idle_watchers_run_while_the_guest_is_busy(void **state)
{
  struct world *world = *state;
  ev_idle idle;
  ev_idle_init(&idle, on_app_idle);
  idle.data = world;
  ev_idle_start(world->ev, &idle);
  soon(world, callback(world, "a"));
  run_app(world);
  assert_trace(world, "idle a");
}

static void with_descriptors_a_turn_is_an_iteration(void **state)
{
  struct world *world = *state;
  struct callback *busy = callback_then(world, "busy", then_soon, NULL);
  int ends[2];
  busy->data = busy;
  watch_pipe(world, ends, "read");
  soon(world, busy);
  for (int i = 1; i <= 5; i++) {
    turn_app(world);
    assert_int_equal(casync_loop_iterations(world->loop), i);
  }
  close_pipe(world, ends);
}

/* ---- stopping ---- */

static void stopping_brings_the_guest_to_a_stand(void **state)
{
  struct world *world = *state;
  struct callback *b = callback(world, "b");
  soon(world, callback_then(world, "a", then_soon, b));
  soon(world, callback_then(world, "stop", then_stop, NULL));
  run_app(world);
  assert_trace(world, "a stop");
  assert_true(world->has_stopped);
  assert_int_equal(world->status, 0);
  run_app(world);
  assert_trace(world, "");
}

static void a_guest_goes_on_when_it_is_resumed(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_soon, callback(world, "b")));
  casync_loop_stop(world->loop);
  run_app(world);
  assert_trace(world, "a");
  assert_int_equal(casync_loop_resume(world->loop), 0);
  assert_int_equal(casync_loop_resume(world->loop), 0);
  run_app(world);
  assert_trace(world, "b");
}

static void leaving_keeps_the_rest_for_later(void **state)
{
  struct world *world = *state;
  soon(world, callback_then(world, "a", then_leave, NULL));
  soon(world, callback(world, "b"));
  run_app(world);
  assert_trace(world, "a");
  assert_int_equal(world->status, CASYNC_ELEFT);
  casync_loop_resume(world->loop);
  run_app(world);
  assert_trace(world, "b");
}

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "post");
}

static void a_guest_that_stands_does_nothing_and_wakes_nobody(void **state)
{
  struct world *world = *state;
  struct casync_post post = {NULL, deliver};
  int ends[2];
  casync_loop_stop(world->loop);
  turn_app(world);
  assert_true(world->has_stopped);
  watch_pipe(world, ends, "read");
  put(ends[1]);
  at(world, in(world, -1), callback(world, "timer"));
  soon(world, callback(world, "soon"));
  unsigned before = ev_iteration(world->ev);
  app(world, 0.005, "app");
  run_app(world);
  assert_in_range(ev_iteration(world->ev) - before, 1, 3);
  assert_trace(world, "app");
  casync_loop_post(world->loop, &post);
  casync_loop_resume(world->loop);
  turn_app(world);
  assert_trace(world, "post soon read timer");
  close_pipe(world, ends);
}

static void on_stopped_break(struct casync_loop *loop, int status, void *data)
{
  struct world *world = data;
  (void)loop, (void)status;
  ev_break(world->ev, EVBREAK_ALL);
}

static void the_host_may_end_the_applications_loop_when_the_guest_stops(void **state)
{
  struct world *world = *state;
  world->host.stopped = on_stopped_break;
  app(world, 60, "never");
  soon(world, callback_then(world, "stop", then_stop, NULL));
  run_app(world);
  assert_trace(world, "stop");
}

static void on_stopped_resume(struct casync_loop *loop, int status, void *data)
{
  (void)status;
  note(data, "stopped");
  assert_int_equal(casync_loop_resume(loop), 0);
}

static void the_host_may_resume_at_once(void **state)
{
  struct world *world = *state;
  world->host.stopped = on_stopped_resume;
  soon(world, callback_then(world, "a", then_soon, callback(world, "b")));
  casync_loop_stop(world->loop);
  run_app(world);
  assert_trace(world, "a stopped b");
}

static void on_stopped_free(struct casync_loop *loop, int status, void *data)
{
  struct world *world = data;
  note(world, "%s", casync_strerror(status));
  casync_loop_free(loop);
  world->loop = NULL;
}

static void the_host_may_free_a_guest_that_stopped(void **state)
{
  struct world *world = *state;
  world->host.stopped = on_stopped_free;
  soon(world, callback_then(world, "stop", then_stop, NULL));
  soon(world, callback_then(world, "a", then_soon, callback(world, "b")));
  run_app(world);
  assert_trace(world, "stop a no error");
}

static const struct CMUnitTest tests[] = {
    it_guest(a_guest_is_not_run_by_itself),
    it_guest(a_guest_is_not_stepped),
    it_guest(a_guest_needs_a_libev_loop),
    it_guest(a_guest_runs_only_while_its_handles_run),
    it_guest(the_host_is_told_when_handles_run),
    it_guest(nothing_to_do_does_not_keep_the_application),
    it_guest(what_is_ready_runs_before_the_application_ends),
    it_guest(a_timer_keeps_the_application),
    it_guest(a_timer_made_by_the_last_event_keeps_the_application),
    it_guest(a_cancelled_timer_does_not_keep_the_application),
    it_guest(a_watched_descriptor_keeps_the_application),
    it_guest(what_is_under_way_elsewhere_keeps_the_application),
    it_guest(what_the_applications_last_event_queues_runs),
    it_guest(freeing_leaves_the_applications_loop_as_it_was),
    it_guest(timers_of_both_fire_in_order),
    it_guest(our_iteration_comes_behind_the_applications_events),
    it_guest(a_handle_that_runs_the_applications_loop_runs_no_handles),
    it_guest(a_busy_guest_leaves_the_application_its_turns),
    it_guest(the_applications_idle_watchers_run_while_the_guest_is_busy),
    it_guest(with_descriptors_a_turn_is_an_iteration),
    it_guest(stopping_brings_the_guest_to_a_stand),
    it_guest(a_guest_goes_on_when_it_is_resumed),
    it_guest(leaving_keeps_the_rest_for_later),
    it_guest(a_guest_that_stands_does_nothing_and_wakes_nobody),
    it_guest(the_host_may_end_the_applications_loop_when_the_guest_stops),
    it_guest(the_host_may_resume_at_once),
    it_guest(the_host_may_free_a_guest_that_stopped),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
