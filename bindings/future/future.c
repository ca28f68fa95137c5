/* SPDX-License-Identifier: MIT
 *
 * Future, the class: methods of asyncio.Future.  Where values are kept is in future_value.c.
 */
#include "bind.h"

static int future_done(lua_State *L)
{
  lua_pushboolean(L, casync_future_is_done(&cal_check_future(L, 1)->future));
  return 1;
}

static int future_cancelled(lua_State *L)
{
  lua_pushboolean(L, cal_check_future(L, 1)->future.state == CASYNC_CANCELLED);
  return 1;
}

static int future_result(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  if (self->future.state == CASYNC_PENDING)
    return cal_raise(L, "InvalidStateError", "Result is not set.");
  return cal_future_result(L, 1);
}

static int future_exception(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  switch ((enum casync_future_state)self->future.state) {
  case CASYNC_PENDING: return cal_raise(L, "InvalidStateError", "Exception is not set.");
  case CASYNC_RESULT: return 0;
  case CASYNC_ERROR: cal_push_failure(L, 1); return 1;
  case CASYNC_CANCELLED: cal_push_cancelled(L, 1); return lua_error(L);
  }
  return 0;
}

static inline bool has_waiters(const struct cal_future *self)
{
  return self->future.waiters.next != &self->future.waiters;
}

/* Completing a future whose loop is closed fails as call_soon would, if anybody waits. */
static void check_completable(lua_State *L, struct cal_future *self)
{
  if (self->future.state != CASYNC_PENDING) {
    lua_pushvalue(L, 1);
    cal_raise(L, "InvalidStateError", "invalid state");
  }
  if (!has_waiters(self)) return;
  if (casync_loop_is_closed(self->future.loop)) cal_raise_code(L, CASYNC_ECLOSED);
  cal_check_waking(L, cal_state_of(&self->future));
}

static struct cal_future *check_plain(lua_State *L, const char *what)
{
  struct cal_future *self = cal_check_future(L, 1);
  if (self->object.kind->id == CAL_TASK)
    cal_raise(L, "RuntimeError", "Task does not support %s operation", what);
  check_completable(L, self);
  return self;
}

static int complete(lua_State *L, struct cal_future *self, enum casync_future_state state)
{
  if (!has_waiters(self)) { /* its loop may be gone */
    casync_future_complete(&self->future, (int)state);
    return 0;
  }
  struct cal_state *lua = cal_state_of(&self->future);
  lua_State *outer = cal_enter(lua, L);
  casync_future_complete(&self->future, (int)state);
  cal_leave(lua, outer);
  cal_drop_callbacks(L, 1);
  return 0;
}

CAL_APART static int set_any_result(lua_State *L)
{
  struct cal_future *self = check_plain(L, "set_result");
  cal_future_store(L, 1, lua_gettop(L) - 1);
  return complete(L, self, CASYNC_RESULT);
}

/* The usual case is one value for a Future. */
static int future_set_result(lua_State *L)
{
  struct cal_future *self = (struct cal_future *)cal_object_at(L, 1);
  bool is_usual = self != NULL && self->object.kind->id == CAL_FUTURE &&
                  (self->future.flags & CAL_FUTURE_OPEN) && lua_gettop(L) == 2;
  if (!is_usual) return set_any_result(L);
  check_completable(L, self);
  lua_setiuservalue(L, 1, CAL_FUTURE_VALUE);
  return complete(L, self, CASYNC_RESULT);
}

static int future_set_exception(lua_State *L)
{
  luaL_checkany(L, 2);
  struct cal_future *self = check_plain(L, "set_exception");
  lua_settop(L, 2);
  if (lua_isnil(L, 2))
    return cal_raise(L, "TypeError", "an exception is needed, got nil: any other value will do");
  cal_instantiate(L, 2);
  cal_future_store_error(L, 1);
  return complete(L, self, CASYNC_ERROR);
}

/* Pushes the array of callbacks of the future at 1, made if need be. */
static void push_callbacks(lua_State *L)
{
  cal_push_extra(L, 1, CAL_EXTRA_CALLBACKS);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  cal_set_extra(L, 1, CAL_EXTRA_CALLBACKS);
}

/* The context at option "context", or a copy of the current one, is pushed. */
static void push_context_option(lua_State *L, int options)
{
  if (lua_isnoneornil(L, options)) {
    cal_capture_context(L);
    return;
  }
  luaL_argexpected(L, cal_is_kw(L, options), options, "options");
  cal_check_option_names(L, options, "add_done_callback", "context");
  lua_getfield(L, options, "context");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    cal_capture_context(L);
  } else {
    cal_check_context(L, -1);
  }
}

/* Queues the callback of a future that is done: self callback options context. */
static int queue_callback(lua_State *L, struct cal_future *self)
{
  struct cal_loop *loop = cal_push_loop(L, self->future.loop);
  if (loop == NULL || casync_loop_is_closed(loop->loop)) return cal_raise_code(L, CASYNC_ECLOSED);
  cal_check_waking(L, loop->state);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 4);
  cal_handle_queue(L, loop, cal_handle_new(L, loop, CAL_HANDLE, 6, 1));
  return 0;
}

static int future_add_done_callback(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  luaL_checkany(L, 2);
  cal_check_callable(L, 2);
  lua_settop(L, 3);
  push_context_option(L, 3);
  if (casync_future_is_done(&self->future)) return queue_callback(L, self);
  struct cal_loop *loop = cal_push_loop(L, self->future.loop);
  if (loop == NULL) return cal_raise_code(L, CASYNC_ECLOSED);
  lua_settop(L, 4);
  push_callbacks(L);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 4); /* self callback options context callbacks | callback self context */
  struct cal_handle *handle = cal_handle_new(L, loop, CAL_HANDLE, 6, 1);
  handle->timer.handle.type = &cal_callback_handle;
  cal_handle_register(L, loop, 6);
  lua_rawseti(L, 5, (lua_Integer)lua_rawlen(L, 5) + 1);
  casync_future_wait(&self->future, &handle->timer.handle);
  return 0;
}

/* Finds the handles in the array at 3 whose callback equals the value at 2 and makes them keys of
 * the table at 4.  Comparing may run Lua code, which may change the array: nothing else is done
 * here. */
static void find_equal(lua_State *L)
{
  for (lua_Integer i = 1; lua_rawgeti(L, 3, i) != LUA_TNIL; i++) {
    lua_getiuservalue(L, -1, CAL_HANDLE_CALLBACK);
    bool equal = lua_compare(L, -1, 2, LUA_OPEQ);
    lua_pop(L, 1);
    if (equal) {
      lua_pushboolean(L, 1);
      lua_rawset(L, 4);
    } else {
      lua_pop(L, 1);
    }
  }
  lua_pop(L, 1);
}

/* Takes the handles in the table at 4 out of the array at 3 and of the waiters; their number. */
static lua_Integer take_out(lua_State *L)
{
  lua_Integer n = (lua_Integer)lua_rawlen(L, 3), kept = 0;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 3, i);
    struct cal_handle *handle = cal_test_handle(L, -1);
    lua_pushvalue(L, -1);
    bool found = lua_rawget(L, 4) != LUA_TNIL;
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_rawseti(L, 3, i);
    if (found) {
      casync_future_unwait(&handle->timer.handle);
      lua_pop(L, 1);
    } else {
      lua_rawseti(L, 3, ++kept);
    }
  }
  return n - kept;
}

static int future_remove_done_callback(lua_State *L)
{
  cal_check_future(L, 1);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  cal_push_extra(L, 1, CAL_EXTRA_CALLBACKS);
  lua_newtable(L);
  if (!lua_isnil(L, 3)) find_equal(L);
  cal_push_extra(L, 1, CAL_EXTRA_CALLBACKS);
  lua_replace(L, 3);
  lua_pushinteger(L, lua_isnil(L, 3) ? 0 : take_out(L));
  return 1;
}

static int future_get_loop(lua_State *L)
{
  struct cal_future *self = cal_check_future(L, 1);
  cal_push_loop(L, self->future.loop);
  return 1;
}

static int future_new(lua_State *L)
{
  cal_new_of_class(L, CAL_FUTURE, sizeof(struct cal_future), CAL_FUTURE_VALUES - 1);
  return 1;
}

static const struct casync_future_type plain_type = {cal_cancel_virtual};

void cal_future_open(lua_State *L, struct cal_future *self, struct cal_loop *loop)
{
  casync_future_init(&self->future, loop->loop, &plain_type);
  self->future.flags = CAL_FUTURE_OPEN;
  lua_setiuservalue(L, 1, CAL_FUTURE_VALUE);
  cal_note_cancel_method(L, 1);
}

/* Future{loop = …} */
static int future_init(lua_State *L)
{
  struct cal_future *self = cal_check(L, 1, CAL_FUTURE, sizeof(struct cal_future));
  if (self->future.flags & CAL_FUTURE_OPEN)
    return cal_raise(L, "RuntimeError", "Future.init() was called already");
  if (!lua_isnoneornil(L, 2)) {
    luaL_argexpected(L, cal_is_kw(L, 2), 2, "options");
    cal_check_option_names(L, 2, "Future", "loop");
  }
  struct cal_loop *loop = cal_option_loop(L, 2);
  cal_future_open(L, self, loop);
  if (__builtin_expect(loop->debug, 0)) cal_tell(L, "made", 1);
  return 0;
}

/* Loop:create_future() */
static int create_future(lua_State *L)
{
  struct cal_loop *loop = lua_touserdata(L, 1);
  if (loop != NULL && loop == cal_state(L)->running)
    cal_check_thread(L, loop);
  else
    loop = cal_check_loop(L, 1);
  struct cal_future *self =
      cal_new_here(L, CAL_FUTURE, sizeof(struct cal_future), CAL_FUTURE_VALUES - 1);
  casync_future_init(&self->future, loop->loop, &plain_type);
  self->future.flags = CAL_FUTURE_OPEN;
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
  if (__builtin_expect(loop->debug, 0)) cal_tell(L, "made", -1);
  return 1;
}

static int isfuture(lua_State *L)
{
  lua_pushboolean(L, cal_test_future(L, 1) != NULL);
  return 1;
}

static int traceback(lua_State *L)
{
  cal_check_future(L, 1);
  cal_push_extra(L, 1, CAL_EXTRA_TRACEBACK);
  return 1;
}

static int clear_log_traceback(lua_State *L)
{
  cal_mark_read(L, cal_check_future(L, 1));
  return 0;
}

void cal_open_future(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"__new", future_new},
      {"init", future_init},
      {"done", future_done},
      {"cancelled", future_cancelled},
      {"result", future_result},
      {"exception", future_exception},
      {"cancel", cal_cancel_method},
      {"set_result", future_set_result},
      {"set_exception", future_set_exception},
      {"add_done_callback", future_add_done_callback},
      {"remove_done_callback", future_remove_done_callback},
      {"get_loop", future_get_loop},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"isfuture", isfuture},
      {"task_traceback", traceback},
      {"clear_log_traceback", clear_log_traceback},
      {"loop_create_future", create_future},
      {NULL, NULL},
  };
  static const struct cal_class class = {CAL_FUTURE, methods, NULL};
  cal_class_make(L, &class);
  lua_setfield(L, -2, "Future");
  cal_set_functions(L, functions);
}
