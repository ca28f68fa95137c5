/* SPDX-License-Identifier: MIT
 *
 * Giving up one iteration, `await(sleep(0))`: the shortest of awaits, and inlined into it.
 */
#ifndef CAL_TURN_H
#define CAL_TURN_H

#include "bind.h"

int cal_back_from_turn(lua_State *L, int status, lua_KContext context);

static inline int cal_await_turn(lua_State *L, struct cal_state *state)
{
  if (__builtin_expect(state->current != L || !lua_isyieldable(L), 0))
    return cal_refuse_await(L, state);
  state->action = CASYNC_ACTION_YIELD;
  state->suspended = L;
  lua_pushlightuserdata(L, (void *)&cal_await_mark);
  return lua_yieldk(L, 0, (lua_KContext)state, cal_back_from_turn);
}

#endif
