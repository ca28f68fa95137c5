/* SPDX-License-Identifier: MIT
 *
 * Private header of core/: the loop as a list of its modules' structs, and the poller table that
 * poll/ fills in.
 *
 * Ownership
 *   - The loop owns the memory of its heap and of the poller; it owns no handle, timer, future or
 *     task, it only links them.
 *   - Each module touches its own struct in the loop and calls the others for theirs.
 * Order of an iteration (asyncio's _run_once): poll; queue what the poll found; queue the timers
 * that are due; run exactly what is queued then.
 */
#ifndef CA_CORE_H
#define CA_CORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/block.h"
#include "base/list.h"
#include "casync.h"
#include "casync/impl/gather.h"
#include "casync/impl/op.h"

/* What the poller of an attached loop can do besides. */
struct ca_drive {
  /* Whether the last poll is so near that another iteration may follow without one. */
  bool (*is_polled)(struct casync_loop *loop);
  /* A guest's: it goes on after a stop.  NULL for others. */
  void (*resume)(struct casync_loop *loop);
  /* A stepped loop's: what the foreign loop polls.  NULL for others. */
  int (*fd)(const struct casync_loop *loop);
};

/* What a kind of poller can do.  `wait` is the only call that may sleep; an attached loop never
 * asks for more than 0 seconds. */
struct ca_poller {
  /* The clock now, in seconds. */
  double (*now)(struct casync_loop *loop);
  /* Waits for at most `timeout` seconds (negative: for ever; 0: does not wait), queues the
   * handles of ready descriptors and posts, and sets `loop->now` if there are timers.  Negative
   * on failure. */
  int (*wait)(struct casync_loop *loop, double timeout);
  int (*watch)(struct casync_loop *loop, int fd, enum casync_direction direction,
               struct casync_handle *handle);
  struct casync_handle *(*unwatch)(struct casync_loop *loop, int fd,
                                   enum casync_direction direction);
  /* Asks for the host's attention whenever `fd` (-1: none) is readable.  NULL: a virtual clock's.
   */
  int (*attend_on)(struct casync_loop *loop, int fd);
  /* Ends a wait, from any thread. */
  void (*wake)(struct casync_loop *loop);
  void (*close)(struct casync_loop *loop);
  /* Frees what other threads may still look at after the close. */
  void (*free)(struct casync_loop *loop);
  /* NULL: casync_loop_run() runs the loop. */
  const struct ca_drive *drive;
};

struct ca_timer_entry {
  double when;
  struct casync_timer *timer;
};

struct ca_timers {
  struct ca_timer_entry *heap; /* 1-based, four children a node */
  uint32_t count, capacity;
  uint64_t sequence;
};

struct ca_ready {
  struct casync_node queue; /* runs in the next iteration */
  struct casync_node batch; /* runs in this one */
  uint32_t pushed;          /* how many were queued since the last batch */
  bool is_long;             /* the batch is worth looking ahead */
};

/* Somebody above core/ who has something to do when the loop closes, embedded in what he keeps for
 * the loop. */
struct ca_closer {
  struct ca_closer *next;
  /* Called once, while posts and watches still work, in the opposite order of their making.  It may
   * wait for `patience` seconds at most: 0 if the program goes on with its own things. */
  void (*on_close)(struct casync_loop *loop, struct ca_closer *closer, double patience);
};

enum ca_loop_state { CA_LOOP_OPEN, CA_LOOP_RUNNING, CA_LOOP_CLOSED };

/* Why handles do not simply run one behind the other: bits of casync_loop.detours. */
enum ca_detour {
  CA_LEAVING = 1, /* leave at once */
  CA_OBSERVED = 2 /* the host runs each of them */
};

struct casync_loop {
  enum ca_loop_state state;
  bool stopping;   /* stop() was called */
  uint8_t detours; /* enum ca_detour */
  int failure;     /* of the last poll, negative */
  int attend;      /* the host wants a call; atomic, also set by signal handlers */
  struct ca_ready ready;
  struct ca_timers timers;
  double now; /* the clock as the last poll read it, for the timers; when it was closed */
  uint64_t iterations;
  struct casync_task *current_task;
  const struct casync_loop_host *host;
  void *data;
  const struct ca_poller *poller;
  void *poll;       /* the poller's own struct */
  double attend_at; /* the host wants a call when the clock has come to this; 0: it does not */
  struct ca_closer *closers;
  struct ca_pool *pool;     /* work/'s threads; NULL before the first job */
  int real;                 /* how much is under way in real time, whatever the clock */
  struct ca_blocks *blocks; /* made on demand */
  struct ca_block *scratch; /* where net/ reads to; NULL: to be taken */
  uint64_t read_in;         /* the last iteration that read anything, */
  size_t read;              /* and how many bytes */
};

static inline bool ca_wants_attention(const struct casync_loop *loop)
{
  return __atomic_load_n(&loop->attend, __ATOMIC_ACQUIRE) != 0;
}

/* A timer is due when it is below the clock plus this resolution. */
#define CA_CLOCK_RESOLUTION 1e-9

/* No poll sleeps for longer (seconds). */
#define CA_LONGEST_WAIT (24 * 3600.0)

/* loop.c */
struct ca_block *
ca_loop_scratch(struct casync_loop *loop); /* or NULL; does not outlive a callback */

/* How long a poll may sleep, asyncio's rule: seconds, 0 not at all, negative without end. */
double ca_loop_timeout(struct casync_loop *loop);

/* For pollers that sleep: what is left of `timeout` for the host that wants to be called at a time;
 * 0 if that has come. */
double ca_loop_timeout_to_attend(struct casync_loop *loop, double timeout);

/* One iteration of an attached loop that does not run; more of them while its poller `is_polled`
 * and something is ready.  0, CA_STOPPED, or what left it. */
int ca_loop_step(struct casync_loop *loop);
enum { CA_STOPPED = 1 };

void ca_loop_add_closer(struct casync_loop *loop, struct ca_closer *closer);

/* ready.c */
void ca_ready_init(struct ca_ready *ready);
void ca_ready_push(struct casync_loop *loop, struct casync_handle *handle);
/* The same for handles that need not hear of it, as steps of tasks. */
static inline void ca_ready_link(struct casync_loop *loop, struct casync_handle *handle)
{
  assert((handle->flags & (CASYNC_HANDLE_QUEUED | CASYNC_HANDLE_WAITING)) == 0);
  assert(handle->heap_index == 0);
  handle->flags |= CASYNC_HANDLE_QUEUED;
  ca_list_push(&loop->ready.queue, &handle->node);
  loop->ready.pushed++;
}
void ca_ready_remove(struct casync_handle *handle);
void ca_ready_drop_all(struct casync_loop *loop);

/* timers.c */
int ca_timers_push(struct casync_loop *loop, struct casync_timer *timer, double when);
void ca_timers_remove(struct casync_loop *loop, struct casync_timer *timer);
void ca_timers_queue_due(struct casync_loop *loop);
void ca_timers_drop_all(struct casync_loop *loop);
double ca_timers_next(const struct casync_loop *loop); /* deadline of the first; needs one */

/* task.c */
extern const struct casync_handle_type ca_task_step_type;
void ca_task_soon(const struct casync_handle *handle, unsigned distance);

/* gather.c */
extern const struct casync_handle_type ca_gather_child_type;

/* poll/, by way of loop.c's table of kinds */
int ca_owned_open(struct casync_loop *loop);
int ca_virtual_open(struct casync_loop *loop);
int ca_stepped_open(struct casync_loop *loop);
int ca_guest_open(struct casync_loop *loop, struct ev_loop *ev);

#endif
