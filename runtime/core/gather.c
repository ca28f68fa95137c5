/* SPDX-License-Identifier: MIT
 *
 * Gather: counts its children down and ends when one fails or all have ended.  The rules are those
 * of the done callback inside asyncio.gather(), and of _GatheringFuture.cancel().
 */
#include "base/check.h"
#include "core/core.h"

static const struct casync_gather_type *type_of(const struct casync_gather *gather)
{
  return (const struct casync_gather_type *)gather->future.type;
}

static void finish(struct casync_gather *gather, struct casync_gather_child *child)
{
  enum casync_future_state state = type_of(gather)->collect(gather, child);
  casync_future_complete(&gather->future, (int)state);
}

/* A child is done: it fails the gather, completes it, or is counted. */
static void on_child(struct casync_gather *gather, struct casync_gather_child *child)
{
  gather->finished++;
  if (casync_future_is_done(&gather->future))
    type_of(gather)->late(gather, child);
  else if (!gather->return_exceptions && child->future->state != CASYNC_RESULT)
    finish(gather, child);
  else if (gather->finished == gather->count)
    finish(gather, NULL);
  if (gather->finished == gather->count) type_of(gather)->released(gather);
}

static void run_child(struct casync_loop *loop, struct casync_handle *handle)
{
  (void)loop;
  struct casync_gather_child *child = ca_container_of(handle, struct casync_gather_child, handle);
  on_child(child->gather, child);
}

const struct casync_handle_type ca_gather_child_type = {run_child, NULL};

void casync_gather_init(struct casync_gather *gather, struct casync_loop *loop,
                        const struct casync_gather_type *type, struct casync_gather_child *children,
                        uint32_t length, bool return_exceptions)
{
  casync_future_init(&gather->future, loop, &type->future);
  gather->length = length;
  gather->count = gather->finished = 0;
  gather->return_exceptions = return_exceptions;
  gather->cancel_requested = false;
  gather->children = children;
}

void casync_gather_set(struct casync_gather *gather, uint32_t i, struct casync_future *future,
                       bool repeated, bool waits)
{
  struct casync_gather_child *child = &gather->children[i];
  *child = (struct casync_gather_child){
      .handle.type = repeated ? NULL : &ca_gather_child_type, .future = future, .gather = gather};
  if (repeated) return;
  gather->count++;
  if (waits) casync_future_wait(future, &child->handle);
}

/* Whether the child has to be waited for, or counted, and nothing has been done for that yet. */
static bool is_new(const struct casync_gather_child *child)
{
  const int linked = CASYNC_HANDLE_WAITING | CASYNC_HANDLE_QUEUED;
  return child->handle.type != NULL && !(child->handle.flags & linked);
}

void casync_gather_start(struct casync_gather *gather)
{
  for (uint32_t i = 0; i < gather->length; i++) {
    struct casync_gather_child *child = &gather->children[i];
    if (is_new(child) && child->future->state == CASYNC_PENDING)
      casync_future_wait(child->future, &child->handle);
  }
  for (uint32_t i = 0; i < gather->length; i++) {
    struct casync_gather_child *child = &gather->children[i];
    if (is_new(child)) on_child(gather, child);
  }
}

bool casync_gather_is_waiting(const struct casync_gather *gather)
{
  return gather->finished < gather->count;
}

void casync_gather_abandon(struct casync_gather *gather)
{
  for (uint32_t i = 0; i < gather->length; i++) {
    struct casync_handle *handle = &gather->children[i].handle;
    casync_future_unwait(handle);
    if (handle->flags & CASYNC_HANDLE_QUEUED) ca_ready_remove(handle);
  }
  gather->finished = gather->count;
}
