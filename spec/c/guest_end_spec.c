/* SPDX-License-Identifier: MIT
 *
 * runtime/poll/guest_ev.c: how a guest ends, several of them, what it costs, failures.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app.h"
#include "base/alloc.h"

static void deliver(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  note(world_of(loop), "post");
}

static void on_stopped_free(struct casync_loop *loop, int status, void *data)
{
  struct world *world = data;
  note(world, "%s", casync_strerror(status));
  casync_loop_free(loop);
  world->loop = NULL;
}

/* ---- the end ---- */

static void then_close(struct world *world, struct callback *callback_)
{
  (void)callback_;
  note(world, "%d", casync_loop_close(world->loop));
}

static void a_handle_cannot_close_its_guest(void **state)
{
  struct world *world = *state;
  char expected[32];
  soon(world, callback_then(world, "a", then_close, NULL));
  run_app(world);
  snprintf(expected, sizeof expected, "a %d", CASYNC_ERUNNING);
  assert_trace(world, expected);
}

static void the_application_may_close_the_guest_in_an_event(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_pipe(world, ends, "read");
  soon(world, callback(world, "a"));
  put(ends[1]);
  app_then(world, 0, "app", then_close, NULL);
  run_app(world);
  assert_trace(world, "app 0");
  assert_int_equal(casync_loop_resume(world->loop), CASYNC_ECLOSED);
  close_pipe(world, ends);
}

/* A check of the application's: libev calls it behind our descriptors, in front of our iteration.
 */
static void on_low_check(struct ev_loop *ev, ev_check *check, int events)
{
  struct event *event = check->data;
  (void)ev, (void)events;
  note(event->world, "app");
  event->then(event->world, &event->callback);
}

/* One turn with an event of the application's between what was found and our iteration. */
static void turn_with(struct world *world, void (*then)(struct world *, struct callback *),
                      void *data)
{
  struct event event = {.world = world, .then = then, .callback = {.data = data}};
  ev_check check;
  ev_check_init(&check, on_low_check);
  ev_set_priority(&check, -1);
  check.data = &event;
  ev_check_start(world->ev, &check);
  turn_app(world);
  ev_check_stop(world->ev, &check);
}

static void closing_between_finding_and_running_drops_what_was_found(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_pipe(world, ends, "read");
  put(ends[1]);
  turn_with(world, then_close, NULL);
  assert_trace(world, "app 0");
  close_pipe(world, ends);
}

static void then_unwatch_queued(struct world *world, struct callback *callback_)
{
  const int *fd = callback_->data;
  struct casync_handle *handle = casync_loop_unwatch(world->loop, *fd, CASYNC_READ);
  note(world, handle->flags & CASYNC_HANDLE_QUEUED ? "queued" : "not");
}

static void unwatching_between_finding_and_running_finds_the_handle_queued(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_pipe(world, ends, "read");
  put(ends[1]);
  turn_with(world, then_unwatch_queued, &ends[0]);
  assert_trace(world, "app queued read");
  close_pipe(world, ends);
}

static void destroying_the_applications_loop_closes_the_guest(void **state)
{
  struct world *world = *state;
  struct casync_post post = {NULL, deliver};
  int ends[2];
  watch_pipe(world, ends, "read");
  soon(world, callback(world, "a"));
  at(world, in(world, 60), callback(world, "timer"));
  ev_loop_destroy(world->ev);
  world->ev = NULL;
  assert_true(casync_loop_is_closed(world->loop));
  assert_true(world->has_stopped);
  assert_int_equal(world->status, CASYNC_ECLOSED);
  assert_int_equal(casync_loop_post(world->loop, &post), CASYNC_ECLOSED);
  casync_loop_wake(world->loop);
  assert_int_equal(casync_loop_close(world->loop), 0);
  close_pipe(world, ends);
}

static void a_guest_that_stands_is_closed_with_the_applications_loop(void **state)
{
  struct world *world = *state;
  casync_loop_stop(world->loop);
  turn_app(world);
  ev_loop_destroy(world->ev);
  world->ev = NULL;
  assert_true(casync_loop_is_closed(world->loop));
}

static void the_host_may_free_the_guest_while_its_loop_is_destroyed(void **state)
{
  struct world *world = *state;
  world->host.stopped = on_stopped_free;
  ev_loop_destroy(world->ev);
  world->ev = NULL;
  assert_null(world->loop);
  assert_trace(world, casync_strerror(CASYNC_ECLOSED));
}

/* ---- several ---- */

static void queue_on(struct casync_loop *loop, struct callback *callback_)
{
  casync_loop_call_soon(loop, &callback_->timer.handle);
}

static void two_guests_share_a_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = drive_add_guest(world);
  soon(world, callback(world, "a"));
  queue_on(other, callback(world, "b"));
  run_app(world);
  assert_non_null(strchr(world->trace, 'a'));
  assert_non_null(strchr(take_trace(world), 'b'));
  queue_on(other, callback(world, "b"));
  casync_loop_free(world->loop);
  world->loop = NULL;
  run_app(world);
  assert_trace(world, "b");
  casync_loop_free(other);
}

static void both_guests_are_closed_with_their_loop(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = drive_add_guest(world);
  ev_loop_destroy(world->ev);
  world->ev = NULL;
  assert_true(casync_loop_is_closed(world->loop));
  assert_true(casync_loop_is_closed(other));
  casync_loop_free(other);
}

static void then_free_other(struct world *world, struct callback *callback_)
{
  (void)world;
  casync_loop_free(callback_->data);
}

static void a_handle_of_one_guest_may_free_another(void **state)
{
  struct world *world = *state;
  struct casync_loop *other = drive_add_guest(world);
  soon(world, callback_then(world, "free", then_free_other, other));
  run_app(world);
  assert_trace(world, "free");
}

static void on_steppable(struct ev_loop *ev, ev_io *io, int events)
{
  (void)ev, (void)events;
  assert_int_equal(casync_loop_step(io->data), 0);
}

static void a_guest_and_a_stepped_loop_share_a_thread(void **state)
{
  struct world *world = *state;
  struct casync_loop *stepped = world_add_loop(world, CASYNC_LOOP_STEPPED);
  ev_io io;
  ev_io_init(&io, on_steppable, casync_loop_fd(stepped), EV_READ);
  io.data = stepped;
  ev_io_start(world->ev, &io);
  queue_on(stepped, callback(world, "stepped"));
  casync_loop_wake(stepped);
  soon(world, callback(world, "guest"));
  turn_app(world);
  turn_app(world);
  ev_io_stop(world->ev, &io);
  assert_trace(world, "stepped guest");
  casync_loop_free(stepped);
}

/* ---- costs ---- */

static void an_idle_guest_wakes_nobody(void **state)
{
  struct world *world = *state;
  int ends[2];
  watch_pipe(world, ends, "read");
  at(world, in(world, 60), callback(world, "never"));
  unsigned before = ev_iteration(world->ev);
  app_then(world, 0.02, "app", then_stop, NULL);
  run_app(world);
  assert_in_range(ev_iteration(world->ev) - before, 1, 3);
  assert_int_equal(casync_loop_iterations(world->loop), 1); /* that of the stop */
  assert_trace(world, "app");
  close_pipe(world, ends);
}

static void a_timer_wakes_the_application_once(void **state)
{
  struct world *world = *state;
  unsigned before = ev_iteration(world->ev);
  at(world, in(world, 0.01), callback(world, "timer"));
  run_app(world);
  assert_trace(world, "timer");
  assert_in_range(ev_iteration(world->ev) - before, 1, 4);
}

static void note_early(struct world *world, struct callback *callback_)
{
  const double *deadline = callback_->data;
  if (casync_loop_time(world->loop) + CA_CLOCK_RESOLUTION < *deadline) note(world, "early");
}

static void a_timer_is_never_early(void **state)
{
  struct world *world = *state;
  for (int i = 0; i < 20; i++) {
    double deadline = in(world, i * 1e-4);
    at(world, deadline, callback_then(world, "timer", note_early, &deadline));
    run_app(world);
    assert_trace(world, "timer");
  }
}

static void an_earlier_timer_shortens_the_wait(void **state)
{
  struct world *world = *state;
  struct callback *late = callback(world, "late");
  at(world, in(world, 60), late);
  turn_app(world);
  at(world, in(world, 0.002),
     callback_then(world, "early", then_cancel_handle, &late->timer.handle));
  run_app(world);
  assert_trace(world, "early");
}

/* ---- threads ---- */

enum { THREADS = 4, POSTS = 200 };

struct sender {
  pthread_t id;
  struct world *world;
  struct casync_post posts[POSTS];
};

static void count_post(struct casync_loop *loop, struct casync_post *post)
{
  (void)post;
  casync_loop_end_real(loop);
}

static void *send_posts(void *data)
{
  struct sender *sender = data;
  for (int i = 0; i < POSTS; i++) {
    sender->posts[i].deliver = count_post;
    casync_loop_post(sender->world->loop, &sender->posts[i]);
  }
  return NULL;
}

static void posts_of_threads_reach_the_guest(void **state)
{
  struct world *world = *state;
  struct sender *senders = keep(world, THREADS * sizeof *senders);
  for (int i = 0; i < THREADS * POSTS; i++) casync_loop_begin_real(world->loop);
  for (int t = 0; t < THREADS; t++) {
    senders[t].world = world;
    assert_int_equal(pthread_create(&senders[t].id, NULL, send_posts, &senders[t]), 0);
  }
  run_app(world); /* returns when all have come */
  for (int t = 0; t < THREADS; t++) pthread_join(senders[t].id, NULL);
  assert_int_equal(world->loop->real, 0);
}

/* ---- failures ---- */

static void opening_without_memory_leaves_the_applications_loop_as_it_was(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = NULL;
  for (int n = 1; n <= 2; n++) {
    ca_alloc_fail_at(n);
    assert_int_equal(casync_loop_open_guest(&loop, world->ev, NULL, NULL), CASYNC_EMEMORY);
    ca_alloc_fail_at(0);
    assert_null(loop);
  }
  app(world, 0.001, "app");
  run_app(world);
  assert_trace(world, "app");
}

static void opening_without_descriptors_is_refused(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = NULL;
  struct rlimit limit, none;
  int lowest = dup(STDIN_FILENO);
  close(lowest);
  getrlimit(RLIMIT_NOFILE, &limit);
  none = limit;
  none.rlim_cur = (rlim_t)lowest;
  setrlimit(RLIMIT_NOFILE, &none);
  int status = casync_loop_open_guest(&loop, world->ev, NULL, NULL);
  setrlimit(RLIMIT_NOFILE, &limit);
  assert_int_equal(status, -EMFILE);
}

static void a_guest_without_a_host_table_stops_silently(void **state)
{
  struct world *world = *state;
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open_guest(&loop, world->ev, NULL, world), 0);
  queue_on(loop, callback(world, "a"));
  casync_loop_stop(loop);
  run_app(world);
  assert_trace(world, "a");
  casync_loop_free(loop);
}

static const struct CMUnitTest tests[] = {
    it_guest(a_handle_cannot_close_its_guest),
    it_guest(the_application_may_close_the_guest_in_an_event),
    it_guest(closing_between_finding_and_running_drops_what_was_found),
    it_guest(unwatching_between_finding_and_running_finds_the_handle_queued),
    it_guest(destroying_the_applications_loop_closes_the_guest),
    it_guest(a_guest_that_stands_is_closed_with_the_applications_loop),
    it_guest(the_host_may_free_the_guest_while_its_loop_is_destroyed),
    it_guest(two_guests_share_a_loop),
    it_guest(both_guests_are_closed_with_their_loop),
    it_guest(a_handle_of_one_guest_may_free_another),
    it_guest(a_guest_and_a_stepped_loop_share_a_thread),
    it_guest(an_idle_guest_wakes_nobody),
    it_guest(a_timer_wakes_the_application_once),
    it_guest(a_timer_is_never_early),
    it_guest(an_earlier_timer_shortens_the_wait),
    it_guest(posts_of_threads_reach_the_guest),
    it_guest(opening_without_memory_leaves_the_applications_loop_as_it_was),
    it_guest(opening_without_descriptors_is_refused),
    it_guest(a_guest_without_a_host_table_stops_silently),
};

int main(void)
{
  return cmocka_run_group_tests(tests, NULL, NULL);
}
