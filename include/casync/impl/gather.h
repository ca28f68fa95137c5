/* SPDX-License-Identifier: MIT
 *
 * The complete future of a gather: it counts its children down.  Results are the embedder's.
 */
#ifndef CASYNC_IMPL_GATHER_H
#define CASYNC_IMPL_GATHER_H

#include "future.h"

struct casync_gather;

struct casync_gather_child {
  struct casync_handle handle; /* waits in `future`; unused in a repeated child */
  struct casync_future *future;
  struct casync_gather *gather;
};

struct casync_gather_type {
  struct casync_future_type future; /* first: a gather is a future */
  /* A child has ended while the gather is done already: its error counts as seen. */
  void (*late)(struct casync_gather *gather, struct casync_gather_child *child);
  /* The gather is complete: `child` is the one whose error ends it, NULL if all have ended.
   * The embedder collects the values and says what it becomes. */
  enum casync_future_state (*collect)(struct casync_gather *gather,
                                      struct casync_gather_child *child);
  /* No child refers to the gather any more.  Must not fail. */
  void (*released)(struct casync_gather *gather);
};

struct casync_gather {
  struct casync_future future;
  uint32_t length;        /* children, repeated ones included */
  uint32_t count;         /* distinct children */
  uint32_t finished;      /* how many of them have ended */
  bool return_exceptions; /* errors are results */
  bool cancel_requested;  /* Future.cancel() was called while children were pending */
  struct casync_gather_child *children;
};

#endif
