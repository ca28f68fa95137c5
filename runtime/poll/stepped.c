/* SPDX-License-Identifier: MIT
 *
 * A stepped loop: a poller of our own, with one descriptor that a foreign loop polls.  (libev shows
 * none.)  The descriptor is a queue of the kernel's with all watched descriptors and the wake-up in
 * it; it is readable while one of them is ready, however often it was asked, and a step collects
 * all of them.  Timers are the foreign loop's business: casync_loop_timeout().
 */
#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

static int collect(struct casync_loop *loop, double timeout)
{
  (void)timeout; /* the foreign loop has waited */
  int status = ca_queue_ask(loop);
  ca_io_collect(loop);
  return status;
}

static int fd(const struct casync_loop *loop)
{
  return ca_stepped_of(loop)->fd;
}

static void close_stepped(struct casync_loop *loop)
{
  ca_signals_close(loop);
  ca_io_close(loop);
  ca_wakeup_close(loop);
  ca_queue_close(ca_stepped_of(loop));
}

static void free_stepped(struct casync_loop *loop)
{
  ca_wakeup_free(loop);
  ca_free(loop->poll);
}

static const struct ca_drive drive = {.is_polled = ca_is_polled, .fd = fd};

static const struct ca_poller poller = {
    .now = ca_monotonic,
    .wait = collect,
    .watch = ca_io_watch,
    .unwatch = ca_io_unwatch,
    .attend_on = ca_queue_attend_on,
    .wake = ca_queue_wake,
    .close = close_stepped,
    .free = free_stepped,
    .drive = &drive,
};

int ca_stepped_open(struct casync_loop *loop)
{
  struct ca_stepped *stepped = ca_alloc_zero(sizeof *stepped);
  if (stepped == NULL) return CASYNC_EMEMORY;
  loop->poll = stepped;
  loop->poller = &poller;
  ca_io_init(&stepped->poll.io, &ca_queue_io);
  int status = ca_queue_open(stepped);
  if (status < 0) goto free_poller;
  status = ca_wakeup_open(loop);
  if (status == 0) return 0;
  ca_queue_close(stepped);
free_poller:
  ca_free(stepped);
  return status;
}
