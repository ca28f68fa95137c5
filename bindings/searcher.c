/* SPDX-License-Identifier: MIT
 *
 * Gives `require` a searcher that finds the embedded Lua files, behind package.preload.  They are
 * the same files that are installed; as bytecode they need no search and no parser.  A Lua that
 * refuses the bytecode reads the files.
 */
#include "searcher.h"

#include <string.h>

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

/* loader(name, ":embedded:") */
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

/* What every program loads stands first in the list. */
static const struct cal_embedded *find(const char *name)
{
  for (const struct cal_embedded *file = cal_embedded; file->name != NULL; file++)
    if (strcmp(file->name, name) == 0) return file;
  return NULL;
}

/* searcher(name) -> loader and its second argument */
static int search(lua_State *L)
{
  const char *name = luaL_checkstring(L, 1);
  const struct cal_embedded *file = strncmp(name, "casync", 6) == 0 ? find(name) : NULL;
  if (file == NULL) return 0;
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_pushlightuserdata(L, (void *)file);
  lua_pushcclosure(L, load_embedded, 2);
  lua_pushliteral(L, ":embedded:");
  return 2;
}

void cal_open_searcher(lua_State *L)
{
  int top = lua_gettop(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "package") == LUA_TTABLE &&
      lua_getfield(L, -1, "searchers") == LUA_TTABLE) {
    int searchers = lua_gettop(L);
    for (lua_Integer i = (lua_Integer)lua_rawlen(L, searchers); i >= 2; i--) {
      lua_rawgeti(L, searchers, i);
      lua_rawseti(L, searchers, i + 1);
    }
    cal_push_state_slowly(L);
    lua_pushcclosure(L, search, 1);
    lua_rawseti(L, searchers, 2);
  }
  lua_settop(L, top);
}
