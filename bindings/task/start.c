/* SPDX-License-Identifier: MIT
 *
 * The first step of a task: finding out what it runs, and a thread to run it on.  An op needs none.
 */
#include "bind.h"

/* Arguments: task (light), place of the message.  Returns the error. */
static int make_cancelled(lua_State *L)
{
  cal_push_task(L, lua_touserdata(L, 1));
  cal_push_extra(L, -1, (int)lua_tointeger(L, 2));
  cal_make_cancelled(L);
  return 1;
}

static enum casync_action fail_cancelled(lua_State *L, struct cal_task *task, int place)
{
  lua_pushcfunction(L, make_cancelled);
  lua_pushlightuserdata(L, task);
  lua_pushinteger(L, place);
  lua_pcall(L, 2, 1, 0);
  return cal_task_fail(L, task);
}

static int raise_memory(lua_State *L)
{
  return cal_raise_code(L, CASYNC_EMEMORY);
}

static int raise_reused(lua_State *L)
{
  return cal_raise(L, "RuntimeError", "cannot reuse already awaited coroutine");
}

static enum casync_action fail_reused(lua_State *L, struct cal_task *task)
{
  cal_try(L, raise_reused, NULL);
  return cal_task_fail(L, task);
}

/* Cancelled before it started: no code of the body, which is on top, runs. */
static enum casync_action cancel_unstarted(lua_State *L, struct cal_task *task)
{
  struct cal_coroutine *coroutine = cal_test_coroutine(L, -1);
  struct cal_op *op = cal_test_op(L, -1);
  if (coroutine != NULL && coroutine->state == CAL_COROUTINE_NEW)
    cal_coroutine_leave_new(L, coroutine, CAL_COROUTINE_CLOSED);
  if (op != NULL) cal_op_close(L, op);
  lua_pop(L, 1);
  return fail_cancelled(L, task, CAL_EXTRA_MESSAGE);
}

static enum casync_action return_from_op(lua_State *L, struct cal_task *task)
{
  cal_push_task(L, task);
  lua_getiuservalue(L, -1, CAL_FUTURE_CORO);
  int op = lua_gettop(L), n = cal_op_results(L, op);
  lua_remove(L, op);
  return cal_task_return(L, task, n);
}

/* The body, on top, is an op: no coroutine is needed. */
static enum casync_action start_op(lua_State *L, struct cal_task *task, struct cal_op *op)
{
  int started = cal_op_start(L, op, &task->task);
  if (started == CASYNC_OP_WAITS || started == CASYNC_OP_YIELDS) {
    lua_pop(L, 1);
    return started == CASYNC_OP_WAITS ? CASYNC_ACTION_WAIT_OP : CASYNC_ACTION_YIELD;
  }
  if (started == CASYNC_OP_FINISHED) {
    lua_pop(L, 1);
    return return_from_op(L, task);
  }
  lua_pop(L, 1);
  if (started == CASYNC_ESTATE) return fail_reused(L, task);
  lua_pushstring(L, casync_strerror(started));
  return cal_task_fail(L, task);
}

enum casync_action cal_task_finish_op(lua_State *L, struct cal_task *task, enum casync_resume how)
{
  if (task->task.flags & CASYNC_TASK_OP_CANCELLED) {
    task->task.flags &= (uint8_t)~CASYNC_TASK_OP_CANCELLED;
    return fail_cancelled(L, task, CAL_EXTRA_OP_MESSAGE);
  }
  if (how == CASYNC_RESUME_CANCEL) return fail_cancelled(L, task, CAL_EXTRA_MESSAGE);
  return return_from_op(L, task);
}

/* A native coroutine runs in a frame of `await`. */
static int pass_native(lua_State *L, lua_State *co)
{
  cal_test_op(L, -2)->known = true; /* get_coro() is going to return it for ever */
  cal_push_value(L, CAL_STATE_AWAIT);
  lua_pushvalue(L, -3);
  lua_xmove(L, co, 2);
  return 3;
}

/* Moves a function that stands in the task at `index` and its arguments to `co`; their number. */
static int pass_function(lua_State *L, struct cal_task *task, int index, lua_State *co)
{
  int nargs = task->nargs;
  lua_getiuservalue(L, index, CAL_FUTURE_CORO);
  lua_xmove(L, co, 1);
  for (int i = 1; i <= nargs; i++) {
    lua_getiuservalue(L, index, CAL_FUTURE_VALUES + i);
    lua_xmove(L, co, 1);
    lua_pushnil(L);
    lua_setiuservalue(L, index, CAL_FUTURE_VALUES + i);
  }
  return nargs + 2;
}

/* Gives a fresh or pooled thread the hook of whoever resumes it, as Lua does. */
static void pass_hook(lua_State *L, lua_State *co)
{
  if (lua_gethook(co) != lua_gethook(L))
    lua_sethook(co, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L));
}

/* The usual case: a Lua function with few arguments goes to a pooled thread, and nothing can fail.
 * Returns the number of values there; 0 if the usual way is not open. */
static int start_plainly(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  lua_State *co = cal_pool_borrow(state);
  int nargs = task->nargs;
  if (co == NULL) return 0;
  task->co = co;
  pass_hook(L, co);
  lua_pushcfunction(co, cal_body);
  lua_pushcfunction(co, cal_keep_traceback);
  cal_push_stepping(L, state, task);
  for (int i = 0; i <= nargs; i++) lua_getiuservalue(L, -1 - i, CAL_FUTURE_CORO + i);
  lua_xmove(L, co, nargs + 1);
  for (int i = 1; i <= nargs; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, -2, CAL_FUTURE_VALUES + i);
  }
  lua_pop(L, 1);
  return nargs + 2;
}

/* Gives the task on top a thread; false, with an error above it, if there is none to be had. */
static bool find_thread(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  task->co = cal_pool_borrow(state);
  if (task->co == NULL) task->co = cal_pool_own(L, state);
  if (task->co == NULL) return false;
  pass_hook(L, task->co);
  return true;
}

/* The task is on top, its body below. */
static int prepare(lua_State *L, struct cal_state *state, struct cal_task *task,
                   struct cal_coroutine *coroutine)
{
  if (!find_thread(L, state, task)) return -1;
  lua_State *co = task->co;
  if (!lua_checkstack(co, task->nargs + LUA_MINSTACK)) {
    cal_try(L, raise_memory, NULL);
    return -1;
  }
  lua_pushcfunction(co, cal_body);
  lua_pushcfunction(co, cal_keep_traceback);
  if (coroutine != NULL) return cal_coroutine_take(L, -2, co) + 2;
  if (cal_kind_at(L, -2) == CAL_OP) return pass_native(L, co);
  return pass_function(L, task, lua_gettop(L), co);
}

enum casync_action cal_task_start(lua_State *L, struct cal_state *state, struct cal_task *task,
                                  enum casync_resume how, int *nargs)
{
  if (task->is_plain && how == CASYNC_RESUME) *nargs = start_plainly(L, state, task);
  if (*nargs > 0) return CASYNC_ACTION_YIELD; /* the caller resumes */
  cal_push_task(L, task);
  lua_getiuservalue(L, -1, CAL_FUTURE_CORO);
  enum cal_kind_id kind = cal_kind_at(L, -1);
  struct cal_coroutine *coroutine = kind == CAL_COROUTINE ? lua_touserdata(L, -1) : NULL;
  struct cal_op *op = kind == CAL_OP ? lua_touserdata(L, -1) : NULL;
  bool is_native = op != NULL && cal_op_is_native(op);
  if (how == CASYNC_RESUME_CANCEL || (op != NULL && !is_native)) {
    lua_remove(L, -2);
    return op != NULL && how == CASYNC_RESUME ? start_op(L, task, op) : cancel_unstarted(L, task);
  }
  if ((coroutine != NULL && coroutine->state != CAL_COROUTINE_NEW) ||
      (is_native && op->of.op.state != CASYNC_OP_NEW)) {
    lua_pop(L, 2);
    return fail_reused(L, task);
  }
  lua_insert(L, -2); /* body, task */
  *nargs = prepare(L, state, task, coroutine);
  if (*nargs >= 0) {
    lua_pop(L, 2);
    return CASYNC_ACTION_YIELD; /* the caller resumes */
  }
  lua_rotate(L, -3, 1);
  lua_pop(L, 2); /* the error stays */
  *nargs = 0;
  if (task->co != NULL && cal_pool_is_borrowed(state, task->co)) cal_pool_return(state);
  task->co = NULL;
  return cal_task_fail(L, task);
}
