/* SPDX-License-Identifier: MIT
 *
 * A task's step: from the runtime into the Lua coroutine and back, and what its end means.
 *
 * The coroutine's base is a C function that calls the body protected, inside the coroutine: so
 * that `<close>` variables may await while an error unwinds, and the thread ends well and can be
 * used again.  Finished threads go to a pool; a task takes one at its first step.
 */
#include "bind.h"

enum { POOL_SIZE = 256 }; /* as many as the table was made for: adding to it cannot fail */

/* ---- the base of the coroutine ---- */

static int end_of_body(lua_State *co, int status, lua_KContext context)
{
  (void)context;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(co) - 1;
  cal_find_state(co)->failed = true;
  return 1;
}

/* Arguments: the function and its arguments. */
int cal_body(lua_State *co)
{
  lua_pushcfunction(co, cal_keep_traceback);
  lua_insert(co, 1);
  int status = lua_pcallk(co, lua_gettop(co) - 2, LUA_MULTRET, 1, 0, end_of_body);
  return end_of_body(co, status, 0);
}

/* ---- threads ---- */

static int new_thread(lua_State *L)
{
  cal_push_task(L, lua_touserdata(L, 1));
  lua_newthread(L);
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
  return 0;
}

/* Gives the task, whose object is on top, a thread: pooled or new.  Else an error is on top. */
static bool take_thread(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  bool is_pooled = false;
  if (state->pooled > 0) {
    cal_push_value(L, CAL_STATE_POOL);
    lua_rawgeti(L, -1, state->pooled);
    lua_setiuservalue(L, -3, CAL_FUTURE_VALUE);
    lua_pushboolean(L, 0); /* the pool must not keep it alive */
    lua_rawseti(L, -2, state->pooled--);
    lua_pop(L, 1);
    is_pooled = true;
  } else if (cal_try(L, new_thread, task) != LUA_OK) {
    return false;
  }
  lua_getiuservalue(L, -1, CAL_FUTURE_VALUE);
  task->co = lua_tothread(L, -1);
  lua_pop(L, 1);
  if (is_pooled && lua_gethook(task->co) != lua_gethook(L)) /* as a fresh thread has it */
    lua_sethook(task->co, lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L));
  return true;
}

/* Puts the thread of the task on top into the pool, unless that is full. */
static void give_thread(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  lua_settop(task->co, 0);
  task->co = NULL;
  if (state->pooled >= POOL_SIZE) return;
  cal_push_value(L, CAL_STATE_POOL);
  lua_getiuservalue(L, -2, CAL_FUTURE_VALUE);
  lua_rawseti(L, -2, ++state->pooled);
  lua_pop(L, 1);
}

/* ---- the end ---- */

/* Arguments: task, results. */
static int store_results(lua_State *L)
{
  cal_future_store(L, 1, lua_gettop(L) - 1);
  return 0;
}

enum casync_action cal_task_return(lua_State *L, struct cal_task *task, int n)
{
  cal_push_task(L, task);
  lua_insert(L, -n - 1);
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
  cal_push_task(L, task);
  if (runtime->future.state == CASYNC_CANCELLED && !(runtime->future.flags & CAL_FUTURE_SAVED))
    keep_message(L, task);
  cal_drop_callbacks(L, lua_gettop(L));
  lua_pop(L, 1);
  if (runtime->spare[1]) cal_unanchor(L, loop, runtime->future.slot);
  cal_unhold(L, loop, runtime->future.slot);
  runtime->future.slot = 0;
}

/* ---- resuming ---- */

/* The coroutine has ended with `n` values on its stack. */
static enum casync_action end(lua_State *L, struct cal_state *state, struct cal_task *task, int n,
                              int status)
{
  lua_State *co = task->co;
  bool failed = status != LUA_OK || state->failed;
  state->failed = false; /* it was this coroutine's, not that of the task that runs around it */
  if (failed) n = 1;
  if (!lua_checkstack(L, n + LUA_MINSTACK)) {
    lua_settop(co, 0);
    lua_pushliteral(L, "too many results");
    failed = true;
  } else {
    lua_xmove(co, L, n);
  }
  cal_push_task(L, task);
  if (status == LUA_OK)
    give_thread(L, state, task);
  else
    lua_resetthread(co), task->co = NULL;
  lua_pop(L, 1);
  return failed ? cal_task_fail(L, task) : cal_task_return(L, task, n);
}

/* Inlined for the sake of the processor's return prediction, see run_handle() of the loop. */
static inline __attribute__((always_inline)) enum casync_action
resume(lua_State *L, struct cal_state *state, struct cal_task *task, int nargs)
{
  lua_State *co = task->co, *current = state->current, *innermost = state->innermost;
  bool by_hand = state->by_hand;
  int n = 0;
  state->current = state->innermost = co;
  state->failed = state->by_hand = false;
  int status = cal_resume(L, state, co, nargs, &n);
  state->by_hand = by_hand;
  state->current = current;
  state->innermost = innermost;
  state->expected = NULL;
  if (status != LUA_YIELD) return end(L, state, task, n, status);
  if (state->suspended == NULL) return cal_stock_yield(task, n);
  task->task.spare[0] = CAL_TASK_AWAITS;
  if (state->action == CASYNC_ACTION_AWAIT) task->task.waits_for = state->awaited;
  return state->action;
}

/* ---- the first step ---- */

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

/* The body, on top, is an op: no coroutine is needed. */
static enum casync_action start_op(lua_State *L, struct cal_task *task, struct cal_op *op)
{
  int started = cal_op_start(L, op, &task->task);
  if (started == CASYNC_OP_WAITS || started == CASYNC_OP_YIELDS) {
    lua_pop(L, 1);
    return started == CASYNC_OP_WAITS ? CASYNC_ACTION_WAIT_OP : CASYNC_ACTION_YIELD;
  }
  if (started == CASYNC_OP_FINISHED) {
    int n = cal_op_results(L, -1);
    enum casync_action action = cal_task_return(L, task, n);
    lua_pop(L, 1);
    return action;
  }
  lua_pop(L, 1);
  if (started == CASYNC_ESTATE) return fail_reused(L, task);
  lua_pushstring(L, casync_strerror(started));
  return cal_task_fail(L, task);
}

static enum casync_action finish_op(lua_State *L, struct cal_task *task, enum casync_resume how)
{
  if (task->task.flags & CASYNC_TASK_OP_CANCELLED) {
    task->task.flags &= (uint8_t)~CASYNC_TASK_OP_CANCELLED;
    return fail_cancelled(L, task, CAL_EXTRA_OP_MESSAGE);
  }
  if (how == CASYNC_RESUME_CANCEL) return fail_cancelled(L, task, CAL_EXTRA_MESSAGE);
  cal_push_task(L, task);
  lua_getiuservalue(L, -1, CAL_FUTURE_CORO);
  lua_remove(L, -2);
  int n = cal_op_results(L, -1);
  enum casync_action action = cal_task_return(L, task, n);
  lua_pop(L, 1);
  return action;
}

/* Moves function and arguments of the body on top (popped) to the task's thread; their number. */
static int pass_body(lua_State *L, struct cal_task *task)
{
  lua_State *co = task->co;
  int nargs = 0;
  lua_pushcfunction(co, cal_body);
  if (cal_test_coroutine(L, -1) != NULL) {
    nargs = cal_coroutine_take(L, -1, co);
    lua_pop(L, 1);
  } else {
    lua_xmove(L, co, 1);
  }
  return nargs + 1;
}

static __attribute__((noinline)) enum casync_action
start(lua_State *L, struct cal_state *state, struct cal_task *task, enum casync_resume how)
{
  cal_push_task(L, task);
  lua_getiuservalue(L, -1, CAL_FUTURE_CORO);
  lua_insert(L, -2); /* body, task */
  struct cal_op *op = cal_test_op(L, -2);
  struct cal_coroutine *coroutine = cal_test_coroutine(L, -2);
  if (how == CASYNC_RESUME_CANCEL || op != NULL) {
    lua_pop(L, 1);
    return op != NULL && how == CASYNC_RESUME ? start_op(L, task, op) : cancel_unstarted(L, task);
  }
  if (coroutine != NULL && coroutine->state != CAL_COROUTINE_NEW) {
    lua_pop(L, 2);
    return fail_reused(L, task);
  }
  if (!take_thread(L, state, task)) {
    lua_rotate(L, -3, 1);
    lua_pop(L, 2); /* task and body: the error stays */
    return cal_task_fail(L, task);
  }
  lua_pop(L, 1);
  int nargs = pass_body(L, task);
  return resume(L, state, task, nargs);
}

enum casync_action cal_task_step(struct casync_task *runtime, enum casync_resume how)
{
  struct cal_task *task = cal_task_of(runtime);
  struct cal_state *state = cal_state_of(&runtime->future);
  lua_State *L = state->L;
  if (!(runtime->flags & CASYNC_TASK_STARTED)) {
    runtime->flags |= CASYNC_TASK_STARTED;
    return start(L, state, task, how);
  }
  if (task->co == NULL) return finish_op(L, task, how);
  state->how = how;
  if (runtime->spare[0] == CAL_TASK_AWAITS && lua_status(task->co) == LUA_YIELD) {
    state->expected = task->co;
  } else if (!cal_resume_stock_yield(L, task, how)) {
    return cal_task_fail(L, task);
  }
  return resume(L, state, task, 0);
}
