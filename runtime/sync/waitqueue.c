/* SPDX-License-Identifier: MIT
 *
 * The FIFO of waiting tasks that all of asyncio's synchronization stands on; the only place that
 * parks.  A wait ends when somebody wakes the task or cancels it: the waiter is unlinked then, but
 * counts until its task has run and come back, as in asyncio's deque.
 *
 * Theory: Lock.release() wakes the head of asyncio's deque only if its wait has not ended yet.
 * Here the ended are not linked, so each waiter knows the newest of those that ended right ahead
 * of it.  Tasks run in the order in which their waits ended: when the newest is back, all are, and
 * the waiter is the head.
 */
#include "base/check.h"
#include "base/list.h"
#include "casync/impl/sync.h"
#include "casync/sync.h"

static struct casync_waiter *waiter_of(struct casync_node *node)
{
  return ca_container_of(node, struct casync_waiter, node);
}

static bool is_last(const struct casync_waiter *waiter)
{
  return waiter->node.next == &waiter->queue->waiting;
}

/* Unlinks the waiter; whoever was behind it has one more ahead that ended. */
static void end_wait(struct casync_waiter *waiter, enum casync_waiter_state state)
{
  struct casync_waitqueue *queue = waiter->queue;
  assert(waiter->state == CASYNC_WAITING);
  waiter->turn = ++queue->ended;
  if (is_last(waiter))
    queue->last_turn = waiter->turn;
  else
    waiter_of(waiter->node.next)->turn = waiter->turn;
  ca_list_unlink(&waiter->node);
  waiter->state = (uint8_t)state;
}

static void wake(struct casync_waiter *waiter)
{
  end_wait(waiter, CASYNC_WOKEN);
  casync_task_wake(waiter->task);
}

void casync_waitqueue_init(struct casync_waitqueue *queue)
{
  *queue = (struct casync_waitqueue){.size = 0};
  ca_list_init(&queue->waiting);
}

void casync_waitqueue_wait(struct casync_waitqueue *queue, struct casync_waiter *waiter,
                           struct casync_task *task, const struct casync_op_type *op)
{
  waiter->queue = queue;
  waiter->task = task;
  waiter->turn = queue->last_turn;
  waiter->state = CASYNC_WAITING;
  queue->last_turn = 0;
  queue->size++;
  queue->live++;
  ca_list_push(&queue->waiting, &waiter->node);
  casync_task_wait(task, op, waiter);
}

void casync_waiter_undo(struct casync_task *task)
{
  struct casync_waiter *waiter = task->object;
  waiter->queue->live--;
  end_wait(waiter, CASYNC_WAIT_CANCELLED);
}

bool casync_waitqueue_wake_next(struct casync_waitqueue *queue)
{
  if (ca_list_is_empty(&queue->waiting)) return false;
  wake(waiter_of(queue->waiting.next));
  return true;
}

bool casync_waitqueue_wake_first(struct casync_waitqueue *queue)
{
  if (ca_list_is_empty(&queue->waiting)) return false;
  struct casync_waiter *first = waiter_of(queue->waiting.next);
  if (first->turn > queue->returned) return false;
  wake(first);
  return true;
}

void casync_waitqueue_return(struct casync_waiter *waiter)
{
  struct casync_waitqueue *queue = waiter->queue;
  assert(waiter->state != CASYNC_WAITING && queue->returned < waiter->turn);
  queue->returned = waiter->turn;
  queue->size--;
  if (waiter->state == CASYNC_WOKEN) queue->live--;
}

void casync_waitqueue_forget(struct casync_waitqueue *queue)
{
  assert(ca_list_is_empty(&queue->waiting));
  casync_waitqueue_init(queue);
}

uint32_t casync_waitqueue_size(const struct casync_waitqueue *queue)
{
  return queue->size;
}

bool casync_waitqueue_is_live(const struct casync_waitqueue *queue)
{
  return queue->live > 0;
}
