/* SPDX-License-Identifier: MIT
 *
 * A step of a task, to be inlined into the loop.
 *
 * Most handles are steps.  A coroutine that suspends jumps past the frames below its resume, and
 * the processor mispredicts one return for each of them: fewer frames, faster steps.
 */
#ifndef CA_STEP_H
#define CA_STEP_H

#include "core/core.h"

static inline struct casync_task *ca_task_of(struct casync_handle *handle)
{
  return ca_container_of(handle, struct casync_task, timer.handle);
}

static inline const struct casync_task_type *ca_task_type_of(const struct casync_task *task)
{
  return (const struct casync_task_type *)task->future.type;
}

/* Does what a step ended with (task.c). */
void ca_task_act(struct casync_task *task, enum casync_action action);

/* Makes it the current task and says how its step begins. */
static inline enum casync_resume ca_task_begin_step(struct casync_loop *loop,
                                                    struct casync_task *task)
{
  enum casync_resume how = CASYNC_RESUME;
  if (ca_unlikely(task->flags & CASYNC_TASK_MUST_CANCEL)) {
    task->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
    how = CASYNC_RESUME_CANCEL;
  }
  task->waits_for = NULL;
  loop->current_task = task;
  return how;
}

static inline enum casync_action ca_task_step(struct casync_loop *loop, struct casync_task *task)
{
  enum casync_resume how = ca_task_begin_step(loop, task);
  return ca_task_type_of(task)->step(task, how);
}

/* Does what its step ended with, which is a yield in most cases. */
static inline void ca_task_end_step(struct casync_loop *loop, struct casync_task *task,
                                    enum casync_action action)
{
  loop->current_task = NULL;
  if (ca_likely(action == CASYNC_ACTION_YIELD))
    ca_ready_link(loop, &task->timer.handle); /* still a step: nothing made a timer of it */
  else
    ca_task_act(task, action);
}

static inline void ca_task_run_step(struct casync_loop *loop, struct casync_handle *handle)
{
  struct casync_task *task = ca_task_of(handle);
  ca_task_end_step(loop, task, ca_task_step(loop, task));
}

#endif
