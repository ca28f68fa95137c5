/* SPDX-License-Identifier: MIT
 *
 * A loop that owns its libev loop.  libev only reports; timers, order and the clock are ours.
 *
 * While callbacks run, the kernel is asked for I/O at most every POLL_PERIOD: one epoll_wait costs
 * more than a task switch.  A loop with descriptors that the user watches asks at every iteration,
 * as asyncio does.
 */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"
#include "poll/ticks.h"

/* Seconds between two polls that need not wait. */
#define POLL_PERIOD 5e-6

/* What a libev loop opens: epoll or kqueue, and an eventfd or the two ends of a pipe. */
enum { EV_DESCRIPTORS = 3 };

double ca_monotonic(struct casync_loop *loop)
{
  (void)loop;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void on_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
  (void)ev, (void)timer, (void)events; /* it only ends the wait */
}

static void ask(struct casync_loop *loop, struct ca_ev *ev, double timeout)
{
  if (ev->io.changed != NULL) ca_io_drop_closed(loop);
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

/* Whether polls may be left out: not where a descriptor is watched. */
static bool may_skip(const struct ca_ev *ev)
{
  return ev->io.count == 0;
}

/* Whether the last poll is so near that this one can be left out.  What the loop takes for the time
 * is then as old as that poll. */
static bool is_polled(struct casync_loop *loop, struct ca_ev *ev)
{
  if (!may_skip(ev) || ca_wakeup_has_posts(loop)) return false;
  if (ca_ticks_are_few(ev->last_ticks, ev->few_ticks)) return true;
  loop->now = ca_monotonic(loop);
  return loop->now - ev->last_poll < POLL_PERIOD;
}

/* Learns from the last two polls how many ticks fit into a period, with a tenth to spare. */
static void note_poll(struct ca_ev *ev, double now, uint64_t ticks)
{
  double elapsed = now - ev->last_poll;
  double rate = (double)(ticks - ev->last_ticks) / elapsed;
  bool is_plausible = elapsed > 1e-6 && elapsed < 1 && rate > 1e6 && rate < 1e11;
  ev->few_ticks = is_plausible ? (uint64_t)(rate * POLL_PERIOD * 0.9) : 0;
  ev->last_poll = now;
  ev->last_ticks = ticks;
}

int ca_ev_wait(struct casync_loop *loop, double timeout)
{
  struct ca_ev *ev = ca_ev_of(loop);
  if (timeout == 0 && is_polled(loop, ev)) return 0;
  ask(loop, ev, timeout);
  ca_wakeup_deliver(loop);
  ca_io_queue_found(loop);
  if (!may_skip(ev) && loop->timers.count == 0) return 0; /* nobody asks for the time */
  loop->now = ca_monotonic(loop);
  if (may_skip(ev)) note_poll(ev, loop->now, ca_ticks());
  return 0;
}

/* libev aborts the process when the system refuses it a descriptor: see first that there are
 * enough. */
static int check_descriptors(void)
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

int ca_ev_open(struct casync_loop *loop, struct ca_ev *ev)
{
  int status = check_descriptors();
  if (status < 0) return status;
  loop->poll = ev;
  ca_io_init(&ev->io);
  ev->ev = ev_loop_new(EVFLAG_AUTO);
  if (ev->ev == NULL) return CASYNC_EMEMORY;
  ev_timer_init(&ev->deadline, on_deadline, 0, 0);
  status = ca_wakeup_open(loop);
  if (status < 0) ev_loop_destroy(ev->ev);
  return status;
}

void ca_ev_close(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  ca_signals_close(loop);
  ca_io_close(loop);
  ca_wakeup_close(loop);
  ev_loop_destroy(ev->ev);
}

void ca_ev_free(struct casync_loop *loop)
{
  ca_wakeup_free(loop);
  ca_free(loop->poll);
}

static const struct ca_poller owned = {
    ca_monotonic, ca_ev_wait, ca_io_watch, ca_io_unwatch, ca_wakeup_send, ca_ev_close, ca_ev_free,
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
