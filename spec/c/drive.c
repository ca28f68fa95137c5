/* SPDX-License-Identifier: MIT
 *
 * The application around an attached loop; see drive.h.
 */
#include "drive.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "poll/poll.h"

/* Milliseconds after which a wait counts as one without end. */
enum { PATIENCE = 20000 };

/* ---- a virtual clock for attached loops ---- */

static double virtual_now(struct casync_loop *loop)
{
  return world_of(loop)->clock;
}

static int virtual_wait(struct casync_loop *loop, double timeout)
{
  struct world *world = world_of(loop);
  int status = world->real_poller->wait(loop, timeout);
  loop->now = world->clock;
  return status;
}

/* Each iteration is the application's: what tells that the last poll was near is the real clock. */
static bool never_polled(struct casync_loop *loop)
{
  (void)loop;
  return false;
}

static void make_virtual(struct world *world, struct casync_loop *loop)
{
  world->real_poller = loop->poller;
  world->drive = *loop->poller->drive;
  world->drive.is_polled = never_polled;
  world->poller = *loop->poller;
  world->poller.now = virtual_now;
  world->poller.wait = virtual_wait;
  world->poller.drive = &world->drive;
  loop->poller = &world->poller;
  loop->now = 0;
  world->is_virtual = true;
}

/* ---- opening ---- */

static bool is_wanted(const char *kind)
{
  const char *wanted = getenv("CASYNC_SPEC_LOOP");
  return wanted != NULL && strcmp(wanted, kind) == 0;
}

static void on_stopped(struct casync_loop *loop, int status, void *data)
{
  struct world *world = data;
  assert_ptr_equal(world_of(loop), world);
  assert_false(casync_loop_is_running(loop));
  world->has_stopped = true;
  world->status = status;
}

struct casync_loop *drive_add_guest(struct world *world)
{
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open_guest(&loop, world->ev, &world->host, world), 0);
  return loop;
}

static struct casync_loop *open_guest(struct world *world)
{
  world->ev = ev_loop_new(EVFLAG_AUTO);
  world->host.stopped = on_stopped;
  return drive_add_guest(world);
}

static struct casync_loop *open_kind(struct world *world, enum casync_loop_kind kind)
{
  struct casync_loop *loop = NULL;
  assert_int_equal(casync_loop_open(&loop, kind, &world->host, world), 0);
  return loop;
}

struct casync_loop *drive_open(struct world *world, enum casync_loop_kind kind,
                               const struct casync_loop_host *host)
{
  struct casync_loop *loop;
  world->host = *host;
  if (is_wanted("guest"))
    loop = open_guest(world);
  else if (is_wanted("stepped"))
    loop = open_kind(world, CASYNC_LOOP_STEPPED);
  else
    return open_kind(world, kind);
  if (kind == CASYNC_LOOP_VIRTUAL) make_virtual(world, loop);
  return loop;
}

struct world *drive_new_guest(void)
{
  struct world *world = calloc(1, sizeof *world);
  world->loop = open_guest(world);
  return world;
}

struct world *drive_new_stepped(void)
{
  struct world *world = calloc(1, sizeof *world);
  world->loop = open_kind(world, CASYNC_LOOP_STEPPED);
  return world;
}

int world_open_guest(void **state)
{
  return world_open_made(state, drive_new_guest);
}

int world_open_stepped(void **state)
{
  return world_open_made(state, drive_new_stepped);
}

void drive_close(struct world *world)
{
  if (world->ev != NULL) ev_loop_destroy(world->ev);
}

/* ---- running ---- */

static bool is_guest(const struct casync_loop *loop)
{
  return loop->poller->drive->resume != NULL;
}

static void step(struct casync_loop *loop)
{
  struct world *world = world_of(loop);
  int status = casync_loop_step(loop);
  if (status == 0) return;
  world->has_stopped = true;
  world->status = status == 1 ? 0 : status;
}

static bool wait_readable(const struct casync_loop *loop, int milliseconds)
{
  struct pollfd wanted = {.fd = casync_loop_fd(loop), .events = POLLIN};
  return poll(&wanted, 1, milliseconds) == 1;
}

bool drive_is_readable(const struct casync_loop *loop)
{
  return wait_readable(loop, 0);
}

void drive_turn(struct casync_loop *loop)
{
  if (is_guest(loop))
    ev_run(world_of(loop)->ev, EVRUN_NOWAIT);
  else if (casync_loop_timeout(loop) == 0 || drive_is_readable(loop))
    step(loop);
}

static void on_patience(struct ev_loop *ev, ev_timer *timer, int events)
{
  (void)ev, (void)timer, (void)events;
  fail_msg("nothing happens");
}

static void wait_in_ev(struct ev_loop *ev)
{
  ev_timer patience;
  ev_timer_init(&patience, on_patience, PATIENCE / 1e3, 0);
  ev_timer_start(ev, &patience);
  ev_run(ev, EVRUN_ONCE);
  ev_timer_stop(ev, &patience);
}

/* A turn of an application that sleeps until something comes. */
static void wait_and_turn(struct casync_loop *loop)
{
  if (is_guest(loop)) {
    wait_in_ev(world_of(loop)->ev);
    return;
  }
  double timeout = casync_loop_timeout(loop);
  bool is_readable = wait_readable(loop, timeout < 0 ? PATIENCE : (int)(timeout * 1000) + 1);
  if (timeout < 0 && !is_readable) fail_msg("nothing happens");
  step(loop);
}

/* What the virtual clock's poller does: jumps, waits in real time, or finds that nothing comes. */
static int turn_virtually(struct world *world, struct casync_loop *loop)
{
  uint64_t before = casync_loop_iterations(loop);
  drive_turn(loop);
  if (casync_loop_iterations(loop) != before) return 0;
  if (loop->real == 0 && loop->timers.count > 0 && ca_timers_next(loop) < HUGE_VAL) {
    world->clock = ca_timers_next(loop);
    return 0;
  }
  if (loop->real == 0 && ca_poll_of(loop)->io.count == 0) return CASYNC_EDEADLOCK;
  wait_and_turn(loop);
  return 0;
}

int run_loop(struct casync_loop *loop)
{
  struct world *world = world_of(loop);
  int status = 0;
  if (!casync_loop_is_attached(loop)) return casync_loop_run(loop);
  if (casync_loop_is_closed(loop)) return CASYNC_ECLOSED;
  if (casync_loop_is_running(loop)) return CASYNC_ERUNNING;
  if (is_guest(loop)) casync_loop_resume(loop);
  world->has_stopped = false;
  while (!world->has_stopped && status == 0)
    if (world->is_virtual)
      status = turn_virtually(world, loop);
    else
      wait_and_turn(loop);
  return status < 0 ? status : world->status;
}
