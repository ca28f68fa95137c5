/* SPDX-License-Identifier: MIT
 *
 * What loops hold: looked at, never changed.
 */
#include "testing/testing.h"

#include "net/socket.h"

/* loops() -> array of the Loops that are not closed */
static int loops(lua_State *L)
{
  lua_Integer count = 0;
  lua_newtable(L);
  cal_push_value(L, CAL_STATE_LOOPS);
  for (lua_pushnil(L); lua_next(L, -2);) {
    const struct cal_loop *loop = cal_test_loop(L, -1);
    if (loop != NULL && loop->loop != NULL && !casync_loop_is_closed(loop->loop))
      lua_rawseti(L, 1, ++count);
    else
      lua_pop(L, 1);
  }
  lua_settop(L, 1);
  return 1;
}

/* What Lua may see in the place of the held object on top: a listener's Socket; no look-up, whose
 * Future somebody awaits. */
static void replace_unseen(lua_State *L)
{
  enum cal_kind_id kind = cal_kind_at(L, -1);
  if (kind == CAL_LOOKUP) lua_pushnil(L);
  if (kind == CAL_LISTENER) lua_getiuservalue(L, -1, CAL_LISTENER_SOCKET);
}

/* held(loop) -> array of the objects that it holds until they are over: unfinished tasks and
 * gathers, timers, transports, the Sockets that listen */
static int held(lua_State *L)
{
  struct cal_loop *loop = cal_check_loop(L, 1);
  lua_Integer count = 0;
  lua_settop(L, 1);
  lua_newtable(L);
  lua_getiuservalue(L, 1, CAL_LOOP_HELD);
  for (uint32_t slot = 1; slot <= loop->slots; slot++) {
    if (lua_rawgeti(L, 3, slot) == LUA_TUSERDATA) {
      replace_unseen(L);
      if (!lua_isnil(L, -1)) lua_rawseti(L, 2, ++count);
    }
    lua_settop(L, 3);
  }
  lua_settop(L, 2);
  return 1;
}

/* Pushes a copy of the table at user value `value` of the Loop at 1. */
static void copy(lua_State *L, int value)
{
  lua_newtable(L);
  lua_getiuservalue(L, 1, value);
  for (lua_pushnil(L); lua_next(L, -2);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
}

/* watching(loop) -> descriptor * 2 (+ 1 for writing) -> Handle; number of a signal -> Handle */
static int watching(lua_State *L)
{
  (void)cal_check_loop(L, 1);
  lua_settop(L, 1);
  copy(L, CAL_LOOP_WATCHING);
  copy(L, CAL_LOOP_SIGNALS);
  return 2;
}

const luaL_Reg cal_testing_loops[] = {
    {"held", held},
    {"loops", loops},
    {"watching", watching},
    {NULL, NULL},
};
