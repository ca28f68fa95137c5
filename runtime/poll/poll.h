/* SPDX-License-Identifier: MIT
 *
 * Private header of poll/: what a poller is made of.  Each kind has a struct that begins with a
 * struct ca_poll; those on libev with a struct ca_ev.  Only this folder includes ev.h.  Nothing
 * here runs a handle: it queues, and order is core's.
 */
#ifndef CA_POLL_H
#define CA_POLL_H

#include <ev.h>
#include <pthread.h>

#include "core/core.h"
#include "poll/pace.h"

/* A watched descriptor: up to two handles.  Each kind of poller adds what it keeps of it. */
struct ca_watched {
  struct casync_loop *loop;
  struct casync_handle *handles[2]; /* by enum casync_direction */
  int fd;
};

/* A set of directions. */
enum ca_wanted { CA_WANT_NOTHING = 0, CA_WANT_READ = 1, CA_WANT_WRITE = 2 };

/* How a poller watches. */
struct ca_io_type {
  size_t size; /* of its struct, which begins with the struct ca_watched */
  /* Makes the directions of `wanted` those that are watched; nothing is forgotten (cannot fail). */
  int (*set)(struct casync_loop *loop, struct ca_watched *watched, unsigned wanted);
};

/* io.c: all watched descriptors, by number. */
struct ca_io {
  const struct ca_io_type *type;
  struct ca_watched **by_fd;
  int capacity;
  int count;                /* descriptors that are watched */
  struct casync_node found; /* handles found by the poll that runs, last found first */
};

/* wakeup.c: what other threads and signal handlers may touch. */
struct ca_wakeup {
  pthread_mutex_t lock; /* guards `inbox` and what `is_open` allows */
  struct casync_post *inbox, **inbox_end;
  bool is_open; /* read without the lock by wake(), which may run in a signal handler */
  int wakers;   /* atomic: wakes that are under way; close() waits for them */
};

struct ca_poll {
  struct ca_io io;
  struct ca_wakeup wakeup;
  struct ca_pace pace;
};

/* owned_ev.c: a poller on libev. */
struct ca_ev {
  struct ca_poll poll;
  struct ev_loop *ev;
  ev_async async;    /* the wake-up */
  ev_timer deadline; /* ends a wait */
  ev_io attended;    /* what the host wants to attend to; its fd is -1 if there is none */
  struct ca_ev_watched *changed;
  bool is_standing; /* a guest that stopped: no descriptor is watched */
};

/* stepped.c; what asks is in epoll.c, or in kqueue.c where that is what there is. */
struct ca_stepped {
  struct ca_poll poll;
  int fd;              /* the queue; readable while something is to be collected */
  int wake[2];         /* where wakes are read, and written to */
  int attended;        /* what the host wants to attend to; -1: nothing */
  void *events;        /* room for what one question finds */
  int capacity;        /* of `events`, in descriptors */
  uint32_t generation; /* numbers what was ever watched */
};

static inline struct ca_stepped *ca_stepped_of(const struct casync_loop *loop)
{
  return loop->poll;
}

static inline struct ca_poll *ca_poll_of(const struct casync_loop *loop)
{
  return loop->poll;
}

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
void ca_ev_wake(struct casync_loop *loop);
/* The parts of these that are the same on a libev loop of somebody else's. */
int ca_ev_check_descriptors(void); /* 0, or why libev could not have those that it needs */
int ca_ev_link(struct casync_loop *loop, struct ev_loop *ev);
void ca_ev_unlink(struct casync_loop *loop);
void ca_ev_drop_closed(struct casync_loop *loop); /* to be called before each poll */

/* epoll.c or kqueue.c: one of them is empty */
extern const struct ca_io_type ca_queue_io;
int ca_queue_open(struct ca_stepped *stepped);
void ca_queue_close(struct ca_stepped *stepped);
int ca_queue_ask(struct casync_loop *loop);   /* without waiting; 0 or -errno */
void ca_queue_wake(struct casync_loop *loop); /* from any thread, from a signal handler */
int ca_queue_attend_on(struct casync_loop *loop, int fd);

/* io.c */
void ca_io_init(struct ca_io *io, const struct ca_io_type *type);
void ca_io_close(struct casync_loop *loop);
int ca_io_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                struct casync_handle *handle);
struct casync_handle *ca_io_unwatch(struct casync_loop *loop, int fd,
                                    enum casync_direction direction);
struct ca_watched *ca_io_find(const struct ca_io *io, int fd); /* or NULL */
void ca_io_found(struct ca_watched *watched, unsigned ready);  /* the last one first */
void ca_io_set_all(struct casync_loop *loop); /* tells the poller anew what is wanted */

/* Ends a poll: queues what was posted and found, and reads the clock. */
void ca_io_collect(struct casync_loop *loop);

/* pollable.c */
int ca_check_pollable(int fd); /* 0, or what epoll says against it */

/* wakeup.c: open last and close first of what a wake needs */
int ca_wakeup_open(struct casync_loop *loop);
void ca_wakeup_close(struct casync_loop *loop);
void ca_wakeup_free(struct casync_loop *loop);
void ca_wakeup_deliver(struct casync_loop *loop);

static inline bool ca_wakeup_has_posts(const struct casync_loop *loop)
{
  return __atomic_load_n(&ca_poll_of(loop)->wakeup.inbox, __ATOMIC_ACQUIRE) != NULL;
}

/* signals.c */
void ca_signals_close(struct casync_loop *loop);

/* Whether polls may be left out: not where a descriptor is watched, as in asyncio. */
static inline bool ca_may_skip(const struct ca_poll *poll)
{
  return poll->io.count == 0;
}

/* Whether the last poll is so near that this one can be left out.  What the loop takes for the time
 * is then as old as that poll. */
static inline bool ca_is_polled(struct casync_loop *loop)
{
  const struct ca_poll *poll = ca_poll_of(loop);
  if (!ca_may_skip(poll) || ca_wakeup_has_posts(loop)) return false;
  if (ca_pace_is_short(&poll->pace)) return true;
  loop->now = ca_monotonic(loop);
  return loop->now - poll->pace.last_poll < CA_POLL_PERIOD;
}

#endif
