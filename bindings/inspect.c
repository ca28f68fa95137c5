/* SPDX-License-Identifier: MIT
 *
 * Looking at futures, tasks, handles and coroutine objects without changing them: for tostring,
 * reports and the call graph.
 */
#include "bind.h"

/* peek(future) -> "pending" | "cancelled" | "failed", error | "finished", results …; not marked as
 * read */
static int peek(lua_State *L)
{
  struct cal_future *future = cal_check_future(L, 1);
  switch ((enum casync_future_state)future->future.state) {
  case CASYNC_PENDING: lua_pushliteral(L, "pending"); return 1;
  case CASYNC_CANCELLED: lua_pushliteral(L, "cancelled"); return 1;
  case CASYNC_ERROR:
    lua_pushliteral(L, "failed");
    lua_getiuservalue(L, 1, CAL_FUTURE_VALUE);
    return 2;
  case CASYNC_RESULT: break;
  }
  int n = cal_future_result(L, 1);
  lua_pushliteral(L, "finished");
  lua_insert(L, -n - 1);
  return n + 1;
}

/* callbacks(future) -> array of its done callbacks */
static int callbacks(lua_State *L)
{
  cal_check_future(L, 1);
  lua_newtable(L);
  cal_push_extra(L, 1, CAL_EXTRA_CALLBACKS);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return 1;
  }
  lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, -1, i);
    lua_getiuservalue(L, -1, CAL_HANDLE_CALLBACK);
    lua_rawseti(L, -4, i);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return 1;
}

/* handle_info(handle) -> its callback, nil when it was cancelled or has run */
static int handle_info(lua_State *L)
{
  if (cal_test_handle(L, 1) == NULL) return luaL_typeerror(L, 1, "Handle");
  lua_getiuservalue(L, 1, CAL_HANDLE_CALLBACK);
  return 1;
}

/* task_stack(task) -> array of its Lua threads, outermost first */
static int task_stack(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  lua_newtable(L);
  if (task->task.future.state != CASYNC_PENDING || task->co == NULL) return 1;
  lua_getiuservalue(L, 1, CAL_FUTURE_VALUE);
  for (lua_Integer i = 1; lua_isthread(L, -1); i++) {
    lua_State *co = lua_tothread(L, -1);
    lua_rawseti(L, -2, i);
    bool nested = cal_is_awaiting(co) && lua_gettop(co) > 1 && lua_isthread(co, 1);
    if (!nested || !lua_checkstack(co, 1)) break;
    lua_pushvalue(co, 1);
    lua_xmove(co, L, 1);
  }
  lua_settop(L, 2);
  return 1;
}

/* task_waits_for(task) -> the future or op it awaits, or nil */
static int task_waits_for(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  bool waits = task->task.waits_for != NULL || task->task.op != NULL;
  if (task->task.future.state != CASYNC_PENDING || !waits) return 0;
  if (task->co == NULL)
    lua_getiuservalue(L, 1, CAL_FUTURE_CORO);
  else
    cal_push_awaited(L, task->co);
  if (lua_isnil(L, -1)) lua_pushstring(L, task->task.op != NULL ? task->task.op->name : "?");
  return 1;
}

/* task_must_cancel(task) -> whether a cancellation waits for its next step */
static int task_must_cancel(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  lua_pushboolean(L, task->task.flags & CASYNC_TASK_MUST_CANCEL);
  return 1;
}

void cal_open_inspect(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"callbacks", callbacks},
      {"handle_info", handle_info},
      {"peek", peek},
      {"task_must_cancel", task_must_cancel},
      {"task_stack", task_stack},
      {"task_waits_for", task_waits_for},
      {NULL, NULL},
  };
  cal_set_functions(L, functions);
}
