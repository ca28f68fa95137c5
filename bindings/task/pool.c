/* SPDX-License-Identifier: MIT
 *
 * The pool of finished Lua threads: a table in the state that keeps them alive, and an array of
 * their addresses beside it.
 *
 * Most tasks that do not suspend run one after the other.  So a first step borrows the thread on
 * top and leaves it in the pool; only when it suspends does the thread become the task's own.
 * Meanwhile other tasks (started eagerly inside the step) take other threads.
 */
#include "bind.h"

/* Takes thread `i` out; the last one moves into its place. */
static void take_out(lua_State *L, struct cal_state *state, int i)
{
  int last = state->pooled--;
  cal_push_value(L, CAL_STATE_POOL);
  if (i != last) {
    lua_rawgeti(L, -1, last);
    lua_rawseti(L, -2, i);
    state->spare[i] = state->spare[last];
  }
  lua_pushboolean(L, 0); /* the pool must not keep it alive */
  lua_rawseti(L, -2, last);
  lua_pop(L, 1);
  if (state->borrowed == last) state->borrowed = i;
}

lua_State *cal_pool_borrow(struct cal_state *state)
{
  if (state->borrowed != 0 || state->pooled == 0) return NULL;
  state->borrowed = state->pooled;
  return state->spare[state->borrowed];
}

bool cal_pool_is_borrowed(const struct cal_state *state, const lua_State *co)
{
  return state->borrowed != 0 && state->spare[state->borrowed] == co;
}

void cal_pool_return(struct cal_state *state)
{
  state->borrowed = 0;
}

void cal_pool_keep(lua_State *L, struct cal_state *state, int task)
{
  int i = state->borrowed;
  task = lua_absindex(L, task);
  cal_push_value(L, CAL_STATE_POOL);
  lua_rawgeti(L, -1, i);
  lua_setiuservalue(L, task, CAL_FUTURE_VALUE);
  lua_pop(L, 1);
  state->borrowed = 0;
  take_out(L, state, i);
}

void cal_pool_drop(lua_State *L, struct cal_state *state)
{
  int i = state->borrowed;
  state->borrowed = 0;
  take_out(L, state, i);
}

static int new_thread(lua_State *L)
{
  lua_newthread(L);
  lua_setiuservalue(L, 2, CAL_FUTURE_VALUE);
  return 0;
}

/* A thread that is neither borrowed nor needed by somebody else, or a new one. */
lua_State *cal_pool_own(lua_State *L, struct cal_state *state)
{
  int task = lua_gettop(L);
  int i = state->pooled == state->borrowed ? state->pooled - 1 : state->pooled;
  if (i > 0) {
    cal_push_value(L, CAL_STATE_POOL);
    lua_rawgeti(L, -1, i);
    lua_setiuservalue(L, task, CAL_FUTURE_VALUE);
    lua_pop(L, 1);
    take_out(L, state, i);
  } else {
    lua_pushcfunction(L, new_thread);
    lua_pushnil(L);
    lua_pushvalue(L, task);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) return NULL;
  }
  lua_getiuservalue(L, task, CAL_FUTURE_VALUE);
  lua_State *co = lua_tothread(L, -1);
  lua_pop(L, 1);
  return co;
}

void cal_pool_give(lua_State *L, struct cal_state *state, int task, lua_State *co)
{
  if (state->pooled >= CAL_POOL_SIZE) return;
  lua_getiuservalue(L, task, CAL_FUTURE_VALUE);
  cal_push_value(L, CAL_STATE_POOL);
  lua_insert(L, -2);
  lua_rawseti(L, -2, ++state->pooled);
  lua_pop(L, 1);
  state->spare[state->pooled] = co;
}
