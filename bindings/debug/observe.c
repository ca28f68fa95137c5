/* SPDX-License-Identifier: MIT
 *
 * Debug mode: what is done around every handle that a loop runs, and what of it the Lua layer is
 * told (core.hooks, filled in by lua/casync/debug/mode.lua).  Not here: what it makes of that.
 *
 *   running(handle)                          a Handle is about to run; nil: it has run
 *   cancelling(task)                         a cancellation is about to be raised in a task
 *   ran(loop, seconds, object, f, method)    a handle has run: that of a task, a Handle with its
 *                                            function f, or a protocol's method f
 *   ended(task)                              an eager task was over at once
 *
 * Loops that are not in debug mode never come here.
 */
#include "bind.h"

/* Calls a hook with the `nargs` values on top (popped).  What leaves the loop leaves it. */
static void tell(lua_State *L, struct cal_loop *loop, const char *hook, int nargs)
{
  int first = lua_gettop(L) - nargs + 1;
  cal_push_value(L, CAL_STATE_HOOKS);
  bool is_there = lua_getfield(L, -1, hook) == LUA_TFUNCTION;
  lua_remove(L, -2);
  lua_insert(L, first);
  if (is_there && lua_pcall(L, nargs, 0, 0) != LUA_OK && cal_leaves_loop(L))
    cal_leave_with(L, loop);
  lua_settop(L, first - 1);
}

/* ---- before ---- */

/* Pushes the Task or Handle that is about to run, nil for what is neither, and the Handle's
 * function. */
static struct cal_task *push_object(lua_State *L, struct cal_loop *loop,
                                    struct casync_handle *handle)
{
  struct casync_task *runtime = casync_handle_task(handle);
  if (runtime != NULL) {
    cal_push_task(L, cal_task_of(runtime));
    lua_pushnil(L);
    return cal_task_of(runtime);
  }
  if (cal_push_first_handle(L, loop, handle))
    lua_getiuservalue(L, -1, CAL_HANDLE_CALLBACK);
  else
    lua_pushnil(L);
  return NULL;
}

/* Whether the next step of the task raises a cancellation that was asked for. */
static bool is_cancelling(lua_State *L, const struct cal_task *task)
{
  if (task->task.cancel_requests == 0 || task->co == NULL) return false;
  if (task->task.flags & (CASYNC_TASK_MUST_CANCEL | CASYNC_TASK_OP_CANCELLED)) return true;
  cal_push_awaited(L, task->co);
  bool raises = cal_test_future(L, -1) != NULL && cal_future_raises_cancelled(L, -1);
  lua_pop(L, 1);
  return raises;
}

static void tell_before(lua_State *L, struct cal_loop *loop, int object,
                        const struct cal_task *task)
{
  if (task == NULL) {
    lua_pushvalue(L, object);
    tell(L, loop, "running", 1);
  } else if (is_cancelling(L, task)) {
    lua_pushvalue(L, object);
    tell(L, loop, "cancelling", 1);
  }
}

/* ---- behind ---- */

static void tell_behind(lua_State *L, struct cal_loop *loop, int object, double seconds)
{
  struct cal_state *state = loop->state;
  cal_push_loop(L, loop->loop);
  lua_pushnumber(L, seconds);
  lua_pushvalue(L, object);
  if (state->called == NULL)
    lua_pushvalue(L, object + 1);
  else
    cal_push_value(L, CAL_STATE_CALLED);
  lua_pushstring(L, state->called);
  tell(L, loop, "ran", 5);
}

static void forget_called(lua_State *L, struct cal_state *state)
{
  if (state->called == NULL) return;
  state->called = NULL;
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_CALLED);
}

void cal_observe(struct casync_loop *runtime, struct casync_handle *handle, void *data)
{
  struct cal_loop *loop = data;
  lua_State *L = loop->state->L;
  int object = lua_gettop(L) + 1;
  if ((handle->flags & CASYNC_HANDLE_CANCELLED) || !lua_checkstack(L, LUA_MINSTACK)) {
    casync_handle_run(runtime, handle);
    return;
  }
  struct cal_task *task = push_object(L, loop, handle);
  tell_before(L, loop, object, task);
  double before = casync_loop_time(runtime);
  casync_handle_run(runtime, handle);
  double seconds = casync_loop_time(runtime) - before;
  if (task == NULL) {
    lua_pushnil(L);
    tell(L, loop, "running", 1);
  }
  tell_behind(L, loop, object, seconds);
  forget_called(L, loop->state);
  lua_settop(L, object - 1);
}

void cal_note_called(lua_State *L, const char *method)
{
  struct cal_state *state = cal_find_state(L);
  state->called = method;
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_CALLED);
}

void cal_tell_ended(lua_State *L, struct cal_loop *loop, int task)
{
  lua_pushvalue(L, task);
  tell(L, loop, "ended", 1);
}
