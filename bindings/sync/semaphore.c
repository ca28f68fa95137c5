/* SPDX-License-Identifier: MIT
 *
 * The classes Semaphore and BoundedSemaphore (asyncio's), two kinds with one struct: methods of the
 * first take both.
 */
#include "sync/sync.h"

struct cal_semaphore {
  struct cal_sync sync;
  struct casync_semaphore semaphore;
  lua_Integer bound; /* BoundedSemaphore: the value it began with */
};

static struct cal_semaphore *check_semaphore(lua_State *L)
{
  struct cal_semaphore *self = cal_test(L, 1, CAL_SEMAPHORE, sizeof *self);
  if (self == NULL) self = cal_test(L, 1, CAL_BOUNDED_SEMAPHORE, sizeof *self);
  if (self == NULL)
    luaL_typeerror(L, 1, "Semaphore");
  else
    cal_sync_tidy(&self->sync, &self->semaphore.queue);
  return self;
}

static int new_semaphore(lua_State *L, enum cal_kind_id kind)
{
  struct cal_semaphore *self = cal_new_of_class(L, kind, sizeof *self, CAL_SYNC_VALUES);
  casync_semaphore_init(&self->semaphore, 1);
  self->bound = 1;
  return 1;
}

/* Semaphore.__new(class) */
static int semaphore_new(lua_State *L)
{
  return new_semaphore(L, CAL_SEMAPHORE);
}

/* BoundedSemaphore.__new(class) */
static int bounded_new(lua_State *L)
{
  return new_semaphore(L, CAL_BOUNDED_SEMAPHORE);
}

/* Semaphore:init([value]), the same of BoundedSemaphore */
static int semaphore_init(lua_State *L)
{
  struct cal_semaphore *self = check_semaphore(L);
  lua_Integer value = luaL_optinteger(L, 2, 1);
  if (value < 0) return cal_raise(L, "ValueError", "Semaphore initial value must be >= 0");
  self->semaphore.value = (uint64_t)value;
  self->bound = value;
  return 0;
}

/* ---- acquire() ---- */

static int acquire_back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  struct cal_op *op = lua_touserdata(L, 1);
  struct cal_semaphore *self = op->of.native.object;
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, acquire_back);
  casync_semaphore_return(&self->semaphore, cal_waiter_of(op), cal_comes_back_raising(state));
  cal_come_back(L, state);
  return cal_wait_over(L, op);
}

static int acquire_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_semaphore *self = op->of.native.object;
  if (casync_semaphore_acquire(&self->semaphore)) return cal_wait_over(L, op);
  cal_sync_wait(L, state, op, &self->semaphore.queue);
  return cal_wait(L, state, acquire_back);
}

static const struct cal_native_type acquire_type = {{"Semaphore.acquire", NULL, casync_waiter_undo},
                                                    acquire_body};

/* Semaphore:acquire() -> true, once the task has a unit */
static int semaphore_acquire(lua_State *L)
{
  return cal_wait_new(L, &acquire_type, check_semaphore(L));
}

/* ---- the rest ---- */

/* Semaphore:release() */
static int semaphore_release(lua_State *L)
{
  struct cal_semaphore *self = check_semaphore(L);
  if (self->semaphore.queue.size > 0) cal_check_waking(L, cal_state(L));
  casync_semaphore_release(&self->semaphore);
  return 0;
}

/* BoundedSemaphore:release() */
static int bounded_release(lua_State *L)
{
  struct cal_semaphore *self = check_semaphore(L);
  if (self->semaphore.queue.size > 0) cal_check_waking(L, cal_state(L));
  if (self->semaphore.value >= (uint64_t)self->bound)
    return cal_raise(L, "ValueError", "BoundedSemaphore released too many times");
  casync_semaphore_release(&self->semaphore);
  return 0;
}

/* Semaphore:locked() */
static int semaphore_locked(lua_State *L)
{
  lua_pushboolean(L, casync_semaphore_is_locked(&check_semaphore(L)->semaphore));
  return 1;
}

/* semaphore_info(semaphore) -> value, how many wait */
static int semaphore_info(lua_State *L)
{
  const struct cal_semaphore *self = check_semaphore(L);
  lua_pushinteger(L, (lua_Integer)self->semaphore.value);
  lua_pushinteger(L, casync_waitqueue_size(&self->semaphore.queue));
  return 2;
}

void cal_open_semaphore(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", semaphore_new},     {"acquire", semaphore_acquire}, {"init", semaphore_init},
      {"locked", semaphore_locked}, {"release", semaphore_release}, {NULL, NULL},
  };
  static const luaL_Reg bounded_methods[] = {
      {"__new", bounded_new}, {"release", bounded_release}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"semaphore_info", semaphore_info}, {NULL, NULL}};
  static const struct cal_class class = {CAL_SEMAPHORE, methods, NULL};
  static const struct cal_class bounded = {CAL_BOUNDED_SEMAPHORE, bounded_methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Semaphore");
  cal_class_make(L, &bounded);
  cal_inherit(L, "Semaphore");
  lua_setfield(L, -2, "BoundedSemaphore");
  cal_set_functions(L, functions);
}
