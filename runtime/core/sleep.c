/* SPDX-License-Identifier: MIT
 *
 * asyncio.sleep(): the op on a timer.  The timer is the task's own handle, so a sleeping task
 * needs no object besides itself.
 *
 * asyncio's sleep is a future that a timer completes: the timer's callback runs in one iteration,
 * the task's step in the next.  Here the same handle is queued twice: first as the timer, then as
 * the step.
 */
#include <math.h>

#include "base/check.h"
#include "core/core.h"

static void on_timer(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  casync_task_wake(ca_container_of(handle, struct casync_task, timer.handle));
}

static const struct casync_handle_type timer_type = {on_timer, NULL};

static int start(struct casync_op *op, struct casync_task *task)
{
  double delay = ca_container_of(op, struct casync_sleep, op)->delay;
  struct casync_loop *loop = task->future.loop;
  if (delay <= 0) return CASYNC_OP_YIELDS;
  int status = casync_loop_call_at(loop, &task->timer, casync_loop_time(loop) + delay);
  if (status < 0) return status;
  task->timer.handle.type = &timer_type;
  return CASYNC_OP_WAITS;
}

/* The timer may be in the heap, or due and queued already. */
static void undo(struct casync_task *task)
{
  struct casync_handle *handle = &task->timer.handle;
  if (handle->heap_index != 0) ca_timers_remove(task->future.loop, &task->timer);
  if (handle->flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(handle);
}

static const struct casync_op_type sleep_type = {"sleep", start, undo};

void casync_sleep_init(struct casync_sleep *sleep, double delay)
{
  sleep->op = (struct casync_op){.type = &sleep_type, .state = CASYNC_OP_NEW};
  sleep->delay = delay;
}

double casync_task_wakes_at(const struct casync_task *task)
{
  uint32_t place = task->timer.handle.heap_index;
  return place != 0 ? task->future.loop->timers.heap[place].when : HUGE_VAL;
}
