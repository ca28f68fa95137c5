/* SPDX-License-Identifier: MIT
 *
 * The fifth part of the bindings' private header: what tasks wait in line for (sync/).  The classes
 * are made on first use, by core.open_sync().
 *
 * Each object begins with a cal_sync and goes on with the runtime's struct.  Each wait is a native
 * coroutine that embeds its place in the line, so waiting makes nothing but the awaitable.
 */
#ifndef CAL_SYNC_H
#define CAL_SYNC_H

#include "bind.h"
#include "casync/impl/sync.h"
#include "casync/sync.h"

enum cal_sync_value {
  CAL_SYNC_LOOP = 1, /* the loop of the first wait that blocked */
  CAL_SYNC_SPARE,    /* a wait to hand out again */
  CAL_SYNC_FIELDS,
  CAL_SYNC_VALUES = CAL_SYNC_FIELDS
};

struct cal_sync {
  struct cal_object object;
  const struct cal_loop *loop; /* that at CAL_SYNC_LOOP; NULL before */
};

/* A native coroutine that waits in line for the object that is its only user value. */
struct cal_wait {
  struct cal_op op; /* op.of.native.object: the object */
  struct casync_waiter waiter;
};

/* Pushes one for `object`, which is at index 1; its result is for `return cal_wait_new(…)`. */
int cal_wait_new(lua_State *L, const struct cal_native_type *type, void *object);
/* The end of its body: it returns true. */
static inline int cal_wait_over(lua_State *L, struct cal_op *op)
{
  lua_pushboolean(L, 1);
  cal_native_over(op);
  return 1;
}

/* Binds the object at `index` to the running loop, if there is one; raises RuntimeError, naming the
 * value at `named`, if it is bound to another one. */
void cal_sync_bind(lua_State *L, const struct cal_state *state, int index, int named);

/* In the body of a cal_wait: its task waits in `queue`, of its object; cal_wait() is to follow. */
void cal_sync_wait(lua_State *L, struct cal_state *state, struct cal_op *op,
                   struct casync_waitqueue *queue);

/* Before a method looks at the queue: those whose loop has been closed do not count. */
static inline void cal_sync_tidy(const struct cal_sync *self, struct casync_waitqueue *queue)
{
  if (queue->size == 0) return;
  const struct casync_loop *loop = self->loop->loop; /* NULL: collected, as the whole state ends */
  if (loop == NULL || casync_loop_is_closed(loop)) casync_waitqueue_forget(queue);
}

static inline struct casync_waiter *cal_waiter_of(struct cal_op *op)
{
  return &((struct cal_wait *)op)->waiter;
}

void cal_open_line(lua_State *L);
void cal_open_lock(lua_State *L);
void cal_open_event(lua_State *L);
void cal_open_semaphore(lua_State *L);

#endif
