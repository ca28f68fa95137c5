/* SPDX-License-Identifier: MIT
 *
 * Futures: states, waiters, completion, cancellation.  Completing queues the waiters; nobody runs
 * inside the call.
 */
#include "base/check.h"
#include "core/core.h"

static bool cancel_plain(struct casync_future *future)
{
  return casync_future_complete(future, CASYNC_CANCELLED) == 0;
}

static const struct casync_future_type plain_type = {cancel_plain};

void casync_future_init(struct casync_future *future, struct casync_loop *loop,
                        const struct casync_future_type *type)
{
  future->loop = loop;
  future->type = type != NULL ? type : &plain_type;
  ca_list_init(&future->waiters);
  future->state = CASYNC_PENDING;
  future->flags = 0;
}

static void queue_waiters(struct casync_future *future)
{
  while (!ca_list_is_empty(&future->waiters)) {
    struct casync_node *node = ca_list_pop(&future->waiters);
    struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
    handle->flags &= (uint8_t)~CASYNC_HANDLE_WAITING;
    ca_ready_push(future->loop, handle);
  }
}

int casync_future_complete(struct casync_future *future, int state)
{
  if (future->state != CASYNC_PENDING) return CASYNC_ESTATE;
  future->state = (uint8_t)state;
  queue_waiters(future);
  return 0;
}

bool casync_future_cancel(struct casync_future *future)
{
  return future->state == CASYNC_PENDING && future->type->cancel(future);
}

bool casync_future_is_done(const struct casync_future *future)
{
  return future->state != CASYNC_PENDING;
}

void casync_future_wait(struct casync_future *future, struct casync_handle *handle)
{
  if (future->state != CASYNC_PENDING) {
    ca_ready_push(future->loop, handle);
    return;
  }
  assert((handle->flags & (CASYNC_HANDLE_QUEUED | CASYNC_HANDLE_WAITING)) == 0);
  handle->flags |= CASYNC_HANDLE_WAITING;
  ca_list_push(&future->waiters, &handle->node);
}

void casync_future_unwait(struct casync_handle *handle)
{
  if (!(handle->flags & CASYNC_HANDLE_WAITING)) return;
  handle->flags &= (uint8_t)~CASYNC_HANDLE_WAITING;
  ca_list_unlink(&handle->node);
}

/* ---- who waits ---- */

/* Whose waiting `handle` is; NULL: a callback's. */
static struct casync_future *waiter_of(const struct casync_handle *handle)
{
  if (handle->type == &ca_task_step_type)
    return &ca_container_of(handle, struct casync_task, timer.handle)->future;
  if (handle->type == &ca_gather_child_type)
    return &ca_container_of(handle, struct casync_gather_child, handle)->gather->future;
  return NULL;
}

struct casync_future *casync_future_next_waiter(const struct casync_future *future,
                                                const struct casync_handle **place)
{
  const struct casync_node *node = *place != NULL ? (*place)->node.next : future->waiters.next;
  for (; node != &future->waiters; node = node->next) {
    *place = ca_container_of(node, struct casync_handle, node);
    struct casync_future *waiter = waiter_of(*place);
    if (waiter != NULL) return waiter;
  }
  return NULL;
}
