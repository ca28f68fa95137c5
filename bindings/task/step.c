/* SPDX-License-Identifier: MIT
 *
 * A task's step: from the runtime into the Lua coroutine and back.
 *
 * The coroutine's base is a C function that calls the body protected, inside the coroutine: so
 * that `<close>` variables may await while an error unwinds, and the thread ends well and can be
 * used again (pool.c).
 */
#include "bind.h"

/* ---- the base of the coroutine ---- */

static int end_of_body(lua_State *co, int status, lua_KContext context)
{
  (void)context;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(co) - 1;
  cal_find_state(co)->failed = true;
  return 1;
}

/* Arguments: cal_keep_traceback, the function and its arguments. */
int cal_body(lua_State *co)
{
  int status = lua_pcallk(co, lua_gettop(co) - 2, LUA_MULTRET, 1, 0, end_of_body);
  return end_of_body(co, status, 0);
}

/* ---- resuming ---- */

/* For so many there is room anyway (begin() of the loop, cal_task_launch()). */
enum { FEW_RESULTS = 8 };

/* The coroutine has ended with `n` values on its stack. */
static enum casync_action end(lua_State *L, struct cal_state *state, struct cal_task *task, int n,
                              int status)
{
  lua_State *co = task->co;
  bool was_closed = status != LUA_OK && lua_status(co) == LUA_OK; /* it refused to be resumed */
  bool failed = status != LUA_OK || state->failed;
  bool is_borrowed = cal_pool_is_borrowed(state, co);
  state->failed = false; /* it was this coroutine's, not that of the task that runs around it */
  task->co = NULL;
  cal_push_task(L, task);
  int self = lua_gettop(L);
  if (failed) n = 1;
  if (n <= FEW_RESULTS || lua_checkstack(L, n + LUA_MINSTACK)) {
    lua_xmove(co, L, n);
  } else {
    lua_pushliteral(L, "too many results");
    failed = true;
  }
  if (status != LUA_OK) {
    lua_resetthread(co);
    if (is_borrowed) cal_pool_drop(L, state);
  } else {
    lua_settop(co, 0);
    if (is_borrowed)
      cal_pool_return(state);
    else
      cal_pool_give(L, state, self, co);
  }
  if (!failed) return cal_task_return(L, task, n);
  lua_remove(L, self);
  if (was_closed) cal_replace_by_closed(L);
  return cal_task_fail(L, task);
}

/* The coroutine has suspended. */
static enum casync_action suspended(lua_State *L, struct cal_state *state, struct cal_task *task,
                                    int n)
{
  if (cal_pool_is_borrowed(state, task->co)) {
    cal_push_task(L, task);
    cal_pool_keep(L, state, -1);
    lua_pop(L, 1);
  }
  if (state->suspended != task->co) return cal_stock_yield(task, n);
  task->task.spare[0] = CAL_TASK_AWAITS;
  if (state->action == CASYNC_ACTION_AWAIT) task->task.waits_for = state->awaited;
  return state->action;
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
  if (__builtin_expect(status != LUA_YIELD, 0)) return end(L, state, task, n, status);
  if (__builtin_expect(state->borrowed != 0 || state->suspended != co, 0))
    return suspended(L, state, task, n);
  task->task.spare[0] = CAL_TASK_AWAITS;
  if (state->action == CASYNC_ACTION_AWAIT) task->task.waits_for = state->awaited;
  return state->action;
}

static __attribute__((noinline)) enum casync_action
first_step(lua_State *L, struct cal_state *state, struct cal_task *task, enum casync_resume how)
{
  int nargs = 0;
  enum casync_action action = cal_task_start(L, state, task, how, &nargs);
  return nargs > 0 ? resume(L, state, task, nargs) : action;
}

enum casync_action cal_task_step(struct casync_task *runtime, enum casync_resume how)
{
  struct cal_task *task = cal_task_of(runtime);
  struct cal_state *state = cal_state_of(&runtime->future);
  lua_State *L = state->L;
  if (!(runtime->flags & CASYNC_TASK_STARTED)) {
    runtime->flags |= CASYNC_TASK_STARTED;
    return first_step(L, state, task, how);
  }
  if (task->co == NULL) return cal_task_finish_op(L, task, how);
  state->how = how;
  if (runtime->spare[0] == CAL_TASK_AWAITS) {
    state->expected = task->co; /* a closed coroutine refuses: see end() */
  } else if (!cal_resume_stock_yield(L, task, how)) {
    return cal_task_fail(L, task);
  }
  return resume(L, state, task, 0);
}
