/* SPDX-License-Identifier: MIT
 *
 * Protected calls from the application into the bindings.
 */
#include "embed/embed.h"

int cal_embed_call(lua_State *L, lua_CFunction function, struct cal_request *request, int nargs)
{
  int base = lua_gettop(L) - nargs;
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_settop(L, base);
    return CASYNC_EMEMORY;
  }
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, request);
  lua_rotate(L, base + 1, 2);
  int status = lua_pcall(L, nargs + 1, LUA_MULTRET, 0);
  if (status == LUA_OK) return lua_gettop(L) - base;
  if (status != LUA_ERRMEM) return CASYNC_ERAISED;
  lua_pop(L, 1);
  return CASYNC_EMEMORY;
}
