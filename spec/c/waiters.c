/* SPDX-License-Identifier: MIT
 *
 * The steps of tasks that wait in line; see waiters.h.
 */
#include "waiters.h"

#include "base/check.h"

static const struct casync_op_type wait_op = {"wait", NULL, casync_waiter_undo};

static enum casync_action end(struct in_line *self, bool raised)
{
  note(world_of(self->task.future.loop), "%s%s", self->name, raised ? "!" : "");
  return raised ? CASYNC_ACTION_CANCELLED : CASYNC_ACTION_RETURNED;
}

static enum casync_action step(struct casync_task *task, enum casync_resume how)
{
  struct in_line *self = ca_container_of(task, struct in_line, task);
  bool raised = how == CASYNC_RESUME_CANCEL || (task->flags & CASYNC_TASK_OP_CANCELLED);
  if (self->has_waited) {
    self->type->back(self->thing, &self->waiter, raised);
    return end(self, raised);
  }
  if (raised || self->type->acquire(self->thing)) return end(self, raised);
  self->has_waited = true;
  casync_waitqueue_wait(self->queue, &self->waiter, task, &wait_op);
  return CASYNC_ACTION_WAIT_OP;
}

static bool cancel(struct casync_future *future)
{
  return casync_task_cancel(ca_container_of(future, struct casync_task, future));
}

static void keep_message(struct casync_task *task, enum casync_message what)
{
  (void)task;
  (void)what;
}

static void count_end(struct casync_task *task)
{
  (void)task;
}

static const struct casync_task_type type_ = {
    .future = {cancel}, .step = step, .message = keep_message, .done = count_end};

struct in_line *wait_in_line(struct world *world, const char *name, const struct line_type *type,
                             void *thing, struct casync_waitqueue *queue)
{
  struct in_line *self = keep(world, sizeof *self);
  self->name = name;
  self->type = type;
  self->thing = thing;
  self->queue = queue;
  casync_task_init(&self->task, world->loop, &type_);
  casync_task_start(&self->task);
  return self;
}

bool cancel_in_line(struct in_line *task)
{
  return casync_task_cancel(&task->task);
}

void then_cancel_in_line(struct world *world, struct callback *callback)
{
  note(world, cancel_in_line(callback->data) ? "true" : "false");
}
