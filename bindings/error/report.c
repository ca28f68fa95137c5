/* SPDX-License-Identifier: MIT
 *
 * Reports: what nobody caught or awaited goes to the exception handler of a loop
 * (Loop:call_exception_handler, in Lua) as a context table; without a loop to `core.hooks.report`.
 * Finalizers only keep their report; the next iteration, or the end of the state, delivers it.
 */
#include "bind.h"

#include <stdio.h>

/* Pushes the context table.  `error` is an index, 0 for none; likewise `object`. */
static void push_report(lua_State *L, const char *message, const char *key, int object, int error)
{
  lua_createtable(L, 0, 4);
  lua_pushstring(L, message);
  lua_setfield(L, -2, "message");
  if (error != 0) {
    lua_pushvalue(L, error);
    lua_setfield(L, -2, "exception");
  }
  if (object != 0) {
    lua_pushvalue(L, object);
    lua_setfield(L, -2, key);
    cal_push_source(L, object);
    lua_setfield(L, -2, "source_traceback");
  }
}

/* Calls the handler with the context at 2, for the Loop at 1 (nil: none). */
static int call_handler(lua_State *L)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!lua_isnil(L, 1)) {
    lua_getfield(L, 1, "call_exception_handler");
    lua_insert(L, 1);
    lua_call(L, 2, 0);
    return 0;
  }
  cal_push_value(L, CAL_STATE_HOOKS);
  if (lua_getfield(L, -1, "report") != LUA_TFUNCTION) return 0;
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

/* Delivers the context on top (popped).  An error that comes back leaves the loop. */
static void deliver(lua_State *L, struct cal_loop *loop)
{
  lua_pushcfunction(L, call_handler);
  if (loop != NULL)
    cal_push_loop(L, loop->loop);
  else
    lua_pushnil(L);
  lua_rotate(L, -3, -1);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK) return;
  if (loop != NULL && casync_loop_is_running(loop->loop)) {
    cal_leave_with(L, loop);
    return;
  }
  fprintf(stderr, "casync: error in a report: %s\n", luaL_tolstring(L, -1, NULL));
  lua_pop(L, 2);
}

struct report {
  const char *message, *key;
  int object;
};

/* Arguments: report, object, error.  Returns the context. */
static int build(lua_State *L)
{
  const struct report *report = lua_touserdata(L, 1);
  push_report(L, report->message, report->key, report->object ? 2 : 0, 3);
  cal_push_value(L, CAL_STATE_TRACED);
  if (lua_rawequal(L, -1, 3)) {
    cal_push_value(L, CAL_STATE_TRACEBACK);
    lua_setfield(L, -3, "traceback");
    cal_forget_trace(L);
  }
  lua_pop(L, 1);
  return 1;
}

void cal_report(lua_State *L, struct cal_loop *loop, const char *message, const char *key,
                int object)
{
  struct report report = {message, key, object};
  int error = lua_gettop(L);
  if (object != 0) object = lua_absindex(L, object);
  lua_pushcfunction(L, build);
  lua_pushlightuserdata(L, &report);
  if (object != 0)
    lua_pushvalue(L, object);
  else
    lua_pushnil(L);
  lua_pushvalue(L, error);
  if (lua_pcall(L, 3, 1, 0) == LUA_OK)
    deliver(L, loop);
  else
    lua_pop(L, 1);
  lua_settop(L, error - 1);
}

void cal_report_later(lua_State *L, const char *message, const char *key, int object, int error,
                      int loop)
{
  struct cal_state *state = cal_find_state(L);
  cal_push_value(L, CAL_STATE_REPORTS);
  push_report(L, message, key, object, error);
  if (loop == 0) {
    lua_pushboolean(L, 1);
  } else {
    lua_pushvalue(L, loop);
    if (lua_isnil(L, -1)) lua_pop(L, 1), lua_pushboolean(L, 0);
  }
  lua_rawseti(L, -3, 2 * (lua_Integer)state->reports + 2);
  lua_rawseti(L, -2, 2 * (lua_Integer)state->reports + 1);
  lua_pop(L, 1);
  state->reports++;
  if (state->running != NULL) casync_loop_attend(state->running->loop);
}

/* Takes value `i` of the list at `reports`, leaving false. */
static void take(lua_State *L, int reports, int i)
{
  lua_rawgeti(L, reports, i);
  lua_pushboolean(L, 0);
  lua_rawseti(L, reports, i);
}

void cal_drain_reports(lua_State *L, struct cal_loop *loop)
{
  struct cal_state *state = cal_find_state(L);
  if (state == NULL || state->reports == 0) return;
  cal_push_value(L, CAL_STATE_REPORTS);
  int reports = lua_gettop(L);
  for (int i = 1; i <= state->reports; i++) {
    take(L, reports, 2 * i);
    struct cal_loop *own = lua_toboolean(L, -1) ? cal_test_loop(L, -1) : NULL;
    bool any = lua_isboolean(L, -1) && lua_toboolean(L, -1);
    take(L, reports, 2 * i - 1);
    if (lua_istable(L, -1)) deliver(L, any ? loop : own);
    lua_settop(L, reports);
  }
  state->reports = 0;
  lua_settop(L, reports - 1);
}

void cal_open_report(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_setfield(L, -2, "hooks");
}
