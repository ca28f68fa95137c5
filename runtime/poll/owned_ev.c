/* SPDX-License-Identifier: MIT
 *
 * A loop that owns its libev loop, and what every loop on libev shares: how descriptors are watched
 * and waits ended.  libev only reports; timers, order and the clock are ours.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

/* What a libev loop may open: epoll or kqueue, and an eventfd or the two ends of a pipe. */
enum { EV_DESCRIPTORS = 3 };

#ifdef __linux__
#define USUAL_FLAGS (EVFLAG_NOENV | EVBACKEND_EPOLL)
#else
#define USUAL_FLAGS EVFLAG_NOENV
#endif

struct ca_ev_watched {
  struct ca_watched watched;
  ev_io io;
  struct ca_ev_watched *next_changed; /* list of those that libev has not been asked about yet */
  bool is_changed;
};

double ca_monotonic(struct casync_loop *loop)
{
  (void)loop;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- descriptors ---- */

static void on_event(struct ev_loop *ev, ev_io *io, int events)
{
  struct ca_ev_watched *watched = ca_container_of(io, struct ca_ev_watched, io);
  unsigned ready = CA_WANT_NOTHING;
  (void)ev;
  if (events & (EV_WRITE | EV_ERROR)) ready |= CA_WANT_WRITE;
  if (events & (EV_READ | EV_ERROR)) ready |= CA_WANT_READ;
  ca_io_found(&watched->watched, ready);
}

/* libev aborts the process when it meets a descriptor that was closed under it: those that have
 * changed since the last poll are looked at before the next.  A closed one is stopped; its entry
 * stays until it is removed, as in asyncio. */
void ca_ev_drop_closed(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  struct ca_ev_watched *watched;
  while ((watched = ev->changed) != NULL) {
    ev->changed = watched->next_changed;
    watched->is_changed = false;
    if (fcntl(watched->io.fd, F_GETFD) < 0) ev_io_stop(ev->ev, &watched->io);
  }
}

static void note_change(struct ca_ev *ev, struct ca_ev_watched *watched)
{
  if (watched->is_changed) return;
  watched->is_changed = true;
  watched->next_changed = ev->changed;
  ev->changed = watched;
}

static void forget_change(struct ca_ev *ev, struct ca_ev_watched *watched)
{
  struct ca_ev_watched **link = &ev->changed;
  if (!watched->is_changed) return;
  while (*link != watched) link = &(*link)->next_changed;
  *link = watched->next_changed;
  watched->is_changed = false;
}

static int set(struct casync_loop *loop, struct ca_watched *base, unsigned wanted)
{
  struct ca_ev *ev = ca_ev_of(loop);
  struct ca_ev_watched *watched = ca_container_of(base, struct ca_ev_watched, watched);
  int events = (wanted & CA_WANT_READ ? EV_READ : 0) | (wanted & CA_WANT_WRITE ? EV_WRITE : 0);
  if (ev_cb(&watched->io) == NULL) ev_init(&watched->io, on_event);
  ev_io_stop(ev->ev, &watched->io);
  if (events == 0 || ev->is_standing) {
    forget_change(ev, watched);
    return 0;
  }
  ev_io_set(&watched->io, base->fd, events);
  ev_io_start(ev->ev, &watched->io);
  note_change(ev, watched);
  return 0;
}

/* ---- what the host attends to ---- */

static void on_attended(struct ev_loop *ev, ev_io *io, int events)
{
  (void)ev, (void)events;
  casync_loop_attend(io->data);
}

static int attend_on(struct casync_loop *loop, int fd)
{
  struct ca_ev *ev = ca_ev_of(loop);
  int status = fd < 0 ? 0 : ca_check_pollable(fd);
  if (status < 0) return status;
  ev_io_stop(ev->ev, &ev->attended);
  ev_io_set(&ev->attended, fd, EV_READ);
  if (fd >= 0) ev_io_start(ev->ev, &ev->attended);
  return 0;
}

/* ---- waiting ---- */

static void on_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
  (void)ev, (void)timer, (void)events; /* it only ends the wait */
}

static void on_wake(struct ev_loop *ev, ev_async *async, int events)
{
  (void)ev, (void)async, (void)events; /* so does this */
}

void ca_ev_wake(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  ev_async_send(ev->ev, &ev->async);
}

static void ask(struct casync_loop *loop, struct ca_ev *ev, double timeout)
{
  if (ev->changed != NULL) ca_ev_drop_closed(loop);
  if (timeout == 0) {
    ev_run(ev->ev, EVRUN_NOWAIT);
    return;
  }
  if (timeout < 0) {
    ev_run(ev->ev, EVRUN_ONCE);
    return;
  }
  ev_now_update(ev->ev);
  ev_timer_set(&ev->deadline, timeout, 0);
  ev_timer_start(ev->ev, &ev->deadline);
  ev_run(ev->ev, EVRUN_ONCE);
  ev_timer_stop(ev->ev, &ev->deadline);
}

int ca_ev_wait(struct casync_loop *loop, double timeout)
{
  if (timeout == 0 && ca_is_polled(loop)) return 0;
  if (ca_unlikely(loop->attend_at > 0)) timeout = ca_loop_timeout_to_attend(loop, timeout);
  ask(loop, ca_ev_of(loop), timeout);
  ca_io_collect(loop);
  return 0;
}

/* Whether a wait without end would be one.  The inbox is looked at last: what other threads had
 * under way is in it by then. */
static bool is_stuck(struct casync_loop *loop)
{
  const struct casync_loop_host *host = loop->host;
  if (ca_poll_of(loop)->io.count > 0 || loop->real > 0) return false;
  if (host == NULL || host->can_wake == NULL || host->can_wake(loop, loop->data)) return false;
  return !ca_wakeup_has_posts(loop) && !ca_wants_attention(loop);
}

static int wait_for_events(struct casync_loop *loop, double timeout)
{
  if (timeout < 0 && is_stuck(loop)) return CASYNC_EDEADLOCK;
  return ca_ev_wait(loop, timeout);
}

/* ---- life ---- */

/* libev aborts the process when the system refuses it a descriptor: see first that there are
 * enough. */
int ca_ev_check_descriptors(void)
{
  int fds[EV_DESCRIPTORS], count = 0, status = 0;
  while (status == 0 && count < EV_DESCRIPTORS) {
    fds[count] = open("/", O_RDONLY | O_CLOEXEC);
    if (fds[count] < 0)
      status = -errno;
    else
      count++;
  }
  while (count > 0) close(fds[--count]);
  return status;
}

static const struct ca_io_type io_type = {sizeof(struct ca_ev_watched), set};

int ca_ev_link(struct casync_loop *loop, struct ev_loop *ev_loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  ev->ev = ev_loop;
  ca_io_init(&ev->poll.io, &io_type);
  ev_timer_init(&ev->deadline, on_deadline, 0, 0);
  ev_async_init(&ev->async, on_wake);
  ev_io_init(&ev->attended, on_attended, -1, EV_READ);
  ev->attended.data = loop;
  ev_async_start(ev_loop, &ev->async);
  int status = ca_wakeup_open(loop);
  if (status < 0) ev_async_stop(ev_loop, &ev->async);
  return status;
}

void ca_ev_unlink(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  ca_signals_close(loop);
  ca_io_close(loop);
  ca_wakeup_close(loop);
  ev_io_stop(ev->ev, &ev->attended);
  ev_async_stop(ev->ev, &ev->async);
  ev_timer_stop(ev->ev, &ev->deadline);
}

/* Left to itself libev asks the system who runs the process, because of the environment variable
 * that chooses a backend, and which kernel it is. */
static struct ev_loop *new_ev_loop(void)
{
  struct ev_loop *ev_loop = NULL;
  if (getenv("LIBEV_FLAGS") == NULL) ev_loop = ev_loop_new(USUAL_FLAGS);
  return ev_loop != NULL ? ev_loop : ev_loop_new(EVFLAG_AUTO);
}

int ca_ev_open(struct casync_loop *loop, struct ca_ev *ev)
{
  int status = ca_ev_check_descriptors();
  if (status < 0) return status;
  struct ev_loop *ev_loop = new_ev_loop();
  if (ev_loop == NULL) return CASYNC_EMEMORY;
  loop->poll = ev;
  status = ca_ev_link(loop, ev_loop);
  if (status < 0) ev_loop_destroy(ev_loop);
  return status;
}

void ca_ev_close(struct casync_loop *loop)
{
  ca_ev_unlink(loop);
  ev_loop_destroy(ca_ev_of(loop)->ev);
}

void ca_ev_free(struct casync_loop *loop)
{
  ca_wakeup_free(loop);
  ca_free(loop->poll);
}

static const struct ca_poller owned = {
    .now = ca_monotonic,
    .wait = wait_for_events,
    .watch = ca_io_watch,
    .unwatch = ca_io_unwatch,
    .attend_on = attend_on,
    .wake = ca_ev_wake,
    .close = ca_ev_close,
    .free = ca_ev_free,
};

int ca_owned_open(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_alloc_zero(sizeof *ev);
  if (ev == NULL) return CASYNC_EMEMORY;
  loop->poller = &owned;
  int status = ca_ev_open(loop, ev);
  if (status < 0) ca_free(ev);
  return status;
}
