/* SPDX-License-Identifier: MIT
 *
 * The life of an operation: it starts once, for one task, or is closed unused.
 */
#include "base/check.h"
#include "core/core.h"

int casync_op_start(struct casync_op *op, struct casync_task *task)
{
  if (op->state != CASYNC_OP_NEW) return CASYNC_ESTATE;
  int started = op->type->start(op, task);
  if (started < 0) return started;
  op->state = started == CASYNC_OP_WAITS ? CASYNC_OP_RUNNING : CASYNC_OP_DONE;
  if (started == CASYNC_OP_WAITS) task->op = op->type; /* start() may have named an object */
  return started;
}

void casync_op_close(struct casync_op *op)
{
  if (op->state == CASYNC_OP_NEW) op->state = CASYNC_OP_DONE;
}
