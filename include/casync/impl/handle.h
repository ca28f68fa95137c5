/* SPDX-License-Identifier: MIT
 *
 * The nodes that a loop links: handles (what it runs) and timers (handles with a deadline).
 * Complete types, for whoever embeds them; the fields are the runtime's own.
 *
 * Ownership
 *   - A handle belongs to whoever embeds it; the loop only links it, and it must stay where it is
 *     while it is linked (on the ready queue, in a future's waiters, in the timer heap).
 *   - It is in at most one of these at a time.
 */
#ifndef CASYNC_IMPL_HANDLE_H
#define CASYNC_IMPL_HANDLE_H

#include <stdint.h>

struct casync_loop;
struct casync_handle;

struct casync_node {
  struct casync_node *next, *prev;
};

struct casync_handle_type {
  /* Runs the handle, also a cancelled one (which has nothing to do but be let go); it is already
   * off the queue and may be queued again. */
  void (*run)(struct casync_loop *loop, struct casync_handle *handle);
  /* The ready queue begins to refer to it (NULL: its owner is alive anyway).  Must not fail. */
  void (*queued)(struct casync_loop *loop, struct casync_handle *handle);
};

enum casync_handle_flag {
  CASYNC_HANDLE_QUEUED = 1,    /* on the ready queue (or in the batch that runs) */
  CASYNC_HANDLE_CANCELLED = 2, /* stays queued; its run() lets it go */
  CASYNC_HANDLE_WAITING = 4    /* in the waiters of a future */
};

struct casync_handle {
  struct casync_node node;
  const struct casync_handle_type *type;
  uint32_t heap_index; /* place in the timer heap, 1-based; 0 = not in it */
  uint8_t flags;       /* enum casync_handle_flag */
  uint8_t spare[3];    /* for the embedder */
};

struct casync_timer {
  struct casync_handle handle;
  uint64_t sequence; /* order among equal deadlines */
};

#endif
