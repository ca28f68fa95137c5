/* SPDX-License-Identifier: MIT
 *
 * Options: a last table with string keys only and no metatable, or one marked by asyncio.kw.
 */
#include <string.h>

#include "bind.h"

static bool is_marked(lua_State *L, int index)
{
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  const void *meta = lua_topointer(L, -1);
  lua_pop(L, 1);
  return meta == cal_find_state(L)->kw_meta;
}

static bool has_string_keys_only(lua_State *L, int index)
{
  for (lua_pushnil(L); lua_next(L, index);) {
    lua_pop(L, 1);
    if (lua_type(L, -1) == LUA_TSTRING) continue;
    lua_pop(L, 1);
    return false;
  }
  return true;
}

bool cal_is_kw(lua_State *L, int index)
{
  if (!lua_istable(L, index)) return false;
  if (!lua_getmetatable(L, index)) return has_string_keys_only(L, lua_absindex(L, index));
  lua_pop(L, 1);
  return is_marked(L, index);
}

static bool is_word_of(const char *name, const char *words)
{
  size_t length = strlen(name);
  for (const char *at = words; (at = strstr(at, name)) != NULL; at++)
    if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
  return false;
}

void cal_check_option_names(lua_State *L, int index, const char *function, const char *allowed)
{
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    if (!is_word_of(lua_tostring(L, -2), allowed))
      cal_raise(L, "TypeError", "unknown option '%s' to '%s'", lua_tostring(L, -2), function);
}

/* kw(table) -> the table, marked as options */
static int kw(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (lua_getmetatable(L, 1)) return luaL_argerror(L, 1, "a table without metatable expected");
  luaL_argcheck(L, has_string_keys_only(L, 1), 1, "options have names (string keys)");
  lua_getiuservalue(L, CAL_STATE_INDEX, CAL_STATE_KW);
  lua_setmetatable(L, 1);
  return 1;
}

/* iskw(value): marked by kw() */
static int iskw(lua_State *L)
{
  lua_pushboolean(L, is_marked(L, 1));
  return 1;
}

void cal_open_kw(lua_State *L)
{
  static const luaL_Reg functions[] = {{"kw", kw}, {"iskw", iskw}, {NULL, NULL}};
  lua_newtable(L);
  lua_pushliteral(L, "kw");
  lua_setfield(L, -2, "__name");
  cal_find_state(L)->kw_meta = lua_topointer(L, -1);
  cal_store_value(L, CAL_STATE_KW);
  cal_set_functions(L, functions);
}
