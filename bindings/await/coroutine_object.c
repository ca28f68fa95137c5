/* SPDX-License-Identifier: MIT
 *
 * Coroutine objects: what calling a coroutine function gives.  A function and its arguments, good
 * for one await (await.c).
 */
#include "bind.h"

struct cal_coroutine *cal_test_coroutine(lua_State *L, int index)
{
  return cal_test(L, index, CAL_COROUTINE, sizeof(struct cal_coroutine));
}

void cal_coroutine_leave_new(lua_State *L, struct cal_coroutine *coroutine,
                             enum cal_coroutine_state state)
{
  coroutine->state = (uint8_t)state;
  if (coroutine->checked) cal_find_state(L)->suspects--;
}

void cal_coroutine_new(lua_State *L, int index, bool checked, bool library)
{
  index = lua_absindex(L, index);
  int nargs = lua_gettop(L) - index;
  luaL_argcheck(L, nargs < 200, nargs, "too many arguments");
  struct cal_coroutine *coroutine =
      lua_newuserdatauv(L, sizeof *coroutine, CAL_COROUTINE_FUNCTION + nargs);
  *coroutine = (struct cal_coroutine){.object.kind = &cal_kinds[CAL_COROUTINE],
                                      .nargs = (uint16_t)nargs,
                                      .checked = checked,
                                      .library = library};
  bool is_noted = false;
  if (checked) {
    struct cal_state *state = cal_find_state(L);
    state->suspects++;
    is_noted = cal_debugs(state);
  }
  lua_insert(L, index);
  for (int i = nargs + 1; i >= 1; i--) lua_setiuservalue(L, index, i);
  cal_push_value(L, checked ? CAL_STATE_METAS + CAL_COROUTINE : CAL_STATE_COROUTINE_PLAIN);
  lua_setmetatable(L, index);
  if (is_noted) cal_tell(L, "made", index);
}

/* Moves the arguments out; the function stays, it is the coroutine's name. */
int cal_coroutine_take(lua_State *L, int index, lua_State *to)
{
  struct cal_coroutine *coroutine = lua_touserdata(L, index);
  if (coroutine->state != CAL_COROUTINE_NEW)
    return cal_raise(L, "RuntimeError", "cannot reuse already awaited coroutine");
  if (!lua_checkstack(to, coroutine->nargs + 2) || !lua_checkstack(L, 2))
    return luaL_error(L, "too many arguments");
  cal_coroutine_leave_new(L, coroutine, CAL_COROUTINE_TAKEN);
  index = lua_absindex(L, index);
  for (int i = 0; i <= coroutine->nargs; i++) {
    lua_getiuservalue(L, index, CAL_COROUTINE_FUNCTION + i);
    lua_xmove(L, to, L == to ? 0 : 1);
    if (i == 0) continue;
    lua_pushnil(L);
    lua_setiuservalue(L, index, CAL_COROUTINE_FUNCTION + i);
  }
  return coroutine->nargs;
}

/* ---- async(f) ---- */

enum { ASYNC_BODY = 2 }; /* upvalue: the function */

static int call_async(lua_State *L)
{
  lua_pushvalue(L, lua_upvalueindex(ASYNC_BODY));
  lua_insert(L, 1);
  cal_coroutine_new(L, 1, true, false);
  return 1;
}

bool cal_push_async_body(lua_State *L, int index)
{
  return lua_tocfunction(L, index) == call_async && lua_getupvalue(L, index, ASYNC_BODY) != NULL;
}

/* async([name,] f) -> coroutine function */
static int async(lua_State *L)
{
  bool named = lua_type(L, 1) == LUA_TSTRING;
  int index = named ? 2 : 1;
  luaL_checktype(L, index, LUA_TFUNCTION);
  lua_settop(L, index);
  if (cal_push_async_body(L, index)) lua_replace(L, index);
  if (named) {
    lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_NAMES);
    lua_pushvalue(L, index);
    lua_pushvalue(L, 1);
    lua_rawset(L, -3);
  }
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushvalue(L, index);
  lua_pushcclosure(L, call_async, 2);
  return 1;
}

/* coroutine(f, …) -> coroutine object of one of the library's own functions */
static int library_coroutine(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  unsigned n = state->ops_made++;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  cal_coroutine_new(L, 1, n < 1000 || n % 64 == 0 || state->debugs, true);
  return 1;
}

/* ---- names and checks ---- */

/* Pushes the name of the function at `index`: as given, or file:line. */
static void push_name(lua_State *L, int index)
{
  lua_Debug info;
  index = lua_absindex(L, index);
  cal_push_value(L, CAL_STATE_NAMES);
  lua_pushvalue(L, index);
  bool named = lua_rawget(L, -2) == LUA_TSTRING;
  lua_remove(L, -2);
  if (named) return;
  lua_pop(L, 1);
  lua_pushvalue(L, index);
  lua_getinfo(L, ">S", &info);
  lua_pushfstring(L, "%s:%d", info.short_src, info.linedefined);
}

/* coroutine_info(coroutine object, op or function) -> name, function or nil, nil, state:
 * "unstarted", "started" or "closed" */
static int coroutine_info(lua_State *L)
{
  static const char *const states[] = {"unstarted", "started", "closed"};
  struct cal_coroutine *coroutine = cal_test_coroutine(L, 1);
  struct cal_op *op = cal_test_op(L, 1);
  lua_settop(L, 1);
  if (op != NULL) {
    lua_pushstring(L, op->of.op.type->name);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_pushstring(L, op->of.op.state == CASYNC_OP_NEW ? states[0] : states[1]);
    return 4;
  }
  if (coroutine != NULL)
    lua_getiuservalue(L, 1, CAL_COROUTINE_FUNCTION);
  else if (!cal_push_async_body(L, 1))
    lua_pushvalue(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  push_name(L, 2);
  lua_insert(L, 2);
  lua_pushnil(L);
  lua_pushstring(L, states[coroutine != NULL ? coroutine->state : 0]);
  return 4;
}

/* name(f, name): how messages call a function */
static int set_name(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  luaL_checkstring(L, 2);
  lua_settop(L, 2);
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_NAMES);
  lua_insert(L, 1);
  lua_rawset(L, 1);
  return 0;
}

/* coroutine_close(coroutine object or op): what has not started never will, without a report */
static int coroutine_close(lua_State *L)
{
  struct cal_op *op = cal_test_op(L, 1);
  if (op != NULL) {
    cal_op_close(L, op);
    return 0;
  }
  struct cal_coroutine *coroutine = cal_check(L, 1, CAL_COROUTINE, sizeof *coroutine);
  if (coroutine->state == CAL_COROUTINE_NEW)
    cal_coroutine_leave_new(L, coroutine, CAL_COROUTINE_CLOSED);
  return 0;
}

static int coroutine_gc(lua_State *L)
{
  struct cal_coroutine *coroutine = cal_test_coroutine(L, 1);
  if (coroutine == NULL || coroutine->state != CAL_COROUTINE_NEW) return 0;
  cal_coroutine_leave_new(L, coroutine, CAL_COROUTINE_CLOSED);
  lua_getiuservalue(L, 1, CAL_COROUTINE_FUNCTION);
  push_name(L, -1);
  lua_pushfstring(L, "coroutine '%s' was never awaited", lua_tostring(L, -1));
  cal_report_later(L, lua_tostring(L, -1), "coroutine", 1, 0, 0);
  return 0;
}

static int iscoroutine(lua_State *L)
{
  lua_pushboolean(L, cal_test_coroutine(L, 1) != NULL || cal_test_op(L, 1) != NULL);
  return 1;
}

static int iscoroutinefunction(lua_State *L)
{
  lua_pushboolean(L, lua_tocfunction(L, 1) == call_async);
  return 1;
}

void cal_open_coroutine_object(lua_State *L)
{
  static const luaL_Reg methods[] = {{NULL, NULL}};
  static const luaL_Reg metamethods[] = {{"__gc", coroutine_gc}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"async", async},
      {"coroutine", library_coroutine},
      {"name", set_name},
      {"coroutine_info", coroutine_info},
      {"coroutine_close", coroutine_close},
      {"iscoroutine", iscoroutine},
      {"iscoroutinefunction", iscoroutinefunction},
      {NULL, NULL},
  };
  static const struct cal_class plain = {CAL_COROUTINE, methods, NULL};
  static const struct cal_class class = {CAL_COROUTINE, methods, metamethods};
  cal_class_make(L, &plain);
  lua_getfield(L, -1, "__meta");
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_COROUTINE_PLAIN);
  lua_setfield(L, -3, "coroutine_plain_meta");
  cal_class_make(L, &class); /* the same names; both metatables belong to this class */
  lua_pushvalue(L, -1);
  lua_setfield(L, -4, "Coroutine");
  cal_push_value(L, CAL_STATE_COROUTINE_PLAIN);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "__class");
  lua_pop(L, 3);
  cal_set_functions(L, functions);
}
