/* SPDX-License-Identifier: MIT
 *
 * Handle and TimerHandle: a Lua callback with its arguments and context.
 *
 * Queued handles are kept alive by a list that runs beside the runtime's ready queue: each Handle
 * refers to the next one, the Loop to the first and the last.  Both are first in, first out, so
 * the handle that the runtime runs is always the first of the list.
 */
#include "bind.h"

struct cal_handle *cal_test_handle(lua_State *L, int index)
{
  struct cal_handle *handle = cal_test(L, index, CAL_HANDLE, sizeof *handle);
  return handle != NULL ? handle : cal_test(L, index, CAL_TIMER, sizeof *handle);
}

static struct cal_handle *check_handle(lua_State *L)
{
  struct cal_handle *handle = cal_test_handle(L, 1);
  if (handle == NULL) luaL_typeerror(L, 1, "Handle");
  return handle;
}

static struct cal_handle *handle_of(struct casync_handle *handle)
{
  return (struct cal_handle *)(void *)((char *)handle - offsetof(struct cal_handle, timer.handle));
}

/* ---- the list of queued handles ---- */

/* Appends the Handle on top (popped) to the list of the Loop at `loop`. */
static void append(lua_State *L, int loop)
{
  loop = lua_absindex(L, loop);
  if (lua_getiuservalue(L, loop, CAL_LOOP_LAST) == LUA_TUSERDATA) {
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, CAL_HANDLE_NEXT);
  } else {
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, loop, CAL_LOOP_FIRST);
  }
  lua_pop(L, 1);
  lua_setiuservalue(L, loop, CAL_LOOP_LAST);
}

/* Takes the first Handle off the list of the Loop on top, which it replaces. */
static void take_first(lua_State *L)
{
  lua_getiuservalue(L, -1, CAL_LOOP_FIRST);
  if (lua_getiuservalue(L, -1, CAL_HANDLE_NEXT) == LUA_TNIL) {
    lua_pushnil(L);
    lua_setiuservalue(L, -4, CAL_LOOP_LAST);
  }
  lua_setiuservalue(L, -3, CAL_LOOP_FIRST);
  lua_pushnil(L);
  lua_setiuservalue(L, -2, CAL_HANDLE_NEXT);
  lua_remove(L, -2);
}

/* ---- running ---- */

void cal_handle_clear(lua_State *L, int index, struct cal_handle *handle)
{
  index = lua_absindex(L, index);
  for (int i = 0; i < handle->nargs + 3; i++) {
    if (CAL_HANDLE_CALLBACK + i == CAL_HANDLE_NEXT) continue;
    lua_pushnil(L);
    lua_setiuservalue(L, index, CAL_HANDLE_CALLBACK + i);
  }
}

/* Calls the callback of the Handle on top in its context. */
static int call(lua_State *L, int index, struct cal_handle *handle)
{
  lua_getiuservalue(L, index, CAL_HANDLE_CALLBACK);
  for (int i = 0; i < handle->nargs; i++) lua_getiuservalue(L, index, CAL_HANDLE_ARGUMENTS + i);
  return cal_call(L, handle->nargs, 0);
}

bool cal_leaves_loop(lua_State *L)
{
  return cal_is_error_of(L, -1, "KeyboardInterrupt") || cal_is_error_of(L, -1, "SystemExit");
}

/* The error on top is popped. */
static void report_failure(lua_State *L, struct cal_loop *loop, int index)
{
  cal_replace_nil(L);
  if (cal_leaves_loop(L))
    cal_leave_with(L, loop);
  else
    cal_report(L, loop, "Exception in callback", "handle", index);
}

/* Runs the Handle at `index` in its own context. */
static void run(lua_State *L, struct cal_loop *loop, int index, struct cal_handle *handle)
{
  struct cal_state *state = loop->state;
  if (!lua_checkstack(L, handle->nargs + LUA_MINSTACK)) return;
  cal_push_value(L, CAL_STATE_CONTEXT);
  lua_getiuservalue(L, index, CAL_HANDLE_CONTEXT);
  cal_store_value(L, CAL_STATE_CONTEXT);
  lua_State *current = state->current;
  state->current = NULL;
  if (call(L, index, handle) != LUA_OK) report_failure(L, loop, index);
  state->current = current;
  cal_store_value(L, CAL_STATE_CONTEXT);
}

static void run_queued(struct casync_loop *runtime, struct casync_handle *queued)
{
  struct cal_loop *loop = casync_loop_data(runtime);
  struct cal_handle *handle = handle_of(queued);
  lua_State *L = loop->state->L;
  int top = lua_gettop(L);
  cal_push_loop(L, runtime);
  take_first(L);
  if (!(queued->flags & CASYNC_HANDLE_CANCELLED)) {
    run(L, loop, top + 1, handle);
    cal_handle_clear(L, top + 1, handle);
  }
  lua_settop(L, top);
}

/* A watching handle runs again and again. */
static void run_watching(struct casync_loop *runtime, struct casync_handle *queued)
{
  struct cal_loop *loop = casync_loop_data(runtime);
  lua_State *L = loop->state->L;
  int top = lua_gettop(L);
  cal_push_loop(L, runtime);
  take_first(L);
  if (!(queued->flags & CASYNC_HANDLE_CANCELLED)) run(L, loop, top + 1, handle_of(queued));
  lua_settop(L, top);
}

bool cal_push_first_handle(lua_State *L, const struct cal_loop *loop,
                           const struct casync_handle *handle)
{
  if (handle->type->run != run_queued && handle->type->run != run_watching) {
    lua_pushnil(L);
    return false;
  }
  cal_push_loop(L, loop->loop);
  lua_getiuservalue(L, -1, CAL_LOOP_FIRST);
  lua_remove(L, -2);
  return true;
}

/* ---- beginning to hold: how a handle is found by its address ---- */

static void queued_timer(struct casync_loop *runtime, struct casync_handle *queued)
{
  struct cal_loop *loop = casync_loop_data(runtime);
  struct cal_handle *handle = handle_of(queued);
  lua_State *L = loop->state->L;
  cal_push_loop(L, runtime);
  cal_push_held(L, loop, handle->slot);
  append(L, -2);
  lua_pop(L, 1);
  cal_unhold(L, loop, handle->slot);
  handle->slot = 0;
}

static void queued_callback(struct casync_loop *runtime, struct casync_handle *queued)
{
  struct cal_loop *loop = casync_loop_data(runtime);
  lua_State *L = loop->state->L;
  cal_push_loop(L, runtime);
  lua_getiuservalue(L, -1, CAL_LOOP_CALLBACKS);
  lua_rawgetp(L, -1, queued);
  lua_pushnil(L);
  lua_rawsetp(L, -3, queued);
  append(L, -3);
  lua_pop(L, 2);
}

static void queued_watching(struct casync_loop *runtime, struct casync_handle *queued)
{
  struct cal_loop *loop = casync_loop_data(runtime);
  lua_State *L = loop->state->L;
  cal_push_loop(L, runtime);
  lua_getiuservalue(L, -1, CAL_LOOP_WATCHING);
  lua_rawgeti(L, -1, handle_of(queued)->slot);
  append(L, -3);
  lua_pop(L, 2);
}

static const struct casync_handle_type soon_handle = {run_queued, NULL};
static const struct casync_handle_type timer_handle = {run_queued, queued_timer};
const struct casync_handle_type cal_callback_handle = {run_queued, queued_callback};
const struct casync_handle_type cal_watch_handle = {run_watching, queued_watching};
const struct casync_handle_type cal_signal_handle = {run_watching, NULL};

/* ---- making ---- */

struct cal_handle *cal_handle_new(lua_State *L, struct cal_loop *loop, enum cal_kind_id kind,
                                  int index, int nargs)
{
  struct cal_handle *handle = cal_new(L, kind, sizeof *handle, CAL_HANDLE_ARGUMENTS - 1 + nargs);
  handle->timer.handle.type = kind == CAL_TIMER ? &timer_handle : &soon_handle;
  handle->loop = loop;
  handle->nargs = nargs;
  lua_insert(L, index);
  lua_setiuservalue(L, index, CAL_HANDLE_CONTEXT);
  for (int i = nargs - 1; i >= 0; i--) lua_setiuservalue(L, index, CAL_HANDLE_ARGUMENTS + i);
  lua_setiuservalue(L, index, CAL_HANDLE_CALLBACK);
  if (__builtin_expect(loop->debug, 0)) cal_tell(L, "made", index);
  return handle;
}

void cal_handle_queue(lua_State *L, struct cal_loop *loop, struct cal_handle *handle)
{
  cal_push_loop(L, loop->loop);
  lua_insert(L, -2);
  append(L, -2);
  lua_pop(L, 1);
  casync_loop_call_soon(loop->loop, &handle->timer.handle);
}

void cal_handle_register(lua_State *L, struct cal_loop *loop, int index)
{
  struct cal_handle *handle = lua_touserdata(L, index);
  index = lua_absindex(L, index);
  cal_push_loop(L, loop->loop);
  lua_getiuservalue(L, -1, CAL_LOOP_CALLBACKS);
  lua_pushvalue(L, index);
  lua_rawsetp(L, -2, &handle->timer.handle);
  lua_pop(L, 2);
}

/* asyncio refuses coroutine functions only in debug mode; called, one would do nothing at all. */
void cal_check_callable(lua_State *L, int index)
{
  if (lua_iscfunction(L, index) && cal_push_async_body(L, index))
    cal_raise(L, "TypeError", "coroutines cannot be used as callbacks (use create_task)");
  if (lua_isfunction(L, index)) return;
  if (!luaL_getmetafield(L, index, "__call"))
    cal_raise(L, "TypeError", "a callable object was expected, got %s", luaL_typename(L, index));
  lua_pop(L, 1);
}

/* An option table marked by kw() at the end holds the context. */
int cal_callback_arguments(lua_State *L, int first)
{
  luaL_checkany(L, first);
  cal_check_callable(L, first);
  int last = lua_gettop(L);
  bool marked = false;
  if (last > first && lua_istable(L, last) && lua_getmetatable(L, last)) {
    marked = lua_topointer(L, -1) == cal_state(L)->kw_meta;
    lua_pop(L, 1);
  }
  if (!marked) {
    cal_capture_context(L);
  } else {
    cal_check_option_names(L, last, "call_soon", "context");
    lua_getfield(L, last, "context");
    lua_remove(L, last--);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
      cal_capture_context(L);
    } else {
      cal_check_context(L, -1);
    }
  }
  luaL_argcheck(L, last - first < 200, last, "too many arguments");
  return last - first;
}

/* ---- methods ---- */

static int handle_cancel(lua_State *L)
{
  struct cal_handle *handle = check_handle(L);
  if (handle->timer.handle.flags & CASYNC_HANDLE_CANCELLED) return 0;
  bool timed = handle->timer.handle.heap_index != 0;
  if (timed) {
    casync_handle_cancel(handle->loop->loop, &handle->timer.handle);
    cal_unhold(L, handle->loop, handle->slot);
    handle->slot = 0;
  }
  handle->timer.handle.flags |= CASYNC_HANDLE_CANCELLED;
  cal_handle_clear(L, 1, handle);
  return 0;
}

static int handle_cancelled(lua_State *L)
{
  lua_pushboolean(L, check_handle(L)->timer.handle.flags & CASYNC_HANDLE_CANCELLED);
  return 1;
}

static int handle_get_context(lua_State *L)
{
  check_handle(L);
  lua_getiuservalue(L, 1, CAL_HANDLE_CONTEXT);
  return 1;
}

static int timer_when(lua_State *L)
{
  struct cal_handle *handle = cal_check(L, 1, CAL_TIMER, sizeof *handle);
  lua_pushnumber(L, handle->when);
  return 1;
}

void cal_open_handle(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"cancel", handle_cancel},
      {"cancelled", handle_cancelled},
      {"get_context", handle_get_context},
      {NULL, NULL},
  };
  static const luaL_Reg timer_methods[] = {
      {"cancel", handle_cancel},
      {"cancelled", handle_cancelled},
      {"get_context", handle_get_context},
      {"when", timer_when},
      {NULL, NULL},
  };
  static const struct cal_class handle = {CAL_HANDLE, methods, NULL};
  static const struct cal_class timer = {CAL_TIMER, timer_methods, NULL};
  cal_class_make(L, &handle);
  lua_setfield(L, -2, "Handle");
  cal_class_make(L, &timer);
  lua_setfield(L, -2, "TimerHandle");
}
