/* SPDX-License-Identifier: MIT
 *
 * Handles: how they are queued, timed and cancelled.  What they do is their embedder's.
 */
#include "base/check.h"
#include "core/core.h"

void casync_loop_call_soon(struct casync_loop *loop, struct casync_handle *handle)
{
  ca_ready_push(loop, handle);
}

int casync_loop_call_at(struct casync_loop *loop, struct casync_timer *timer, double when)
{
  if (loop->state == CA_LOOP_CLOSED) return CASYNC_ECLOSED;
  return ca_timers_push(loop, timer, when);
}

/* A cancelled handle stays on the ready queue, as in asyncio: the iteration that skips it is part
 * of the order of events. */
void casync_handle_cancel(struct casync_loop *loop, struct casync_handle *handle)
{
  handle->flags |= CASYNC_HANDLE_CANCELLED;
  if (handle->heap_index != 0)
    ca_timers_remove(loop, ca_container_of(handle, struct casync_timer, handle));
}
