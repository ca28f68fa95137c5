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

/* The usual case: it returned one value or none. */
static enum casync_action end_plainly(lua_State *L, struct cal_state *state, struct cal_task *task,
                                      int n)
{
  lua_State *co = task->co;
  task->co = NULL;
  cal_push_stepping(L, state, task);
  if (n > 0)
    lua_xmove(co, L, n);
  else
    lua_pushnil(L);
  if (cal_pool_is_borrowed(state, co))
    cal_pool_return(state);
  else
    cal_pool_give(L, state, lua_gettop(L) - 1, co);
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
  lua_pop(L, 1);
  return CASYNC_ACTION_RETURNED;
}

/* Inlined for the sake of the processor's return prediction, see the runtime's core/step.h. Whoever
 * steps has nobody who may await around it (cal_begin_steps()). */
static inline __attribute__((always_inline)) enum casync_action
resume(lua_State *L, struct cal_state *state, struct cal_task *task, int nargs)
{
  lua_State *co = task->co;
  int n = 0;
  int status = cal_resume(L, state, co, nargs, &n);
  state->current = NULL;
  state->innermost = L;
  if (status == LUA_OK && n <= 1 && !state->failed) return end_plainly(L, state, task, n);
  if (__builtin_expect(status != LUA_YIELD, 0)) return end(L, state, task, n, status);
  if (__builtin_expect(state->suspended != co, 0)) return cal_stock_yield(task, n);
  task->task.spare[0] = CAL_TASK_AWAITS;
  if (state->action == CASYNC_ACTION_AWAIT) task->task.waits_for = state->awaited;
  return state->action;
}

/* A borrowed thread becomes that of a task that is still on it. */
static void keep_thread(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  if (task->co == NULL || !cal_pool_is_borrowed(state, task->co)) return;
  cal_push_task(L, task);
  cal_pool_keep(L, state, -1);
  lua_pop(L, 1);
}

static enum casync_action first_step(lua_State *L, struct cal_state *state, struct cal_task *task,
                                     enum casync_resume how)
{
  int nargs = 0;
  task->task.flags |= CASYNC_TASK_STARTED;
  enum casync_action action = cal_task_start(L, state, task, how, &nargs);
  if (nargs == 0) return action;
  action = resume(L, state, task, nargs);
  keep_thread(L, state, task);
  return action;
}

/* Steps that do not go on after an await: the first one, and those of a task that is an op or was
 * left by Lua's own yield. */
CAL_APART static enum casync_action other_step(lua_State *L, struct cal_state *state,
                                               struct cal_task *task, enum casync_resume how)
{
  if (!(task->task.flags & CASYNC_TASK_STARTED)) return first_step(L, state, task, how);
  if (task->co == NULL) return cal_task_finish_op(L, task, how);
  state->how = how;
  if (!cal_resume_stock_yield(L, task, how)) return cal_task_fail(L, task);
  return resume(L, state, task, 0);
}

static inline bool goes_on(const struct casync_task *runtime)
{
  return cal_task_of(runtime)->co != NULL && runtime->spare[0] == CAL_TASK_AWAITS;
}

static inline __attribute__((always_inline)) enum casync_action
step(lua_State *L, struct cal_state *state, struct cal_task *task, enum casync_resume how)
{
  if (__builtin_expect(!goes_on(&task->task), 0)) return other_step(L, state, task, how);
  state->how = how;
  state->expected = task->co; /* a closed coroutine refuses: see end() */
  return resume(L, state, task, 0);
}

/* Runs the steps that follow as well, to have one frame less below each (core/step.h). */
enum casync_action cal_task_step(struct casync_task *runtime, enum casync_resume how)
{
  struct cal_state *state = cal_state_of(&runtime->future);
  lua_State *L = state->L;
  int next = (int)how;
  if (!goes_on(runtime)) return other_step(L, state, cal_task_of(runtime), how);
  do {
    enum casync_action action = step(L, state, cal_task_of(runtime), (enum casync_resume)next);
    runtime = casync_task_go_on(runtime, (int)action, &next);
  } while (runtime != NULL);
  return CASYNC_ACTION_NONE;
}

/* One step of a task that is watched; before it begins the watcher may cancel it. */
enum casync_action cal_task_step_watched(struct casync_task *runtime, enum casync_resume how)
{
  struct cal_state *state = cal_state_of(&runtime->future);
  struct cal_task *task = cal_task_of(runtime);
  lua_State *L = state->L;
  bool may_cancel = how == CASYNC_RESUME && runtime->flags & CASYNC_TASK_STARTED;
  if (may_cancel) cal_tell_watcher(L, task, "resumes");
  if (may_cancel && runtime->flags & CASYNC_TASK_MUST_CANCEL) {
    runtime->flags &= (uint8_t)~CASYNC_TASK_MUST_CANCEL;
    how = CASYNC_RESUME_CANCEL;
  }
  enum casync_action action = step(L, state, task, how);
  if (action <= CASYNC_ACTION_YIELD) cal_tell_watcher(L, task, "suspends");
  return action;
}
