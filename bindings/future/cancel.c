/* SPDX-License-Identifier: MIT
 *
 * Cancelling: the one method `cancel(msg)` of all futures, and where its message goes.
 *
 * The runtime passes a request down a chain of futures without values.  While it does, the message
 * is in the state, and the object of the future that is asked is on top of `state->L`: a plain
 * future keeps the message, and a subclass's own cancel() can be called.
 */
#include "bind.h"

static bool cancel_plain(lua_State *L, int index, struct cal_future *self)
{
  struct cal_state *state = cal_find_state(L);
  if (self->future.state != CASYNC_PENDING) return false;
  if (state->has_message) {
    cal_push_value(L, CAL_STATE_MESSAGE);
    lua_setiuservalue(L, index, CAL_FUTURE_VALUE);
    self->future.flags |= CAL_FUTURE_MESSAGE;
  }
  casync_future_complete(&self->future, CASYNC_CANCELLED);
  cal_drop_callbacks(L, index);
  return true;
}

/* As the kind of the future at `index` does it, whatever a subclass says. */
static bool cancel_by_kind(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  switch (self->object.kind->id) {
  case CAL_TASK: return casync_task_cancel((struct casync_task *)&self->future);
  case CAL_GATHER: return cal_gather_cancel(L, index);
  case CAL_FUTURE: return cancel_plain(L, index, self);
  case CAL_HANDLE:
  case CAL_TIMER:
  case CAL_LOOP:
  case CAL_COROUTINE:
  case CAL_OP:
  case CAL_SENTINEL:
  case CAL_TRANSPORT:
  case CAL_BUFFER:
  case CAL_STREAM_READER:
  case CAL_LOOKUP:
  case CAL_SOCKET:
  case CAL_SOCKET_VIEW:
  case CAL_LISTENER:
  case CAL_LOCK:
  case CAL_EVENT:
  case CAL_SEMAPHORE:
  case CAL_BOUNDED_SEMAPHORE:
  case CAL_LINE:
  case CAL_QUEUE:
  case CAL_KINDS: break;
  }
  return false;
}

/* The error on top is popped. */
static void report_failure(lua_State *L, struct cal_loop *running, int index)
{
  cal_replace_nil(L);
  if (running != NULL && cal_leaves_loop(L))
    cal_leave_with(L, running);
  else
    cal_report(L, running, "Exception in cancel()", "future", index);
}

/* Calls the object's own cancel(); an error in it is reported and counts as "no". */
static bool cancel_by_method(lua_State *L, int index)
{
  struct cal_state *state = cal_find_state(L);
  int top = lua_gettop(L);
  index = lua_absindex(L, index);
  lua_pushcfunction(L, cal_keep_traceback);
  lua_getfield(L, index, "cancel");
  lua_pushvalue(L, index);
  cal_push_value(L, CAL_STATE_MESSAGE);
  bool had_message = state->has_message;
  bool accepted = false;
  int status = lua_pcall(L, 2, 1, top + 1);
  if (status == LUA_OK)
    accepted = lua_toboolean(L, -1);
  else
    report_failure(L, state->running, index);
  state->has_message = had_message;
  lua_settop(L, top);
  return accepted;
}

/* cancel() of one that is done counts as having seen its error; a gather's own does not. */
static bool refuse_done(lua_State *L, struct cal_future *self)
{
  if (self->object.kind->id != CAL_GATHER) cal_mark_read(L, self);
  return false;
}

bool cal_cancel_top(lua_State *L)
{
  struct cal_future *self = lua_touserdata(L, -1);
  if (self->future.flags & CAL_FUTURE_LUA_CANCEL) return cancel_by_method(L, -1);
  if (self->future.state != CASYNC_PENDING) return refuse_done(L, self);
  return cancel_by_kind(L, lua_gettop(L));
}

bool cal_cancel_virtual(struct casync_future *future)
{
  return cal_cancel_top(cal_state_of(future)->L);
}

static void set_message(lua_State *L, struct cal_state *state)
{
  state->has_message = !lua_isnil(L, -1);
  cal_store_value(L, CAL_STATE_MESSAGE);
}

/* A request that has to queue somebody fails, as call_soon does, when the loop is closed. */
static void check_cancellable(lua_State *L, const struct cal_future *self)
{
  if (self->future.state != CASYNC_PENDING || self->object.kind->id != CAL_FUTURE) return;
  bool has_waiters = self->future.waiters.next != &self->future.waiters;
  if (has_waiters && casync_loop_is_closed(self->future.loop)) cal_raise_code(L, CASYNC_ECLOSED);
}

int cal_cancel_method(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  struct cal_state *state = cal_state(L);
  lua_settop(L, 2);
  cal_check_waking(L, state);
  check_cancellable(L, self);
  if (self->future.state != CASYNC_PENDING) refuse_done(L, self);
  bool outer_message = state->has_message;
  cal_push_value(L, CAL_STATE_MESSAGE);
  lua_insert(L, 1); /* outer message, self, message */
  set_message(L, state);
  lua_State *outer = cal_enter(state, L);
  bool accepted = self->future.state == CASYNC_PENDING && cancel_by_kind(L, 2);
  cal_leave(state, outer);
  lua_settop(L, 1);
  cal_store_value(L, CAL_STATE_MESSAGE);
  state->has_message = outer_message;
  if (state->too_deep && state->cancel_depth == 0) {
    state->too_deep = false;
    return cal_raise(L, "RuntimeError",
                     "cancel() goes too deep: tasks and gathers wait in a circle");
  }
  lua_pushboolean(L, accepted);
  return 1;
}

void cal_note_cancel_method(lua_State *L, int index)
{
  struct cal_future *self = lua_touserdata(L, index);
  lua_getfield(L, index, "cancel");
  if (lua_tocfunction(L, -1) != cal_cancel_method) self->future.flags |= CAL_FUTURE_LUA_CANCEL;
  lua_pop(L, 1);
}

bool cal_cancel_awaited(struct casync_task *task)
{
  lua_State *co = cal_task_of(task)->co;
  lua_State *L = cal_state_of(&task->future)->L;
  if (!lua_checkstack(L, LUA_MINSTACK)) return false;
  int top = lua_gettop(L);
  if (task->timer.handle.flags & CASYNC_HANDLE_QUEUED) return false; /* it is over */
  if (lua_status(co) != LUA_YIELD) { /* closed from outside: its next step says so */
    casync_future_unwait(&task->timer.handle);
    task->waits_for = NULL;
    casync_task_wake(task);
    return true;
  }
  cal_push_awaited(L, co);
  bool accepted = cal_test_future(L, -1) != NULL && cal_cancel_top(L);
  lua_settop(L, top);
  return accepted;
}

struct note {
  struct cal_task *task;
  int place;
};

/* Keeping a message may allocate, so it is done protected; a lost message costs nothing else. */
static int keep(lua_State *L)
{
  const struct note *note = lua_touserdata(L, 1);
  cal_push_task(L, note->task);
  cal_push_value(L, CAL_STATE_MESSAGE);
  cal_set_extra(L, 2, note->place);
  return 0;
}

static void pass_on(lua_State *L, struct cal_state *state, struct cal_task *task)
{
  cal_push_task(L, task);
  cal_push_extra(L, -1, CAL_EXTRA_MESSAGE);
  set_message(L, state);
  lua_pop(L, 1);
}

void cal_keep_message(struct casync_task *task, enum casync_message what)
{
  struct cal_task *self = cal_task_of(task);
  if (task->future.slot == 0) return; /* abandoned: its loop is gone */
  struct cal_state *state = cal_state_of(&task->future);
  lua_State *L = state->L;
  switch (what) {
  case CASYNC_MESSAGE_PASS_ON: pass_on(L, state, self); return;
  case CASYNC_MESSAGE_FLAGGED:
  case CASYNC_MESSAGE_OP: break;
  }
  int place = what == CASYNC_MESSAGE_OP ? CAL_EXTRA_OP_MESSAGE : CAL_EXTRA_MESSAGE;
  struct note note = {self, place};
  cal_push_task(L, self);
  bool had = lua_getiuservalue(L, -1, CAL_FUTURE_EXTRA) != LUA_TNIL;
  lua_pop(L, 2);
  if (had || state->has_message) cal_protect(L, keep, &note);
}
