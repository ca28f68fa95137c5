/* SPDX-License-Identifier: MIT
 *
 * The only way from a runtime callback into Lua: protected calls.  No Lua error passes a frame of
 * the runtime.  Where an error was raised that nobody catches is kept (traceback.c).
 */
#include "bind.h"

int cal_keep_traceback(lua_State *L)
{
  cal_replace_nil(L);
  cal_trace(L, L, 1, CAL_TRACE_RAISED);
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
