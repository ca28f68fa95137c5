/* SPDX-License-Identifier: MIT
 *
 * A guest: a loop that lives in the libev loop of an application, and touches nothing there but its
 * own watchers.
 *
 *   prepare   (last of all) decides whether libev may sleep and until when: `idle` runs while
 *             something is ready, `deadline` until the next timer
 *   check     (last of all, so behind the application's events and our own descriptors) runs the
 *             iteration, if there is anything to do
 *   async     posts, wakes and signals
 *   attended  what the host of the loop attends to
 *   cleanup   the application destroys its loop: so does it ours
 *
 * ev_run() counts the active watchers.  Of ours, those count that stand for something to come
 * (`idle`, `deadline`, descriptors); the others are unref'd.  What is queued behind a prepare, and
 * what is under way in real time, is counted by `is_held`.
 */
#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

struct guest {
  struct ca_ev ev; /* first: io.c, wakeup.c and owned_ev.c see a struct ca_ev */
  struct casync_loop *loop;
  ev_prepare prepare;
  ev_check check;
  ev_idle idle;
  ev_cleanup cleanup;
  double armed; /* the timer that `deadline` stands for, while it is active */
  bool is_held; /* one reference to the application's loop is ours */
};

static struct guest *guest_of(const struct casync_loop *loop)
{
  return loop->poll;
}

static bool has_found(struct casync_loop *loop)
{
  return !ca_list_is_empty(&ca_poll_of(loop)->io.found) || ca_wakeup_has_posts(loop);
}

/* Whether there is, or will be, something to run, besides what descriptors bring. */
static bool is_wanted(struct casync_loop *loop)
{
  return !ca_list_is_empty(&loop->ready.queue) || loop->timers.count > 0 || loop->real > 0 ||
         loop->stopping || ca_wants_attention(loop) || has_found(loop);
}

/* ---- what libev is told ---- */

/* Keeps ev_run() from returning, or no longer. */
static void hold(struct guest *guest, bool is_held)
{
  if (guest->is_held == is_held) return;
  guest->is_held = is_held;
  if (is_held)
    ev_ref(guest->ev.ev);
  else
    ev_unref(guest->ev.ev);
}

/* Keeps the coming poll from sleeping, or no longer. */
static void hurry(struct guest *guest, bool is_ready)
{
  if (is_ready && !ev_is_active(&guest->idle)) ev_idle_start(guest->ev.ev, &guest->idle);
  if (!is_ready) ev_idle_stop(guest->ev.ev, &guest->idle);
}

/* Ends the coming poll after `timeout` seconds, if that is not negative. */
static void arm(struct guest *guest, double timeout)
{
  struct ev_loop *ev = guest->ev.ev;
  ev_timer *deadline = &guest->ev.deadline;
  double when = timeout < 0 ? 0 : ca_timers_next(guest->loop);
  if (timeout >= 0 && ev_is_active(deadline) && guest->armed == when) return;
  ev_timer_stop(ev, deadline);
  if (timeout < 0) return;
  guest->armed = when;
  ev_now_update(ev); /* as libev itself does between prepare and poll */
  ev_timer_set(deadline, timeout, 0);
  ev_timer_start(ev, deadline);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events)
{
  struct guest *guest = ca_container_of(prepare, struct guest, prepare);
  struct casync_loop *loop = guest->loop;
  (void)ev, (void)events;
  if (guest->ev.changed != NULL) ca_ev_drop_closed(loop);
  /* One of our handles runs the application's loop: ours stands still meanwhile. */
  bool is_running = loop->state == CA_LOOP_RUNNING;
  double timeout = is_running ? -1 : ca_loop_timeout(loop);
  bool is_ready = !is_running && (timeout == 0 || has_found(loop));
  hurry(guest, is_ready);
  if (!is_ready) arm(guest, timeout);
  hold(guest, loop->real > 0);
}

/* ---- what the host attends to, uncounted ---- */

static void start_attended(struct guest *guest)
{
  ev_io *attended = &guest->ev.attended;
  if (attended->fd < 0 || guest->ev.is_standing) return;
  ev_io_start(guest->ev.ev, attended);
  ev_unref(guest->ev.ev);
}

static void stop_attended(struct guest *guest)
{
  ev_io *attended = &guest->ev.attended;
  if (!ev_is_active(attended)) return;
  ev_ref(guest->ev.ev);
  ev_io_stop(guest->ev.ev, attended);
}

static int attend_on(struct casync_loop *loop, int fd)
{
  struct guest *guest = guest_of(loop);
  int status = fd < 0 ? 0 : ca_check_pollable(fd);
  if (status < 0) return status;
  stop_attended(guest);
  ev_io_set(&guest->ev.attended, fd, EV_READ);
  start_attended(guest);
  return 0;
}

/* ---- standing and going ---- */

static void start(struct guest *guest)
{
  struct ev_loop *ev = guest->ev.ev;
  guest->ev.is_standing = false;
  ev_prepare_start(ev, &guest->prepare);
  ev_unref(ev);
  ev_check_start(ev, &guest->check);
  ev_unref(ev);
  ca_io_set_all(guest->loop);
  start_attended(guest);
  hold(guest, is_wanted(guest->loop));
}

static void stand(struct guest *guest)
{
  struct ev_loop *ev = guest->ev.ev;
  guest->ev.is_standing = true;
  ca_io_set_all(guest->loop);
  stop_attended(guest);
  hold(guest, false);
  hurry(guest, false);
  arm(guest, -1);
  ev_ref(ev);
  ev_check_stop(ev, &guest->check);
  ev_ref(ev);
  ev_prepare_stop(ev, &guest->prepare);
}

static void resume(struct casync_loop *loop)
{
  struct guest *guest = guest_of(loop);
  if (guest->ev.is_standing) start(guest);
}

/* The last thing that a watcher does: the host may free the loop. */
static void tell(struct casync_loop *loop, int status)
{
  if (loop->host != NULL && loop->host->stopped != NULL)
    loop->host->stopped(loop, status, loop->data);
}

/* ---- the iteration ---- */

static void on_check(struct ev_loop *ev, ev_check *check, int events)
{
  struct guest *guest = ca_container_of(check, struct guest, check);
  struct casync_loop *loop = guest->loop;
  int status = 0;
  (void)ev, (void)events;
  if (loop->state == CA_LOOP_RUNNING) return;
  if (has_found(loop) || ca_loop_timeout(loop) == 0) status = ca_loop_step(loop);
  if (status == 0) {
    hold(guest, is_wanted(loop));
    return;
  }
  stand(guest);
  tell(loop, status == CA_STOPPED ? 0 : status);
}

static void on_idle(struct ev_loop *ev, ev_idle *idle, int events)
{
  (void)ev, (void)idle, (void)events; /* that it is active keeps libev from sleeping */
}

static void on_cleanup(struct ev_loop *ev, ev_cleanup *cleanup, int events)
{
  struct guest *guest = ca_container_of(cleanup, struct guest, cleanup);
  struct casync_loop *loop = guest->loop;
  (void)ev, (void)events;
  if (casync_loop_close(loop) == 0) tell(loop, CASYNC_ECLOSED);
}

/* libev has polled: what it found and what was posted is queued. */
static int collect(struct casync_loop *loop, double timeout)
{
  (void)timeout;
  ca_io_collect(loop);
  return 0;
}

/* ---- life ---- */

static void close_guest(struct casync_loop *loop)
{
  struct guest *guest = guest_of(loop);
  struct ev_loop *ev = guest->ev.ev;
  if (!guest->ev.is_standing) stand(guest);
  ev_cleanup_stop(ev, &guest->cleanup);
  ev_ref(ev); /* that of `async` */
  ca_ev_unlink(loop);
}

static const struct ca_drive drive = {.is_polled = ca_is_polled, .resume = resume};

static const struct ca_poller poller = {
    .now = ca_monotonic,
    .wait = collect,
    .watch = ca_io_watch,
    .unwatch = ca_io_unwatch,
    .attend_on = attend_on,
    .wake = ca_ev_wake,
    .close = close_guest,
    .free = ca_ev_free,
    .drive = &drive,
};

static void init_watchers(struct guest *guest)
{
  ev_prepare_init(&guest->prepare, on_prepare);
  ev_check_init(&guest->check, on_check);
  ev_idle_init(&guest->idle, on_idle);
  ev_cleanup_init(&guest->cleanup, on_cleanup);
  ev_set_priority(&guest->prepare, EV_MINPRI);
  ev_set_priority(&guest->check, EV_MINPRI);
  ev_set_priority(&guest->idle, EV_MINPRI); /* the application's own idle watchers come first */
}

int ca_guest_open(struct casync_loop *loop, struct ev_loop *ev)
{
  int status = ca_ev_check_descriptors();
  if (status < 0) return status;
  struct guest *guest = ca_alloc_zero(sizeof *guest);
  if (guest == NULL) return CASYNC_EMEMORY;
  guest->loop = loop;
  init_watchers(guest);
  loop->poll = guest;
  loop->poller = &poller;
  status = ca_ev_link(loop, ev);
  if (status < 0) {
    ca_free(guest);
    return status;
  }
  ev_unref(ev); /* `async` */
  ev_cleanup_start(ev, &guest->cleanup);
  start(guest);
  return 0;
}
