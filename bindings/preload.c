/* SPDX-License-Identifier: MIT
 *
 * Puts the embedded Lua files into package.preload.  They are the same files that are installed; as
 * bytecode they need no search and no parser.  A Lua that refuses the bytecode reads the files.
 */
#include "preload.h"

#include "bind.h"

/* Finds and loads the module's file, as `require` would without preload. */
static int load_file(lua_State *L, const char *name)
{
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "searchpath");
  lua_pushstring(L, name);
  lua_getfield(L, -3, "path");
  lua_call(L, 2, 2);
  if (lua_isnil(L, -2)) return luaL_error(L, "module '%s' not found:%s", name, lua_tostring(L, -1));
  lua_pop(L, 1);
  return luaL_loadfile(L, lua_tostring(L, -1));
}

/* package.preload[name](name, ":preload:") */
static int load_embedded(lua_State *L)
{
  const struct cal_embedded *file = lua_touserdata(L, lua_upvalueindex(2));
  const char *bytes = (const char *)file->bytes;
  lua_settop(L, 2);
  if (luaL_loadbufferx(L, bytes, file->size, file->name, "b") != LUA_OK &&
      load_file(L, file->name) != LUA_OK)
    return lua_error(L);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  return 1;
}

void cal_open_preload(lua_State *L)
{
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (const struct cal_embedded *file = cal_embedded; file->name != NULL; file++) {
    cal_push_state_slowly(L);
    lua_pushlightuserdata(L, (void *)file);
    lua_pushcclosure(L, load_embedded, 2);
    lua_setfield(L, -2, file->name);
  }
  lua_pop(L, 1);
}
