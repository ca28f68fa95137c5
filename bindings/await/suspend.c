/* SPDX-License-Identifier: MIT
 *
 * How an await suspends its coroutine, and comes back.  What is done already does not suspend.
 * Everything is checked before anything is registered.
 *
 * A suspended coroutine yields no value, leaves the await mark on its stack and itself in
 * `state->suspended`, by which whoever resumed it knows an await from a yield.  Nobody but the
 * scheduler makes it go on: `state->expected` names the coroutine that is resumed on its behalf,
 * and a continuation that finds another one there was resumed by somebody else and yields again.
 *
 * The future that is awaited stays at index 1 of this function's frame: that keeps it alive, and
 * it is where introspection and cancellation find it.  A sleep's op is dropped instead.
 */
#include "await/turn.h"

const char cal_await_mark = 0;

bool cal_is_awaiting(lua_State *co)
{
  return lua_status(co) == LUA_YIELD && lua_gettop(co) > 0 &&
         lua_touserdata(co, -1) == (const void *)&cal_await_mark;
}

int cal_yield_await(lua_State *L, struct cal_state *state, lua_KFunction back)
{
  state->suspended = L;
  lua_pushlightuserdata(L, (void *)&cal_await_mark);
  return lua_yieldk(L, 0, (lua_KContext)state, back);
}

CAL_APART int cal_wait_on(lua_State *L, struct cal_state *state, int top, lua_KFunction back)
{
  lua_settop(L, top);
  lua_pushlightuserdata(L, (void *)&cal_await_mark);
  return lua_yieldk(L, 0, (lua_KContext)state, back);
}

/* ---- coming back ---- */

static int raise_flagged(lua_State *L, struct cal_state *state)
{
  struct cal_task *task = cal_task_of(casync_loop_current_task(state->running->loop));
  return cal_raise_cancelled(L, task, CAL_EXTRA_MESSAGE);
}

/* Raises what throw() throws in, or a cancellation that the step has to deliver. */
CAL_APART static int raise_due(lua_State *L, struct cal_state *state)
{
  if (!state->throwing) return raise_flagged(L, state);
  state->throwing = false;
  cal_push_value(L, CAL_STATE_THROWN);
  return lua_error(L);
}

static inline bool is_raise_due(const struct cal_state *state)
{
  return state->throwing || state->how == CASYNC_RESUME_CANCEL;
}

void cal_raise_if_due(lua_State *L, struct cal_state *state)
{
  if (is_raise_due(state)) raise_due(L, state);
}

int cal_back_from_turn(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 0, cal_back_from_turn);
  state->expected = NULL;
  return is_raise_due(state) ? raise_due(L, state) : 0;
}

static inline void forget_anchor(lua_State *L, struct cal_state *state)
{
  struct casync_task *task = casync_loop_current_task(state->running->loop);
  if (task->spare[1]) cal_unanchor(L, CAL_ANCHORS_INDEX, task);
}

static int back_from_future(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 1, back_from_future);
  state->expected = NULL;
  if (!state->by_hand) forget_anchor(L, state);
  if (is_raise_due(state) && (state->throwing || !cal_future_raises_cancelled(L, 1))) {
    cal_mark_read(L, lua_touserdata(L, 1)); /* asyncio's wake-up has seen its error */
    return raise_due(L, state);
  }
  if (state->by_hand && !casync_future_is_done(&cal_test_future(L, 1)->future))
    return cal_raise(L, "RuntimeError", "await wasn't used with future");
  return cal_future_result(L, 1);
}

static int back_from_op(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 1, back_from_op);
  state->expected = NULL;
  struct casync_task *task = casync_loop_current_task(state->running->loop);
  if (task->flags & CASYNC_TASK_OP_CANCELLED) {
    task->flags &= (uint8_t)~CASYNC_TASK_OP_CANCELLED;
    return cal_raise_cancelled(L, cal_task_of(task), CAL_EXTRA_OP_MESSAGE);
  }
  if (is_raise_due(state)) return raise_due(L, state);
  return lua_isnil(L, 1) ? 0 : cal_op_results(L, 1);
}

/* The error that is due stands at index 1. */
static int back_to_error(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 1, back_to_error);
  state->expected = NULL;
  if (is_raise_due(state)) return raise_due(L, state);
  lua_settop(L, 1);
  return lua_error(L);
}

/* ---- leaving ---- */

static int leave(lua_State *L, struct cal_state *state, enum casync_action action,
                 lua_KFunction back)
{
  state->action = action;
  return cal_yield_await(L, state, back);
}

static inline bool may_suspend(lua_State *L, struct cal_state *state)
{
  return state->current == L && lua_isyieldable(L);
}

/* asyncio throws these in at the next iteration. */
static int throw_later(lua_State *L, struct cal_state *state, const char *text)
{
  lua_getglobal(L, "tostring");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  cal_push_error(L, "RuntimeError", text, lua_tostring(L, -1));
  lua_replace(L, 1);
  lua_settop(L, 1);
  return leave(L, state, CASYNC_ACTION_YIELD, back_to_error);
}

int cal_await_future(lua_State *L, struct cal_state *state, struct cal_future *future)
{
  if (!(future->future.flags & CAL_FUTURE_OPEN)) cal_check_future(L, 1); /* which raises */
  if (casync_future_is_done(&future->future)) return cal_future_result(L, 1);
  if (!may_suspend(L, state)) return cal_refuse_await(L, state);
  if (state->by_hand) return leave(L, state, CASYNC_ACTION_AWAIT, back_from_future);
  struct casync_loop *loop = state->running->loop;
  if (future->future.loop != loop)
    return throw_later(L, state, "Task got Future %s attached to a different loop");
  if (&future->future == &casync_loop_current_task(loop)->future)
    return throw_later(L, state, "Task cannot await on itself: %s");
  if (future->object.kind->id == CAL_FUTURE)
    cal_anchor(L, CAL_ANCHORS_INDEX, casync_loop_current_task(loop));
  state->awaited = &future->future;
  return leave(L, state, CASYNC_ACTION_AWAIT, back_from_future);
}

/* Nobody but a task can wait for an op: one is made for it. */
static int await_op_by_hand(lua_State *L, struct cal_state *state)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "task_of_op");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return leave(L, state, CASYNC_ACTION_AWAIT, back_from_future);
}

/* The body may find that it has nothing to wait for, so it is the one to ask whether it may. */
static int run_native(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  cal_op_close(L, op);
  return ((const struct cal_native_type *)op->of.op.type)->body(L, state, op);
}

int cal_await_op(lua_State *L, struct cal_state *state, struct cal_op *op)
{
  if (op->shared) return cal_await_turn(L, state);
  if (op->of.op.state != CASYNC_OP_NEW)
    return cal_raise(L, "RuntimeError", "cannot reuse already awaited coroutine");
  if (cal_op_is_native(op) && !state->by_hand) return run_native(L, state, op);
  if (!may_suspend(L, state)) return cal_refuse_await(L, state);
  if (state->by_hand) return await_op_by_hand(L, state);
  int started = cal_op_start(L, op, casync_loop_current_task(state->running->loop));
  if (started < 0) return cal_raise_code(L, started);
  if (started == CASYNC_OP_FINISHED) return cal_op_results(L, 1);
  if (op->nresults == 0) {
    lua_pushnil(L); /* the op is not needed any more */
    lua_replace(L, 1);
  }
  return leave(L, state, started == CASYNC_OP_WAITS ? CASYNC_ACTION_WAIT_OP : CASYNC_ACTION_YIELD,
               back_from_op);
}

/* coroutine.yield in a task's own coroutine: gives up one iteration; with values it is an error
 * that arrives with the next one.  Elsewhere it is Lua's. */
static int yield(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  struct casync_task *task =
      state->running != NULL ? casync_loop_current_task(state->running->loop) : NULL;
  if (task == NULL || cal_task_of(task)->co != L) return lua_yield(L, lua_gettop(L));
  if (!may_suspend(L, state)) return cal_refuse_await(L, state);
  if (lua_gettop(L) > 0) return throw_later(L, state, "Task got bad yield: %s");
  return cal_await_turn(L, state);
}

void cal_push_awaited(lua_State *L, lua_State *co)
{
  while (co != NULL && cal_is_awaiting(co) && lua_gettop(co) > 1 && lua_isthread(co, 1))
    co = lua_tothread(co, 1);
  if (co != NULL && cal_is_awaiting(co) && lua_gettop(co) > 1 && lua_checkstack(co, 1)) {
    lua_pushvalue(co, 1);
    lua_xmove(co, L, 1);
  } else {
    lua_pushnil(L);
  }
}

void cal_open_suspend(lua_State *L)
{
  static const luaL_Reg functions[] = {{"yield", yield}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
