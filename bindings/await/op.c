/* SPDX-License-Identifier: MIT
 *
 * Native operations as Lua objects: coroutine objects whose body is C.  What an op returns are its
 * user values.  Methods send, throw, close and await are in lua/casync/await.lua.
 *
 * Ops are many and short-lived, and a finalizer doubles the price of one: only the first thousand
 * of a process and then one in 64 check that they were awaited; in debug mode all do.
 */
#include "bind.h"

#include <math.h>

enum { SHARED = 2 }; /* upvalue: the op of sleep(0) */
enum { CHECKED_AT_FIRST = 1000, CHECKED_ONE_IN = 64 };

struct cal_op *cal_test_op(lua_State *L, int index)
{
  return cal_test(L, index, CAL_OP, sizeof(struct cal_op));
}

int cal_op_results(lua_State *L, int index)
{
  struct cal_op *op = cal_test_op(L, index);
  if (op == NULL) return 0;
  luaL_checkstack(L, op->nresults, "too many results");
  index = lua_absindex(L, index);
  for (int i = 1; i <= op->nresults; i++) lua_getiuservalue(L, index, i);
  return op->nresults;
}

static void clear(lua_State *L, struct cal_op *op)
{
  if (!op->checked) return;
  op->checked = false;
  cal_find_state(L)->suspects--;
}

int cal_op_start(lua_State *L, struct cal_op *op, struct casync_task *task)
{
  if (op->shared) return CASYNC_OP_YIELDS;
  clear(L, op);
  return casync_op_start(&op->of.op, task);
}

void cal_op_close(lua_State *L, struct cal_op *op)
{
  if (op->shared) return;
  clear(L, op);
  casync_op_close(&op->of.op);
}

/* Whether the next op is one of those that are checked. */
static inline bool is_checked(const struct cal_state *state)
{
  unsigned n = state->ops_made;
  if (n < CHECKED_AT_FIRST || n % CHECKED_ONE_IN == 0) return true;
  return state->debugs;
}

/* The new op on top is one of those that are checked, or is not. */
static inline void choose(lua_State *L, struct cal_op *op)
{
  struct cal_state *state = cal_state(L);
  bool checked = is_checked(state);
  state->ops_made++;
  if (!checked) return;
  op->checked = true;
  state->suspects++;
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_OP_CHECKED);
  lua_setmetatable(L, -2);
  if (cal_debugs(state)) cal_tell(L, "made", -1);
}

/* Makes an op of the `n` values on top (popped) and leaves it there. */
static struct cal_op *new_op(lua_State *L, int n)
{
  struct cal_op *op = cal_new_here(L, CAL_OP, sizeof *op, n);
  op->nresults = n;
  lua_insert(L, -n - 1);
  for (int i = n; i >= 1; i--) lua_setiuservalue(L, -i - 1, i);
  choose(L, op);
  return op;
}

struct cal_op *cal_native_new(lua_State *L, const struct cal_native_type *type, int n)
{
  struct cal_op *op = new_op(L, n);
  op->of.op.type = &type->op;
  return op;
}

/* Makes one of `n` values from index 1 on, which stay there. */
static inline struct cal_op *new_about(lua_State *L, const struct cal_native_type *type,
                                       void *object, size_t size, int n)
{
  struct cal_op *op = cal_new_here(L, CAL_OP, size, n);
  op->nresults = n;
  op->of.op.type = &type->op;
  op->of.native.object = object;
  for (int i = 1; i <= n; i++) {
    lua_pushvalue(L, i);
    lua_setiuservalue(L, -2, i);
  }
  choose(L, op);
  return op;
}

struct cal_op *cal_native_about(lua_State *L, const struct cal_native_type *type, void *object,
                                size_t size)
{
  return new_about(L, type, object, size, 1);
}

struct cal_op *cal_native_about_two(lua_State *L, const struct cal_native_type *type, void *object)
{
  return new_about(L, type, object, sizeof(struct cal_op), 2);
}

struct cal_op *cal_native_again(lua_State *L, const struct cal_native_type *type, int index,
                                int value, size_t size)
{
  struct cal_state *state = cal_state(L);
  if (is_checked(state)) return NULL;
  lua_getiuservalue(L, index, value);
  struct cal_op *op = cal_test(L, -1, CAL_OP, size);
  if (op == NULL || !op->spare) {
    lua_pop(L, 1);
    return NULL;
  }
  state->ops_made++;
  op->spare = false;
  op->of.op.type = &type->op;
  op->of.op.state = CASYNC_OP_NEW;
  op->of.native.n = 0;
  return op;
}

CAL_APART static int sleep_for(lua_State *L)
{
  int is_number;
  lua_Number delay = lua_tonumberx(L, 1, &is_number);
  int n = lua_gettop(L) - 1;
  if (is_number && delay <= 0 && n == 0) {
    lua_pushvalue(L, lua_upvalueindex(SHARED));
    return 1;
  }
  if (!is_number) luaL_checknumber(L, 1);
  if (isnan(delay)) return cal_raise(L, "ValueError", "Invalid delay: NaN (not a number)");
  luaL_argcheck(L, n <= 16, 18, "too many results");
  casync_sleep_init(&new_op(L, n)->of.sleep, delay);
  return 1;
}

/* sleep(delay, …) -> op that returns the values after the delay (seconds) */
static int sleep_op(lua_State *L)
{
  int is_integer;
  if (lua_gettop(L) != 1 || lua_tointegerx(L, 1, &is_integer) > 0 || !is_integer)
    return sleep_for(L);
  lua_pushvalue(L, lua_upvalueindex(SHARED)); /* the usual sleep(0), without looking further */
  return 1;
}

static int op_gc(lua_State *L)
{
  struct cal_op *op = cal_test_op(L, 1);
  if (op == NULL || op->of.op.type == NULL || op->of.op.state != CASYNC_OP_NEW) return 0;
  cal_op_close(L, op);
  lua_pushfstring(L, "coroutine '%s' was never awaited", op->of.op.type->name);
  cal_report_later(L, lua_tostring(L, -1), "coroutine", 1, 0, 0);
  return 0;
}

/* Makes the metatable of checked ops: that of the class and a finalizer. */
static void make_checked_meta(lua_State *L)
{
  static const luaL_Reg metamethods[] = {{"__gc", op_gc}, {NULL, NULL}};
  lua_newtable(L);
  cal_push_value(L, CAL_STATE_METAS + CAL_OP);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, -5);
  }
  lua_pop(L, 1);
  cal_set_functions(L, metamethods);
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_OP_CHECKED);
  lua_setfield(L, -2, "op_checked_meta");
}

static void make_sleep0(lua_State *L)
{
  struct cal_op *op = cal_new(L, CAL_OP, sizeof *op, 0);
  casync_sleep_init(&op->of.sleep, 0);
  op->shared = true;
  cal_find_state(L)->sleep0 = &op->object;
  cal_store_value(L, CAL_STATE_SLEEP0);
}

void cal_open_op(lua_State *L)
{
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const struct cal_class class = {CAL_OP, methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Op");
  make_checked_meta(L);
  make_sleep0(L);
  cal_push_state_slowly(L);
  cal_push_value(L, CAL_STATE_SLEEP0);
  lua_pushcclosure(L, sleep_op, SHARED);
  lua_setfield(L, -2, "sleep");
}
