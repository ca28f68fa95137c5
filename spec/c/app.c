/* SPDX-License-Identifier: MIT
 *
 * An application with a libev loop; see app.h.
 */
#include "app.h"

#include <unistd.h>

static void on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
  struct event *event = ca_container_of(timer, struct event, timer);
  struct world *world = event->world;
  (void)ev, (void)events;
  note(world, "%s", event->name);
  if (event->then != NULL) event->then(world, &event->callback);
}

struct event *app_then(struct world *world, double delay, const char *name,
                       void (*then)(struct world *world, struct callback *callback), void *data)
{
  struct event *event = keep(world, sizeof *event);
  event->world = world;
  event->name = name;
  event->then = then;
  event->callback.data = data;
  ev_timer_init(&event->timer, on_timer, delay, 0);
  ev_now_update(world->ev);
  ev_timer_start(world->ev, &event->timer);
  return event;
}

void app(struct world *world, double delay, const char *name)
{
  app_then(world, delay, name, NULL, NULL);
}

static void on_patience(struct ev_loop *ev, ev_timer *timer, int events)
{
  (void)ev, (void)timer, (void)events;
  fail_msg("ev_run() does not return");
}

void run_app(struct world *world)
{
  struct ev_loop *ev = world->ev;
  ev_timer patience;
  ev_timer_init(&patience, on_patience, 20, 0);
  ev_timer_start(ev, &patience);
  ev_unref(ev);
  ev_run(ev, 0);
  ev_ref(ev);
  ev_timer_stop(ev, &patience);
}

void turn_app(struct world *world)
{
  ev_run(world->ev, EVRUN_NOWAIT);
}

double in(struct world *world, double delay)
{
  return casync_loop_time(world->loop) + delay;
}

void watch_pipe(struct world *world, int ends[2], const char *name)
{
  struct callback *reader = callback(world, name);
  assert_int_equal(pipe(ends), 0);
  assert_int_equal(casync_loop_watch(world->loop, ends[0], CASYNC_READ, &reader->timer.handle), 0);
}

void put(int fd)
{
  assert_int_equal(write(fd, "x", 1), 1);
}

void close_pipe(struct world *world, const int ends[2])
{
  if (world->loop != NULL) casync_loop_unwatch(world->loop, ends[0], CASYNC_READ);
  close(ends[0]);
  close(ends[1]);
}
