/* SPDX-License-Identifier: MIT
 *
 * What all waits in line share: the native coroutine, and the loop that an object is bound to.  As
 * in asyncio that is the loop of the first wait that blocks; what does not block binds nothing.
 */
#include "sync/sync.h"

int cal_wait_new(lua_State *L, const struct cal_native_type *type, void *object)
{
  struct cal_op *op = cal_native_again(L, type, 1, CAL_SYNC_SPARE, sizeof(struct cal_wait));
  if (op != NULL) {
    *cal_waiter_of(op) = (struct casync_waiter){0};
    return 1;
  }
  cal_native_about(L, type, object, sizeof(struct cal_wait));
  cal_native_keep(L, CAL_SYNC_SPARE);
  return 1;
}

CAL_NORETURN static void raise_other_loop(lua_State *L, int named)
{
  named = lua_absindex(L, named);
  luaL_checkstack(L, 4, NULL);
  cal_raise(L, "RuntimeError", "%s is bound to a different event loop",
            luaL_tolstring(L, named, NULL));
}

void cal_sync_bind(lua_State *L, const struct cal_state *state, int index, int named)
{
  struct cal_sync *self = lua_touserdata(L, index);
  if (self->loop == state->running || state->running == NULL) return;
  if (self->loop != NULL) raise_other_loop(L, named);
  index = lua_absindex(L, index);
  cal_push_value(L, CAL_STATE_RUNNING);
  lua_setiuservalue(L, index, CAL_SYNC_LOOP);
  self->loop = state->running;
}

/* The same for the object of the wait at index 1.  A task that may not suspend here learns so
 * before anything is bound. */
static struct casync_task *bind_and_wait(lua_State *L, struct cal_state *state,
                                         const struct cal_sync *self)
{
  bool is_bound = self->loop == state->running;
  if (!is_bound && self->loop != NULL && state->running != NULL) {
    lua_getiuservalue(L, 1, 1);
    raise_other_loop(L, -1);
  }
  struct casync_task *task = cal_may_wait(L, state);
  if (is_bound) return task;
  lua_getiuservalue(L, 1, 1);
  cal_sync_bind(L, state, -1, -1);
  lua_pop(L, 1);
  return task;
}

void cal_sync_wait(lua_State *L, struct cal_state *state, struct cal_op *op,
                   struct casync_waitqueue *queue)
{
  struct casync_task *task = bind_and_wait(L, state, op->of.native.object);
  casync_waitqueue_wait(queue, cal_waiter_of(op), task, op->of.op.type);
}
