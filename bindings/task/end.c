/* SPDX-License-Identifier: MIT
 *
 * The end of a task: what its results or its error mean, and letting go of it.
 */
#include "bind.h"

/* Arguments: task, results. */
static int store_results(lua_State *L)
{
  cal_future_store(L, 1, lua_gettop(L) - 1);
  return 0;
}

enum casync_action cal_task_return(lua_State *L, struct cal_task *task, int n)
{
  if (n <= 1) {
    cal_future_store(L, -n - 1, n);
    lua_pop(L, 1);
    return CASYNC_ACTION_RETURNED;
  }
  lua_pushcfunction(L, store_results);
  lua_insert(L, -n - 2);
  if (lua_pcall(L, n + 1, 0, 0) == LUA_OK) return CASYNC_ACTION_RETURNED;
  return cal_task_fail(L, task);
}

/* Arguments: task, error. */
static int store_error(lua_State *L)
{
  cal_future_store_error(L, 1);
  return 0;
}

/* Stores the error on top, with the report that is due if nobody reads it; without memory for the
 * report only the error. */
static void keep_error(lua_State *L, struct cal_task *task)
{
  cal_push_task(L, task);
  lua_insert(L, -2);
  lua_pushcfunction(L, store_error);
  lua_pushvalue(L, -3);
  lua_pushvalue(L, -3);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
    lua_pop(L, 1);
    return;
  }
  lua_pop(L, 2);
}

enum casync_action cal_task_fail(lua_State *L, struct cal_task *task)
{
  cal_replace_nil(L);
  if (cal_is_cancelled_error(L, -1)) {
    cal_push_task(L, task);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
    lua_pop(L, 1);
    task->task.future.flags |= CAL_FUTURE_SAVED;
    return CASYNC_ACTION_CANCELLED;
  }
  bool leaves = cal_is_error_of(L, -1, "KeyboardInterrupt") || cal_is_error_of(L, -1, "SystemExit");
  if (leaves) {
    lua_pushvalue(L, -1);
    cal_store_value(L, CAL_STATE_LEFT);
  }
  keep_error(L, task);
  return leaves ? CASYNC_ACTION_LEAVE : CASYNC_ACTION_RAISED;
}

/* A task that was cancelled after its coroutine had returned keeps the message of the request. */
static void keep_message(lua_State *L, struct cal_task *task)
{
  task->task.future.flags &= (uint8_t)~CAL_FUTURE_MULTI;
  cal_push_extra(L, -1, CAL_EXTRA_MESSAGE);
  if (!lua_isnil(L, -1)) task->task.future.flags |= CAL_FUTURE_MESSAGE;
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
}

void cal_task_done(struct casync_task *runtime)
{
  struct cal_task *task = cal_task_of(runtime);
  struct cal_loop *loop = casync_loop_data(runtime->future.loop);
  lua_State *L = loop->state->L;
  bool keeps_message =
      runtime->future.state == CASYNC_CANCELLED && !(runtime->future.flags & CAL_FUTURE_SAVED);
  if (keeps_message || runtime->future.kind & CAL_FUTURE_HAS_EXTRA) {
    cal_push_task(L, task);
    if (keeps_message) keep_message(L, task);
    cal_drop_callbacks(L, lua_gettop(L));
    lua_pop(L, 1);
  }
  if (runtime->spare[1]) {
    cal_push_value(L, CAL_STATE_ANCHORS);
    cal_unanchor(L, lua_gettop(L), runtime);
    lua_pop(L, 1);
  }
  cal_unhold_at_run(L, loop, runtime->future.slot);
  runtime->future.slot = 0;
}
