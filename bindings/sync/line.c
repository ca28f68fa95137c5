/* SPDX-License-Identifier: MIT
 *
 * The class Line, for the library's own Lua: a bare wait queue, on which Condition stands.
 */
#include "sync/sync.h"

struct cal_line {
  struct cal_sync sync;
  struct casync_waitqueue queue;
};

static struct cal_line *check_line(lua_State *L)
{
  struct cal_line *self = cal_check(L, 1, CAL_LINE, sizeof *self);
  cal_sync_tidy(&self->sync, &self->queue);
  return self;
}

/* line() -> Line */
static int line_new(lua_State *L)
{
  struct cal_line *self = cal_new_here(L, CAL_LINE, sizeof *self, CAL_SYNC_VALUES);
  casync_waitqueue_init(&self->queue);
  return 1;
}

/* ---- wait() ---- */

static int wait_back(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (cal_is_forged(L, state)) return cal_wait_on(L, state, 1, wait_back);
  casync_waitqueue_return(cal_waiter_of(lua_touserdata(L, 1)));
  cal_come_back(L, state);
  return 0;
}

static int wait_body(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  struct cal_line *self = op->of.native.object;
  cal_sync_wait(L, state, op, &self->queue);
  return cal_wait(L, state, wait_back);
}

static const struct cal_native_type wait_type = {{"Condition.wait", NULL, casync_waiter_undo},
                                                 wait_body};

/* Line:wait(), until woken */
static int line_wait(lua_State *L)
{
  return cal_wait_new(L, &wait_type, check_line(L));
}

/* ---- the rest ---- */

/* Line:wake(n): the first n of those that still wait */
static int line_wake(lua_State *L)
{
  struct cal_line *self = check_line(L);
  for (lua_Integer n = luaL_checkinteger(L, 2); n > 0; n--) {
    if (!casync_waitqueue_wake_next(&self->queue)) break;
  }
  return 0;
}

/* Line:size() -> how many have not come back */
static int line_size(lua_State *L)
{
  lua_pushinteger(L, casync_waitqueue_size(&check_line(L)->queue));
  return 1;
}

/* Line:bind(owner): to the running loop; raises in the name of `owner` */
static int line_bind(lua_State *L)
{
  check_line(L);
  luaL_checkany(L, 2);
  cal_sync_bind(L, cal_state(L), 1, 2);
  return 0;
}

void cal_open_line(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"bind", line_bind}, {"size", line_size}, {"wait", line_wait},
      {"wake", line_wake}, {NULL, NULL},
  };
  static const luaL_Reg functions[] = {{"line", line_new}, {NULL, NULL}};
  static const struct cal_class class = {CAL_LINE, methods, NULL};
  cal_class_make(L, &class);
  lua_pop(L, 1);
  cal_set_functions(L, functions);
}
