/* SPDX-License-Identifier: MIT
 *
 * Private header of poll/: what a loop that stands on libev is made of.  Only this folder
 * includes ev.h.  Nothing here runs a handle: it queues, and order is core's.
 */
#ifndef CA_POLL_H
#define CA_POLL_H

#include <ev.h>
#include <pthread.h>

#include "core/core.h"

/* A watched descriptor: one libev watcher, up to two handles. */
struct ca_watched {
  ev_io io;
  struct casync_loop *loop;
  struct casync_handle *handles[2]; /* by enum casync_direction */
  struct ca_watched *next_changed;  /* list of those that libev has not been asked about yet */
  bool is_changed;
};

/* io.c: all watched descriptors, by number. */
struct ca_io {
  struct ca_watched **by_fd;
  int capacity;
  int count; /* descriptors that are watched */
  struct ca_watched *changed;
  struct casync_node found; /* handles found by the poll that runs, last found first */
};

/* wakeup.c: what other threads and signal handlers may touch. */
struct ca_wakeup {
  ev_async async;
  pthread_mutex_t lock; /* guards `inbox` and what `is_open` allows */
  struct casync_post *inbox, **inbox_end;
  bool is_open; /* read without the lock by wake(), which may run in a signal handler */
  int wakers;   /* atomic: wakes that are under way; close() waits for them */
};

struct ca_ev {
  struct ev_loop *ev;
  ev_timer deadline;   /* ends a wait */
  double last_poll;    /* when the kernel was asked last */
  uint64_t last_ticks; /* the same as ticks.h counts */
  uint64_t few_ticks;  /* fewer of them than fit between two polls; 0: not known */
  struct ca_io io;
  struct ca_wakeup wakeup;
};

static inline struct ca_ev *ca_ev_of(const struct casync_loop *loop)
{
  return loop->poll;
}

/* owned_ev.c */
double ca_monotonic(struct casync_loop *loop);
int ca_ev_open(struct casync_loop *loop, struct ca_ev *ev);
void ca_ev_close(struct casync_loop *loop);
void ca_ev_free(struct casync_loop *loop);
int ca_ev_wait(struct casync_loop *loop, double timeout);

/* io.c */
void ca_io_init(struct ca_io *io);
void ca_io_close(struct casync_loop *loop);
int ca_io_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                struct casync_handle *handle);
struct casync_handle *ca_io_unwatch(struct casync_loop *loop, int fd,
                                    enum casync_direction direction);
void ca_io_queue_found(struct casync_loop *loop);
void ca_io_drop_closed(struct casync_loop *loop);

/* pollable.c */
int ca_check_pollable(int fd); /* 0, or what epoll says against it */

/* wakeup.c */
int ca_wakeup_open(struct casync_loop *loop);
void ca_wakeup_close(struct casync_loop *loop);
void ca_wakeup_free(struct casync_loop *loop);
bool ca_wakeup_has_posts(const struct casync_loop *loop);
void ca_wakeup_send(struct casync_loop *loop);
void ca_wakeup_deliver(struct casync_loop *loop);

/* signals.c */
void ca_signals_close(struct casync_loop *loop);

#endif
