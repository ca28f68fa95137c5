/* SPDX-License-Identifier: MIT
 *
 * Looking at futures, tasks, handles and coroutine objects without changing them: for tostring,
 * reports and the call graph.
 */
#include <math.h>

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

/* Whether the innermost function of `co` is one that resumes another coroutine now. */
static bool is_resuming(lua_State *co)
{
  lua_Debug frame;
  if (!lua_getstack(co, 0, &frame) || !lua_getinfo(co, "f", &frame)) return false;
  bool result = cal_is_coroutine_function(lua_tocfunction(co, -1));
  lua_pop(co, 1);
  return result;
}

/* Pushes the coroutine that `co` has resumed, and that awaits or runs; it is at index 1 there. */
static bool push_nested(lua_State *L, lua_State *co)
{
  if (co == L || !lua_checkstack(co, 2)) return false;
  bool is_awaiting = cal_is_awaiting(co);
  if (lua_gettop(co) < 1 + is_awaiting || !lua_isthread(co, 1)) return false;
  if (!is_awaiting && (lua_status(co) != LUA_OK || !is_resuming(co))) return false;
  lua_pushvalue(co, 1);
  lua_xmove(co, L, 1);
  return true;
}

/* task_stack(task) -> array of its Lua threads, outermost first */
static int task_stack(lua_State *L)
{
  struct cal_task *task = cal_check(L, 1, CAL_TASK, sizeof *task);
  lua_State *co = task->co;
  lua_settop(L, 1);
  lua_newtable(L);
  if (task->task.future.state != CASYNC_PENDING || co == NULL || !lua_checkstack(co, 1)) return 1;
  lua_pushthread(co);
  if (co != L) lua_xmove(co, L, 1);
  for (lua_Integer i = 1;; i++) {
    co = lua_tothread(L, -1);
    lua_rawseti(L, 2, i);
    if (!push_nested(L, co)) return 1;
  }
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

static const char *state_of(const struct casync_task *task)
{
  if (task->future.state != CASYNC_PENDING) return "done";
  if (task->future.loop == NULL) return "waiting"; /* for ever: its loop is gone */
  if (casync_loop_current_task(task->future.loop) == task) return "running";
  return task->timer.handle.flags & CASYNC_HANDLE_QUEUED ? "ready" : "waiting";
}

/* task_info(task) -> its number; "running", "ready", "waiting" or "done"; the name of the op it
 * waits for, or nil; the seconds until it has slept enough, or nil */
static int task_info(lua_State *L)
{
  struct cal_task *self = cal_check(L, 1, CAL_TASK, sizeof *self);
  const struct casync_task *task = &self->task;
  const char *state = state_of(task);
  lua_pushinteger(L, (lua_Integer)self->serial);
  lua_pushstring(L, state);
  if (*state != 'w' || task->op == NULL) return 2;
  lua_pushstring(L, task->op->name);
  double when = casync_task_wakes_at(task);
  if (when >= HUGE_VAL) return 3;
  lua_pushnumber(L, when - casync_loop_time(task->future.loop));
  return 4;
}

static void push_waiter(lua_State *L, struct casync_future *waiter)
{
  cal_push_held(L, casync_loop_data(waiter->loop), waiter->slot);
}

/* future_waiters(future) -> array of the tasks and gathers that wait for it, in the order they came
 */
static int future_waiters(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  const struct casync_handle *place = NULL;
  struct casync_future *waiter;
  lua_newtable(L);
  if (self->future.state != CASYNC_PENDING) return 1;
  for (lua_Integer i = 1; (waiter = casync_future_next_waiter(&self->future, &place)) != NULL;
       i++) {
    push_waiter(L, waiter);
    lua_rawseti(L, -2, i);
  }
  return 1;
}

void cal_open_inspect(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"callbacks", callbacks},
      {"future_waiters", future_waiters},
      {"handle_info", handle_info},
      {"peek", peek},
      {"task_info", task_info},
      {"task_must_cancel", task_must_cancel},
      {"task_stack", task_stack},
      {"task_waits_for", task_waits_for},
      {NULL, NULL},
  };
  cal_set_functions(L, functions);
}
