/* SPDX-License-Identifier: MIT
 *
 * What tasks wait in line for, complete: the wait queue, and lock, event and semaphore on it.  The
 * fields are the runtime's own.
 *
 * Ownership: a waiter belongs to whoever awaits (a native coroutine embeds it) and stays where it
 * is until it has come back; the queue only links it.
 */
#ifndef CASYNC_IMPL_SYNC_H
#define CASYNC_IMPL_SYNC_H

#include <stddef.h>

#include "task.h"

/* WAITING -> WOKEN | CANCELLED; both come back with the task's next step. */
enum casync_waiter_state { CASYNC_WAITING, CASYNC_WOKEN, CASYNC_WAIT_CANCELLED };

struct casync_waiter {
  struct casync_node node; /* in `waiting` of the queue, while WAITING */
  struct casync_waitqueue *queue;
  struct casync_task *task;
  uint64_t turn; /* WAITING: the highest turn of those that ended ahead of it; else its own */
  uint8_t state; /* enum casync_waiter_state */
};

/* asyncio's deque of waiters holds a waiter until its task has run; here only those that still wait
 * are linked, and the others are counted.  They come back in the order in which their waits ended,
 * so each end gets a number (`turn`), and those up to `returned` are back. */
struct casync_waitqueue {
  struct casync_node waiting;
  uint32_t size;      /* all that have not come back */
  uint32_t live;      /* those that are not cancelled */
  uint64_t ended;     /* the last turn */
  uint64_t returned;  /* the turn that came back last */
  uint64_t last_turn; /* of those that ended behind all that wait */
};

struct casync_lock {
  struct casync_waitqueue queue;
  bool is_locked;
};

struct casync_event {
  struct casync_waitqueue queue;
  bool is_set;
};

struct casync_semaphore {
  struct casync_waitqueue queue;
  uint64_t value; /* units that nobody has */
};

/* Three lines of tasks, linked by their own handles (runtime/sync/queue.c says why). */
struct casync_queue {
  struct casync_node getters, putters, joiners; /* the oldest first */
  size_t unfinished;                            /* items put and not done */
  bool is_shutdown;
};

#endif
