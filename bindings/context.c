/* SPDX-License-Identifier: MIT
 *
 * The current context: found, copied and exchanged, never read (contextvars.lua does that).  A
 * task has its own; callbacks bring theirs; the main program has one.  nil stands for an empty
 * context that nobody has looked at yet.
 *
 * A context is a table: [1] its values, [2] true while [1] is shared with a copy.
 */
#include "bind.h"

enum { CONTEXT_VALUES = 1, CONTEXT_SHARED = 2 };

static struct casync_task *current_task(struct cal_state *state)
{
  return state->running != NULL ? casync_loop_current_task(state->running->loop) : NULL;
}

void cal_push_context(lua_State *L)
{
  struct casync_task *task = current_task(cal_find_state(L));
  if (task == NULL) {
    cal_push_value(L, CAL_STATE_CONTEXT);
    return;
  }
  cal_push_task(L, cal_task_of(task));
  cal_push_extra(L, -1, CAL_EXTRA_CONTEXT);
  lua_remove(L, -2);
}

/* Whether the context on top has no values. */
static bool is_empty(lua_State *L)
{
  lua_rawgeti(L, -1, CONTEXT_VALUES);
  lua_pushnil(L);
  bool found = lua_next(L, -2);
  lua_pop(L, found ? 3 : 1);
  return !found;
}

static void push_copy(lua_State *L)
{
  int original = lua_gettop(L);
  lua_pushboolean(L, 1);
  lua_rawseti(L, original, CONTEXT_SHARED);
  lua_createtable(L, 2, 0);
  lua_rawgeti(L, original, CONTEXT_VALUES);
  lua_rawseti(L, -2, CONTEXT_VALUES);
  lua_pushboolean(L, 1);
  lua_rawseti(L, -2, CONTEXT_SHARED);
  cal_push_value(L, CAL_STATE_CONTEXT_META);
  lua_setmetatable(L, -2);
}

void cal_capture_context(lua_State *L)
{
  if (!cal_find_state(L)->has_contexts) {
    lua_pushnil(L);
    return;
  }
  cal_push_context(L);
  if (lua_isnil(L, -1)) return;
  if (is_empty(L)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    return;
  }
  push_copy(L);
  lua_remove(L, -2);
}

static bool is_context(lua_State *L, int index)
{
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  cal_push_value(L, CAL_STATE_CONTEXT_META);
  bool equal = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return equal;
}

void cal_check_context(lua_State *L, int index)
{
  if (!is_context(L, index))
    luaL_error(L, "bad option 'context' (Context expected, got %s)", luaL_typename(L, index));
}

/* context() -> the current one, or nil */
static int context(lua_State *L)
{
  cal_push_context(L);
  return 1;
}

/* set_context(context or nil) -> the previous one */
static int set_context(lua_State *L)
{
  lua_settop(L, 1);
  cal_push_context(L);
  struct casync_task *task = current_task(cal_state(L));
  if (task == NULL) {
    lua_pushvalue(L, 1);
    cal_store_value(L, CAL_STATE_CONTEXT);
  } else {
    cal_push_task(L, cal_task_of(task));
    lua_pushvalue(L, 1);
    cal_set_extra(L, -2, CAL_EXTRA_CONTEXT);
    lua_pop(L, 1);
  }
  return 1;
}

/* copy_context() -> a new context */
static int copy_context(lua_State *L)
{
  cal_capture_context(L);
  if (!lua_isnil(L, -1)) return 1;
  lua_createtable(L, 2, 0);
  lua_newtable(L);
  lua_rawseti(L, -2, CONTEXT_VALUES);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, CONTEXT_SHARED);
  cal_push_value(L, CAL_STATE_CONTEXT_META);
  lua_setmetatable(L, -2);
  return 1;
}

/* context_meta(meta) -> the metatable of contexts, with the fields of `meta` */
static int context_meta(lua_State *L)
{
  cal_state(L)->has_contexts = true;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_CONTEXT_META);
  for (lua_pushnil(L); lua_next(L, 1);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, 2);
  }
  return 1;
}

/* Contexts are made before anybody needs their methods: these are loaded on first use. */
static int load_methods(lua_State *L)
{
  lua_getglobal(L, "require");
  lua_pushliteral(L, "casync.contextvars");
  lua_call(L, 1, 0);
  lua_settop(L, 2);
  lua_gettable(L, 1);
  return 1;
}

void cal_open_context(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"context", context},
      {"set_context", set_context},
      {"copy_context", copy_context},
      {"context_meta", context_meta},
      {NULL, NULL},
  };
  static const luaL_Reg metamethods[] = {{"__index", load_methods}, {NULL, NULL}};
  cal_set_functions(L, functions);
  lua_newtable(L);
  cal_set_functions(L, metamethods);
  cal_store_value(L, CAL_STATE_CONTEXT_META);
}
