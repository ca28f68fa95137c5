/* SPDX-License-Identifier: MIT
 *
 * Operations: coroutines that the library implements natively.  The complete struct is in
 * impl/op.h.
 */
#ifndef CASYNC_OP_H
#define CASYNC_OP_H

#include "task.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_op;
struct casync_sleep;

/* Starts a NEW op for `task`.  Returns an enum casync_op_start or a negative error, after which
 * the op is still NEW. */
CASYNC_API int casync_op_start(struct casync_op *op, struct casync_task *task);

/* Ends an op that never started; later starts are refused with CASYNC_ESTATE. */
CASYNC_API void casync_op_close(struct casync_op *op);

/* asyncio.sleep(): `delay` in seconds, not NaN; 0 or less gives up one iteration. */
CASYNC_API void casync_sleep_init(struct casync_sleep *sleep, double delay);

#ifdef __cplusplus
}
#endif
#endif
