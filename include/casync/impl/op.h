/* SPDX-License-Identifier: MIT
 *
 * The complete op: a coroutine that the library implements natively (sleep and whatever else
 * waits without a Lua body).  It is good for one await.
 */
#ifndef CASYNC_IMPL_OP_H
#define CASYNC_IMPL_OP_H

#include "task.h"

/* NEW -> RUNNING -> DONE, or NEW -> DONE when it does not suspend or is closed. */
enum casync_op_state { CASYNC_OP_NEW, CASYNC_OP_RUNNING, CASYNC_OP_DONE };

enum casync_op_start {
  CASYNC_OP_FINISHED, /* nothing to wait for */
  CASYNC_OP_WAITS,    /* `task` waits; its step is queued when the op is over */
  CASYNC_OP_YIELDS    /* gives up one iteration and is over */
};

struct casync_op_type {
  const char *name;
  /* Starts the op for `task`.  Result: enum casync_op_start or a negative error. */
  int (*start)(struct casync_op *op, struct casync_task *task);
  /* Takes `task` out of what it waits for, losing nothing.  Must not fail.  The op itself may be
   * gone by now: what undo needs is in the task. */
  void (*undo)(struct casync_task *task);
};

struct casync_op {
  const struct casync_op_type *type;
  uint8_t state; /* enum casync_op_state */
};

struct casync_sleep {
  struct casync_op op;
  double delay; /* seconds */
};

#endif
