/* SPDX-License-Identifier: MIT
 *
 * The ready queue: an intrusive FIFO.  A push cannot fail and reserves nothing.
 */
#include "base/check.h"
#include "core/core.h"

void ca_ready_init(struct ca_ready *ready)
{
  ca_list_init(&ready->queue);
  ca_list_init(&ready->batch);
}

void ca_ready_push(struct casync_loop *loop, struct casync_handle *handle)
{
  ca_ready_link(loop, handle);
  if (handle->type->queued != NULL) handle->type->queued(loop, handle);
}

/* Takes a queued handle off the queue, or out of the batch that runs. */
void ca_ready_remove(struct casync_handle *handle)
{
  assert(handle->flags & CASYNC_HANDLE_QUEUED);
  handle->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
  ca_list_unlink(&handle->node);
}

/* Forgets everything that is queued; the handles are not run. */
void ca_ready_drop_all(struct casync_loop *loop)
{
  ca_list_append(&loop->ready.batch, &loop->ready.queue);
  while (!ca_list_is_empty(&loop->ready.batch)) {
    struct casync_node *node = ca_list_pop(&loop->ready.batch);
    struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
    handle->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
  }
}
