/* SPDX-License-Identifier: MIT
 *
 * How C code awaits: the bodies of native coroutines, and iterators that suspend.
 *
 *   static int go_on(L, state) {
 *     if (there is enough) { push it; return n; }
 *     struct casync_task *task = cal_may_wait(L, state);      raises, or from here on nothing fails
 *     thing_wait(thing, task);                                links it and sets task->op
 *     return cal_wait(L, state, back);
 *   }
 *   static int back(L, status, context) {
 *     state = cal_context_state(context);
 *     if (cal_is_forged(L, state)) return cal_wait_on(L, state, top, back);
 *     cal_come_back(L, state);                                raises a cancellation
 *     return go_on(L, state);
 *   }
 *
 * A frame may have values of its own above index 1 (`top` of them in all); it must not count on any
 * pointer into an object but the one that index 1 keeps alive.
 */
#include "bind.h"

struct casync_task *cal_may_wait_loosely(lua_State *L, struct cal_state *state)
{
  if (state->current != L || !lua_isyieldable(L)) cal_refuse_await(L, state);
  if (state->by_hand) return NULL;
  return casync_loop_current_task(state->running->loop);
}

struct casync_task *cal_may_wait(lua_State *L, struct cal_state *state)
{
  struct casync_task *task = cal_may_wait_loosely(L, state);
  if (task == NULL) return NULL;
  cal_push_value(L, CAL_STATE_ANCHORS);
  cal_anchor(L, lua_gettop(L), task);
  lua_pop(L, 1);
  return task;
}

int cal_wait(lua_State *L, struct cal_state *state, lua_KFunction back)
{
  state->action = CASYNC_ACTION_WAIT_OP;
  return cal_yield_await(L, state, back);
}

int cal_wait_turn(lua_State *L, struct cal_state *state, lua_KFunction back)
{
  state->action = CASYNC_ACTION_YIELD;
  return cal_yield_await(L, state, back);
}

bool cal_comes_back_raising(const struct cal_state *state)
{
  const struct casync_task *task = casync_loop_current_task(state->running->loop);
  return state->how == CASYNC_RESUME_CANCEL || state->throwing ||
         (task->flags & CASYNC_TASK_OP_CANCELLED);
}

void cal_come_back(lua_State *L, struct cal_state *state)
{
  struct casync_task *task = casync_loop_current_task(state->running->loop);
  state->expected = NULL;
  lua_pop(L, 1); /* the mark */
  if (task->spare[1]) {
    cal_push_value(L, CAL_STATE_ANCHORS);
    cal_unanchor(L, lua_gettop(L), task);
    lua_pop(L, 1);
  }
  if (task->flags & CASYNC_TASK_OP_CANCELLED) {
    task->flags &= (uint8_t)~CASYNC_TASK_OP_CANCELLED;
    cal_raise_cancelled(L, cal_task_of(task), CAL_EXTRA_OP_MESSAGE);
  }
  cal_raise_if_due(L, state);
}
