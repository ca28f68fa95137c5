/* SPDX-License-Identifier: MIT
 *
 * Lua's own coroutine.yield, kept from before the library was loaded, inside a task: the task gives
 * up one iteration.  Such a yield cannot be made to raise; what has to be raised there (a
 * cancellation, or that values were yielded) is raised by a hook at the next instruction.
 *
 * The await mark lies on its stack meanwhile: to everybody else it is a coroutine that awaits,
 * which nobody but its task resumes or closes.
 */
#include "bind.h"

enum casync_action cal_stock_yield(struct cal_task *task, int n)
{
  lua_pop(task->co, n);
  lua_pushlightuserdata(task->co, (void *)&cal_await_mark);
  task->task.spare[0] = n > 0 ? CAL_TASK_BAD_YIELD : CAL_TASK_GOOD_YIELD;
  return CASYNC_ACTION_YIELD;
}

static int raise_pending(lua_State *co)
{
  struct cal_state *state = cal_find_state(co);
  struct cal_task *task = cal_task_of(casync_loop_current_task(state->running->loop));
  lua_sethook(co, state->hook, state->hook_mask, state->hook_count);
  if (task->task.spare[0] != CAL_TASK_BAD_YIELD) cal_raise_cancelled(co, task, CAL_EXTRA_MESSAGE);
  task->task.spare[0] = CAL_TASK_GOOD_YIELD;
  return cal_raise(co, "RuntimeError",
                   "Task got bad yield: a task awaits, it does not yield values");
}

/* A hook runs in the frame of whatever function it meets; the raising needs one of our own. */
static void raise_in(lua_State *co, lua_Debug *frame)
{
  (void)frame;
  lua_pushcfunction(co, raise_pending);
  lua_call(co, 0, 0);
}

static int push_closed(lua_State *L)
{
  return cal_raise(L, "RuntimeError",
                   "the task's coroutine was closed from outside: use "
                   "Task:cancel()");
}

void cal_replace_by_closed(lua_State *L)
{
  lua_pop(L, 1);
  cal_try(L, push_closed, NULL);
}

bool cal_resume_stock_yield(lua_State *L, struct cal_task *task, enum casync_resume how)
{
  struct cal_state *state = cal_state_of(&task->task.future);
  lua_State *co = task->co;
  if (lua_status(co) != LUA_YIELD) {
    task->co = NULL;
    cal_try(L, push_closed, NULL);
    return false;
  }
  if (cal_is_awaiting(co)) lua_pop(co, 1); /* the mark */
  if (how == CASYNC_RESUME_CANCEL) task->task.spare[0] = CAL_TASK_GOOD_YIELD;
  if (how == CASYNC_RESUME && task->task.spare[0] != CAL_TASK_BAD_YIELD) return true;
  state->hook = lua_gethook(co);
  state->hook_mask = lua_gethookmask(co);
  state->hook_count = lua_gethookcount(co);
  lua_sethook(co, raise_in, LUA_MASKCOUNT, 1);
  return true;
}
