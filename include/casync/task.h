/* SPDX-License-Identifier: MIT
 *
 * Tasks: futures that drive an abstract coroutine (asyncio.Task).  The runtime decides when a
 * coroutine steps; what a step does is the embedder's (struct casync_task_type in impl/task.h).
 */
#ifndef CASYNC_TASK_H
#define CASYNC_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_task;
struct casync_task_type;
struct casync_op_type;

/* Makes `task`, in memory of the caller, a task of `loop` that has not started. */
CASYNC_API void casync_task_init(struct casync_task *task, struct casync_loop *loop,
                                 const struct casync_task_type *type);

/* Queues the first step.  Allocates nothing. */
CASYNC_API void casync_task_start(struct casync_task *task);

/* Runs the first step now, inside the call, with the task as current one (asyncio's eager start).
 * Returns CASYNC_ELEFT if it ended with an error that has to leave the loop. */
CASYNC_API int casync_task_start_eagerly(struct casync_task *task);

/* Task.cancel(): counts a request and delivers it where the task waits, or at its next step.
 * False if the task is done. */
CASYNC_API bool casync_task_cancel(struct casync_task *task);

/* Task.uncancel(): takes a request back and returns how many are left; at 0 a request that is
 * only flagged is dropped. */
CASYNC_API uint32_t casync_task_uncancel(struct casync_task *task);

/* Takes a pending task out of everything it is linked in, for good: its loop closes or goes. */
CASYNC_API void casync_task_abandon(struct casync_task *task);

/* For `step`, of a task that had started before: does what its step ended with (`action`, an enum
 * casync_action), then begins what comes next if that is a step of a task of the same type; where
 * an iteration ends it begins another.  Returns that task and how it goes on (an enum
 * casync_resume), or NULL: `step` is to return CASYNC_ACTION_NONE then.  So one call runs many
 * steps. */
CASYNC_API struct casync_task *casync_task_go_on(struct casync_task *task, int action, int *how);

/* For ops: the running task waits from now on (its step is to end with CASYNC_ACTION_WAIT_OP);
 * `object` is what the undo of `op` needs, and stays alive until then. */
CASYNC_API void casync_task_wait(struct casync_task *task, const struct casync_op_type *op,
                                 void *object);

/* For introspection: when the sleep of the task is over (the loop's time, in seconds); infinity if
 * it does not sleep. */
CASYNC_API double casync_task_wakes_at(const struct casync_task *task);

/* For ops: the task waits no more; queues its step. */
CASYNC_API void casync_task_wake(struct casync_task *task);

#ifdef __cplusplus
}
#endif
#endif
