/* SPDX-License-Identifier: MIT
 *
 * The class Lock (asyncio.Lock).  Context management and text are in lua/casync/sync/native.lua.
 */
#include "sync/sync.h"

struct cal_lock {
  struct cal_sync sync;
  struct casync_lock lock;
  bool is_told; /* debug mode: who has it is known */
};

static struct cal_lock *check_lock(lua_State *L)
{
  struct cal_lock *self = cal_check(L, 1, CAL_LOCK, sizeof *self);
  cal_sync_tidy(&self->sync, &self->lock.queue);
  return self;
}

/* Lock.__new(class) */
static int lock_new(lua_State *L)
{
  struct cal_lock *self = cal_new_of_class(L, CAL_LOCK, sizeof *self, CAL_SYNC_VALUES);
  casync_lock_init(&self->lock);
  return 1;
}

/* Lock:init() */
static int lock_init(lua_State *L)
{
  check_lock(L);
  if (cal_debugs(cal_state(L))) cal_tell(L, "made", 1);
  return 0;
}

/* ---- acquire() ---- */

/* The lock of the wait at index 1 is the current task's. */
static void tell_taken(lua_State *L)
{
  lua_getiuservalue(L, 1, 1);
  ((struct cal_lock *)lua_touserdata(L, -1))->is_told = true;
  cal_tell(L, "taken", -1);
  lua_pop(L, 1);
}

static int acquire_back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  struct cal_op *op = lua_touserdata(L, 1);
  struct cal_lock *self = op->of.native.object;
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, acquire_back);
  casync_lock_return(&self->lock, cal_waiter_of(op), cal_comes_back_raising(state));
  cal_come_back(L, state);
  if (cal_debugs(state)) tell_taken(L);
  return cal_wait_over(L, op);
}

static int acquire_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_lock *self = op->of.native.object;
  if (casync_lock_acquire(&self->lock)) {
    if (cal_debugs(state)) tell_taken(L);
    return cal_wait_over(L, op);
  }
  cal_sync_wait(L, state, op, &self->lock.queue);
  return cal_wait(L, state, acquire_back);
}

static const struct cal_native_type acquire_type = {{"Lock.acquire", NULL, casync_waiter_undo},
                                                    acquire_body};

/* Lock:acquire() -> true, once the task has the lock */
static int lock_acquire(lua_State *L)
{
  return cal_wait_new(L, &acquire_type, check_lock(L));
}

/* ---- the rest ---- */

/* Lock:release() */
static int lock_release(lua_State *L)
{
  struct cal_lock *self = check_lock(L);
  bool is_told = self->is_told;
  if (is_told) cal_check_waking(L, cal_state(L));
  if (casync_lock_release(&self->lock) < 0)
    return cal_raise(L, "RuntimeError", "Lock is not acquired.");
  self->is_told = false;
  if (is_told) cal_tell(L, "released", 1);
  return 0;
}

/* Lock:locked() */
static int lock_locked(lua_State *L)
{
  lua_pushboolean(L, check_lock(L)->lock.is_locked);
  return 1;
}

/* lock_waiters(lock) -> how many wait */
static int lock_waiters(lua_State *L)
{
  lua_pushinteger(L, casync_waitqueue_size(&check_lock(L)->lock.queue));
  return 1;
}

void cal_open_lock(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", lock_new},     {"acquire", lock_acquire}, {"init", lock_init},
      {"locked", lock_locked}, {"release", lock_release}, {NULL, NULL},
  };
  static const luaL_Reg functions[] = {{"lock_waiters", lock_waiters}, {NULL, NULL}};
  static const struct cal_class class = {CAL_LOCK, methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Lock");
  cal_set_functions(L, functions);
}
