/* SPDX-License-Identifier: MIT
 *
 * The only way from a runtime callback into Lua: protected calls.  No Lua error passes a frame of
 * the runtime.  The stack of an error that nobody catches is kept in the state, beside the error
 * it belongs to, so that whoever reports it can show where it came from.
 */
#include "bind.h"

/* Puts the stack that an awaited task kept for the same error in front of the one on top. */
static void join_kept(lua_State *L, int error)
{
  cal_push_value(L, CAL_STATE_TRACED);
  bool same = !lua_isnil(L, -1) && lua_rawequal(L, -1, error);
  lua_pop(L, 1);
  if (!same) return;
  cal_push_value(L, CAL_STATE_TRACEBACK);
  if (lua_isstring(L, -1)) {
    lua_pushliteral(L, "\nawaited by:\n");
    lua_rotate(L, -3, -1); /* kept, separator, own */
    lua_concat(L, 3);
  } else {
    lua_pop(L, 1);
  }
}

int cal_keep_traceback(lua_State *L)
{
  if (cal_is_cancelled_error(L, 1)) return 1;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_traceback(L, L, NULL, 1);
  join_kept(L, 1);
  cal_store_value(L, CAL_STATE_TRACEBACK);
  lua_pushvalue(L, 1);
  cal_store_value(L, CAL_STATE_TRACED);
  return 1;
}

int cal_call(lua_State *L, int nargs, int nresults)
{
  int handler = lua_gettop(L) - nargs;
  lua_pushcfunction(L, cal_keep_traceback);
  lua_insert(L, handler);
  int status = lua_pcall(L, nargs, nresults, handler);
  lua_remove(L, handler);
  return status;
}

int cal_try(lua_State *L, lua_CFunction function, void *data)
{
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, data);
  return lua_pcall(L, 1, 0, 0);
}

static int push_nil_error(lua_State *L)
{
  cal_push_error(L, "RuntimeError", "nil was raised as an error: raise a value instead");
  return 1;
}

void cal_replace_nil(lua_State *L)
{
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, push_nil_error);
  lua_pcall(L, 0, 1, 0);
}

bool cal_protect(lua_State *L, lua_CFunction function, void *data)
{
  if (cal_try(L, function, data) == LUA_OK) return true;
  lua_pop(L, 1);
  return false;
}
