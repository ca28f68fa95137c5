/* SPDX-License-Identifier: MIT
 *
 * asyncio.Queue's waiting: who is woken by which item, and in which order.  Items are the
 * embedder's.
 *
 * asyncio pops a waiter off its deque when it wakes it, so nobody asks for those that have been
 * woken: a line is a list of tasks, each linked by its own handle as in a ready queue, and whoever
 * waits needs no object besides his task.  A woken task looks again when it runs, since its item
 * may be gone by then; it then waits at the end of the line.
 */
#include "base/check.h"
#include "base/list.h"
#include "casync/impl/op.h"
#include "casync/impl/sync.h"
#include "casync/sync.h"

static void undo(struct casync_task *task)
{
  ca_list_unlink(&task->timer.handle.node);
}

static const struct casync_op_type get_type = {"Queue.get", NULL, undo};
static const struct casync_op_type put_type = {"Queue.put", NULL, undo};
static const struct casync_op_type join_type = {"Queue.join", NULL, undo};

static void wait(struct casync_queue *queue, struct casync_node *line, struct casync_task *task,
                 const struct casync_op_type *type)
{
  ca_list_push(line, &task->timer.handle.node);
  casync_task_wait(task, type, queue);
}

static void wake_next(struct casync_node *line)
{
  if (ca_list_is_empty(line)) return;
  struct casync_node *first = ca_list_pop(line);
  casync_task_wake(ca_container_of(first, struct casync_task, timer.handle.node));
}

static void wake_all(struct casync_node *line)
{
  while (!ca_list_is_empty(line)) wake_next(line);
}

static size_t length(const struct casync_node *line)
{
  size_t n = 0;
  for (const struct casync_node *node = line->next; node != line; node = node->next) n++;
  return n;
}

static void finish_one(struct casync_queue *queue)
{
  if (--queue->unfinished == 0) wake_all(&queue->joiners);
}

void casync_queue_init(struct casync_queue *queue)
{
  ca_list_init(&queue->getters);
  ca_list_init(&queue->putters);
  ca_list_init(&queue->joiners);
  queue->unfinished = 0;
  queue->is_shutdown = false;
}

void casync_queue_wait_get(struct casync_queue *queue, struct casync_task *task)
{
  wait(queue, &queue->getters, task, &get_type);
}

void casync_queue_wait_put(struct casync_queue *queue, struct casync_task *task)
{
  wait(queue, &queue->putters, task, &put_type);
}

void casync_queue_wait_join(struct casync_queue *queue, struct casync_task *task)
{
  wait(queue, &queue->joiners, task, &join_type);
}

void casync_queue_added(struct casync_queue *queue)
{
  queue->unfinished++;
  wake_next(&queue->getters);
}

void casync_queue_taken(struct casync_queue *queue)
{
  wake_next(&queue->putters);
}

void casync_queue_wake_get(struct casync_queue *queue)
{
  wake_next(&queue->getters);
}

void casync_queue_wake_put(struct casync_queue *queue)
{
  wake_next(&queue->putters);
}

int casync_queue_task_done(struct casync_queue *queue)
{
  if (queue->unfinished == 0) return CASYNC_ESTATE;
  finish_one(queue);
  return 0;
}

void casync_queue_shutdown(struct casync_queue *queue)
{
  queue->is_shutdown = true;
  wake_all(&queue->getters);
  wake_all(&queue->putters);
}

void casync_queue_dropped(struct casync_queue *queue)
{
  if (queue->unfinished > 0) finish_one(queue);
}

static void unlink_all(struct casync_node *line)
{
  while (!ca_list_is_empty(line)) ca_list_init(ca_list_pop(line));
}

void casync_queue_abandon(struct casync_queue *queue)
{
  unlink_all(&queue->getters);
  unlink_all(&queue->putters);
  unlink_all(&queue->joiners);
}

size_t casync_queue_getters(const struct casync_queue *queue)
{
  return length(&queue->getters);
}

size_t casync_queue_putters(const struct casync_queue *queue)
{
  return length(&queue->putters);
}
