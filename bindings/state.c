/* SPDX-License-Identifier: MIT
 *
 * The state: what belongs to a global Lua state as a whole.  One userdata, found by one light
 * userdata key in the registry, and upvalue 1 of every function.
 */
#include "bind.h"

#include <string.h>

static const char key; /* its address is the registry key */

struct cal_state *cal_push_state_slowly(lua_State *L)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, &key);
  return lua_touserdata(L, -1);
}

struct cal_state *cal_find_state_slowly(lua_State *L)
{
  struct cal_state *state = cal_push_state_slowly(L);
  lua_pop(L, 1);
  return state;
}

void cal_push_value_slowly(lua_State *L, int value)
{
  cal_push_state_slowly(L);
  lua_getiuservalue(L, -1, value);
  lua_remove(L, -2);
}

void cal_store_value_slowly(lua_State *L, int value)
{
  cal_push_state_slowly(L);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, value);
  lua_pop(L, 1);
}

/* Stores a new table, weak as `mode` says (NULL: not at all), as user value of the state on top. */
static void add_table(lua_State *L, int value, int narr, const char *mode)
{
  lua_createtable(L, narr, 0);
  if (mode != NULL) {
    lua_createtable(L, 0, 1);
    lua_pushstring(L, mode);
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
  }
  lua_setiuservalue(L, -2, value);
}

/* What finalizers left to report when the Lua state ends goes to the default log. */
static int state_gc(lua_State *L)
{
  if (lua_gc(L, LUA_GCISRUNNING) >= 0) return 0; /* called from Lua */
  cal_drain_reports(L, NULL);
  return 0;
}

static void make(lua_State *L)
{
  struct cal_state *state = lua_newuserdatauv(L, sizeof *state, CAL_STATE_VALUES);
  memset(state, 0, sizeof *state);
  add_table(L, CAL_STATE_POOL, CAL_POOL_SIZE, NULL);
  add_table(L, CAL_STATE_LOOPS, 0, "v");
  add_table(L, CAL_STATE_NO_ANCHORS, 0, NULL);
  add_table(L, CAL_STATE_ERRORS, 0, NULL);
  add_table(L, CAL_STATE_HOOKS, 0, NULL);
  add_table(L, CAL_STATE_REPORTS, 0, NULL);
  add_table(L, CAL_STATE_NAMES, 0, "k");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}

void cal_state_open(lua_State *L)
{
  if (cal_push_state_slowly(L) != NULL) return;
  lua_pop(L, 1);
  make(L);
}

void cal_set_functions(lua_State *L, const luaL_Reg *functions)
{
  cal_push_state_slowly(L);
  luaL_setfuncs(L, functions, 1);
}
