/* SPDX-License-Identifier: MIT
 *
 * The complete future.  A future is a state, a list of waiters and a way to cancel it; it never
 * sees a value: results and errors are the embedder's.
 */
#ifndef CASYNC_IMPL_FUTURE_H
#define CASYNC_IMPL_FUTURE_H

#include <stdbool.h>

#include "handle.h"

struct casync_future;

/* PENDING -> RESULT | ERROR | CANCELLED, once. */
enum casync_future_state { CASYNC_PENDING, CASYNC_RESULT, CASYNC_ERROR, CASYNC_CANCELLED };

struct casync_future_type {
  /* Requests cancellation; true if it was still possible.  Plain futures complete at once. */
  bool (*cancel)(struct casync_future *future);
};

struct casync_future {
  struct casync_loop *loop;
  const struct casync_future_type *type;
  struct casync_node waiters; /* handles to queue when it is done, in order */
  uint8_t state;              /* enum casync_future_state */
  uint8_t flags;              /* the embedder's */
  uint16_t kind;              /* the embedder's */
  uint32_t slot;              /* the embedder's */
};

#endif
