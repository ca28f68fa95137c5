/* SPDX-License-Identifier: MIT
 *
 * What every C spec stands on: a world with one loop and a trace of what happened, callbacks that
 * write into it, and the check that a test leaves nothing behind.
 */
#ifndef SPEC_SUPPORT_H
#define SPEC_SUPPORT_H

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/core.h"

struct world {
  struct casync_loop *loop;
  int (*on_attend)(struct world *world); /* NULL: notes "attend" */
  char trace[4096], taken[4096];         /* words, one space between two */
  int descriptors, threads;              /* open before the test */
  struct kept *kept;
  /* Of attached loops (drive.h) */
  struct casync_loop_host host;
  struct ev_loop *ev; /* where a guest lives */
  bool has_stopped;   /* a guest has told it, or a step */
  int status;         /* what it has told */
  bool is_virtual;    /* the clock is `clock`, the poller a changed copy of `real_poller` */
  double clock;
  const struct ca_poller *real_poller;
  struct ca_poller poller;
  struct ca_drive drive;
};

/* Fixtures: a world whose loop has the virtual clock, or its own poller. */
int world_open(void **state);
int world_open_owned(void **state);
int world_open_made(void **state, struct world *(*make)(void));

/* Frees the loop; fails if a descriptor or a thread is left. */
int world_close(void **state);

/* A world without fixture, for a thread of its own. */
struct world *world_new(enum casync_loop_kind kind);
void world_free(struct world *world);

#define it(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)
#define it_owned(test) cmocka_unit_test_setup_teardown(test, world_open_owned, world_close)

/* Opens one more loop of the world, of exactly this kind; casync_loop_data() is the world. */
struct casync_loop *world_add_loop(struct world *world, enum casync_loop_kind kind);

struct world *world_of(const struct casync_loop *loop);

/* Zeroed memory that outlives the world's loop: whatever a loop may link belongs there, since a
 * test that fails leaves its own frame at once. */
void *keep(struct world *world, size_t size);

/* A kept future of the world's loop. */
struct casync_future *new_future(struct world *world);

/* Appends a word to the trace. */
void note(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Returns the trace and begins a new one. */
const char *take_trace(struct world *world);

#define assert_trace(world, expected) assert_string_equal(take_trace(world), expected)

/* Runs the world's loop (virtual) until nothing is left to do. */
void run_out(struct world *world);

/* Runs exactly `n` iterations, none of which waits. */
void run_turns(struct casync_loop *loop, int n);

/* A handle (or timer) that notes its name, then acts. */
struct callback {
  struct casync_timer timer;
  const char *name;
  void (*then)(struct world *world, struct callback *callback); /* NULL: nothing more */
  void *data;                                                   /* for `then` */
};

/* Kept callbacks. */
struct callback *callback(struct world *world, const char *name);
struct callback *callback_then(struct world *world, const char *name,
                               void (*then)(struct world *world, struct callback *callback),
                               void *data);

/* call_soon() and call_at() of a callback on the world's loop. */
void soon(struct world *world, struct callback *callback);
void at(struct world *world, double when, struct callback *callback);

/* Some things to do `then`: data is the callback, handle, future or nothing that they act on. */
void then_soon(struct world *world, struct callback *callback);
void then_cancel_handle(struct world *world, struct callback *callback);
void then_complete(struct world *world, struct callback *callback);
void then_cancel_future(struct world *world, struct callback *callback);
void then_stop(struct world *world, struct callback *callback);
void then_leave(struct world *world, struct callback *callback);

/* The next number of a fixed sequence; `state` starts at anything but 0. */
uint32_t next_random(uint32_t *state);

#endif
