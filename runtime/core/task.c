/* SPDX-License-Identifier: MIT
 *
 * Tasks: when a coroutine steps, and how a cancellation reaches it.  The rules are those of
 * asyncio's Task.__step, __wakeup, cancel and uncancel; the coroutine itself is behind `step`.
 *
 * A pending task is in exactly one of these places, and its one handle shows which:
 *   - its step is queued (first step, a yield, or what it waited for is over);
 *   - it waits for a future: the handle is among the future's waiters (`waits_for`);
 *   - it waits for an op: the op has the handle or what stands for it (`op`);
 *   - it runs.
 */
#include "base/check.h"
#include "core/core.h"
#include "core/step.h"

static void queue_step(struct casync_task *task)
{
  task->timer.handle.type = &ca_task_step_type;
  ca_ready_link(task->future.loop, &task->timer.handle);
}

/* Cancels what the task waits for; false if it waits for nothing that can still be cancelled. */
static bool cancel_wait(struct casync_task *task)
{
  if (task->op != NULL) {
    const struct casync_op_type *op = task->op;
    task->op = NULL;
    task->flags |= CASYNC_TASK_OP_CANCELLED;
    op->undo(task);
    task->object = NULL;
    ca_task_type_of(task)->message(task, CASYNC_MESSAGE_OP);
    queue_step(task);
    return true;
  }
  if (task->waits_for == NULL) return false;
  if (ca_task_type_of(task)->cancel_awaited != NULL)
    return ca_task_type_of(task)->cancel_awaited(task);
  return casync_future_cancel(task->waits_for);
}

/* The pending task that `task` awaits, or NULL. */
static struct casync_task *awaited_task(const struct casync_task *task)
{
  if (task->op != NULL || task->waits_for == NULL || ca_task_type_of(task)->as_task == NULL)
    return NULL;
  if (task->waits_for->state != CASYNC_PENDING) return NULL;
  return ca_task_type_of(task)->as_task(task->waits_for);
}

/* Counts the request in every task of the chain and returns the last one. */
static struct casync_task *go_down(struct casync_task *task)
{
  struct casync_task *next = task;
  do {
    task = next;
    task->cancel_requests++;
    task->flags |= CASYNC_TASK_VISITED;
    next = awaited_task(task);
  } while (next != NULL && !(next->flags & CASYNC_TASK_VISITED));
  return task;
}

static void clear_marks(struct casync_task *task)
{
  for (; task != NULL && (task->flags & CASYNC_TASK_VISITED); task = awaited_task(task))
    task->flags &= (uint8_t)~CASYNC_TASK_VISITED;
}

/* Tasks that await each other in a circle never go on by themselves: the last one is taken out. */
static void break_circle(struct casync_task *last)
{
  casync_future_unwait(&last->timer.handle);
  last->waits_for = NULL;
  queue_step(last);
}

/* A pending task's cancel() succeeds always, so of a chain of tasks that await each other only the
 * last one has something to cancel: no recursion is needed. */
bool casync_task_cancel(struct casync_task *task)
{
  if (task->future.state != CASYNC_PENDING) return false;
  struct casync_task *last = go_down(task);
  bool is_circle = awaited_task(last) != NULL;
  clear_marks(task);
  if (is_circle)
    break_circle(last);
  else if (cancel_wait(last))
    return true;
  last->flags |= CASYNC_TASK_MUST_CANCEL;
  ca_task_type_of(last)->message(last, CASYNC_MESSAGE_FLAGGED);
  return true;
}

uint32_t casync_task_uncancel(struct casync_task *task)
{
  if (task->cancel_requests > 0 && --task->cancel_requests == 0)
    task->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
  return task->cancel_requests;
}

/* A request that came while the task ran meets what it waits for now. */
static void deliver_flagged(struct casync_task *task)
{
  if (ca_likely(!(task->flags & CASYNC_TASK_MUST_CANCEL))) return;
  ca_task_type_of(task)->message(task, CASYNC_MESSAGE_PASS_ON);
  if (cancel_wait(task)) task->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
}

static void finish(struct casync_task *task, enum casync_future_state state)
{
  casync_future_complete(&task->future, state);
  ca_task_type_of(task)->done(task);
}

static void finish_with_result(struct casync_task *task)
{
  bool cancelled = (task->flags & CASYNC_TASK_MUST_CANCEL) != 0;
  task->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
  finish(task, cancelled ? CASYNC_CANCELLED : CASYNC_RESULT);
}

void ca_task_act(struct casync_task *task, enum casync_action action)
{
  switch (action) {
  case CASYNC_ACTION_AWAIT:
    casync_future_wait(task->waits_for, &task->timer.handle);
    deliver_flagged(task);
    break;
  case CASYNC_ACTION_WAIT_OP: deliver_flagged(task); break;
  case CASYNC_ACTION_YIELD: queue_step(task); break;
  case CASYNC_ACTION_RETURNED: finish_with_result(task); break;
  case CASYNC_ACTION_LEAVE:
    finish(task, CASYNC_ERROR);
    casync_loop_leave(task->future.loop);
    break;
  case CASYNC_ACTION_NONE: break;
  case CASYNC_ACTION_RAISED: finish(task, CASYNC_ERROR); break;
  case CASYNC_ACTION_CANCELLED:
    task->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
    finish(task, CASYNC_CANCELLED);
    break;
  }
}

static void run_step(struct casync_loop *loop, struct casync_handle *handle)
{
  ca_task_run_step(loop, handle);
}

const struct casync_handle_type ca_task_step_type = {run_step, NULL};

void ca_task_soon(const struct casync_handle *handle, unsigned distance)
{
  const struct casync_task *task = ca_task_of((struct casync_handle *)handle);
  if (ca_task_type_of(task)->soon != NULL) ca_task_type_of(task)->soon(task, distance);
}

void casync_task_init(struct casync_task *task, struct casync_loop *loop,
                      const struct casync_task_type *type)
{
  casync_future_init(&task->future, loop, &type->future);
  task->timer = (struct casync_timer){.handle.type = &ca_task_step_type};
  task->waits_for = NULL;
  task->op = NULL;
  task->cancel_requests = 0;
  task->flags = 0;
}

void casync_task_start(struct casync_task *task)
{
  queue_step(task);
}

int casync_task_start_eagerly(struct casync_task *task)
{
  struct casync_loop *loop = task->future.loop;
  struct casync_task *previous = loop->current_task;
  enum casync_action action = ca_task_step(loop, task);
  loop->current_task = previous;
  if (action == CASYNC_ACTION_LEAVE) {
    finish(task, CASYNC_ERROR);
    return CASYNC_ELEFT;
  }
  ca_task_act(task, action);
  return 0;
}

void casync_task_abandon(struct casync_task *task)
{
  struct casync_handle *handle = &task->timer.handle;
  if (task->op != NULL) task->op->undo(task);
  task->op = NULL;
  task->waits_for = NULL;
  casync_future_unwait(handle);
  if (handle->flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(handle);
}

void casync_task_wait(struct casync_task *task, const struct casync_op_type *op, void *object)
{
  task->op = op;
  task->object = object;
}

void casync_task_wake(struct casync_task *task)
{
  task->op = NULL;
  task->object = NULL;
  queue_step(task);
}
