/* SPDX-License-Identifier: MIT
 *
 * The virtual clock: a poller that asks libev without waiting and, when nothing is ready, jumps to
 * the next timer, however far.  The clock starts at 0.  With no timer either (one at infinity is
 * none) nothing can ever happen, which is an error, unless a descriptor is watched: that may still
 * become ready, in real time.  While something is under way in real time (casync_loop_begin_real())
 * the clock stands still and the loop waits for it.
 */
#include <math.h>

#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

struct virtual
{
  struct ca_ev ev; /* first: io.c and wakeup.c see a struct ca_ev */
  double clock;
};

static struct virtual *virtual_of(const struct casync_loop *loop)
{
  return loop->poll;
}

static double now(struct casync_loop *loop)
{
  return virtual_of(loop)->clock;
}

static void ask_kernel(struct casync_loop *loop, double timeout)
{
  struct virtual *virtual = virtual_of(loop);
  ca_ev_wait(loop, timeout);
  loop->now = virtual->clock;
}

/* Whether a poll found something to run, or somebody to attend to. */
static bool has_found(const struct casync_loop *loop)
{
  return !ca_list_is_empty(&loop->ready.queue) || ca_wants_attention(loop);
}

static int wait_virtually(struct casync_loop *loop, double timeout)
{
  struct virtual *virtual = virtual_of(loop);
  ask_kernel(loop, 0);
  if (timeout == 0 || has_found(loop)) return 0;
  if (loop->real > 0) {
    ask_kernel(loop, -1);
    return 0;
  }
  if (timeout > 0 && ca_timers_next(loop) < HUGE_VAL) {
    loop->now = virtual->clock = ca_timers_next(loop);
    return 0;
  }
  if (virtual->ev.poll.io.count == 0) return CASYNC_EDEADLOCK;
  ask_kernel(loop, -1);
  return 0;
}

static const struct ca_poller poller = {
    .now = now,
    .wait = wait_virtually,
    .watch = ca_io_watch,
    .unwatch = ca_io_unwatch,
    .wake = ca_ev_wake,
    .close = ca_ev_close,
    .free = ca_ev_free,
};

int ca_virtual_open(struct casync_loop *loop)
{
  struct virtual *virtual = ca_alloc_zero(sizeof *virtual);
  if (virtual == NULL) return CASYNC_EMEMORY;
  loop->poller = &poller;
  int status = ca_ev_open(loop, &virtual->ev);
  if (status < 0) ca_free(virtual);
  return status;
}
