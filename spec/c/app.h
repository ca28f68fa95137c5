/* SPDX-License-Identifier: MIT
 *
 * The application in whose libev loop, `world->ev`, guests live: events of its own, running, and
 * pipes for the guest to watch.
 */
#ifndef SPEC_APP_H
#define SPEC_APP_H

#include "drive.h"
#include "poll/poll.h"

/* A timer of the application's that notes its name, then acts. */
struct event {
  ev_timer timer;
  struct world *world;
  const char *name;
  void (*then)(struct world *world, struct callback *callback);
  struct callback callback; /* what `then` gets */
};

/* Makes `name` happen in the application after `delay` seconds, then does something: see
 * callback_then(). */
struct event *app_then(struct world *world, double delay, const char *name,
                       void (*then)(struct world *world, struct callback *callback), void *data);
void app(struct world *world, double delay, const char *name);

/* Runs the application's loop until nothing is left to do; once, without waiting. */
void run_app(struct world *world);
void turn_app(struct world *world);

/* The time of the guest's clock `delay` seconds from now. */
double in(struct world *world, double delay);

/* A pipe whose end to read, [0], the guest watches, writing `name` when it is readable. */
void watch_pipe(struct world *world, int ends[2], const char *name);
void put(int fd);
void close_pipe(struct world *world, const int ends[2]);

#endif
