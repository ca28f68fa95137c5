/* SPDX-License-Identifier: MIT
 *
 * await: the only switch on kinds of awaitable.
 *
 * Futures and ops suspend (suspend.c).  Coroutine objects and functions are called, here and now,
 * on the same Lua stack.  Such a call nests in C, and Lua allows some 190 C levels; but a coroutine
 * that is suspended and resumed has none of them left: its frames go on by their continuations.  So
 * after MOST_CALLS nested calls an await bounces: it suspends only to be resumed at once.  Awaits
 * nest as deep as Lua's stack goes.
 */
#include "await/turn.h"

enum { MOST_CALLS = 50 };

/* The awaitable stays at index 1: that keeps a coroutine object alive and findable. */
static int end_of_call(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  if (status == LUA_OK && state->depth > 0) state->depth--; /* else it has been reset since */
  return lua_gettop(L) - 1;
}

static int call(lua_State *L, struct cal_state *state)
{
  int nargs = lua_gettop(L) - 2;
  state->depth++;
  lua_callk(L, nargs, LUA_MULTRET, (lua_KContext)state, end_of_call);
  return end_of_call(L, LUA_OK, (lua_KContext)state);
}

static int back_from_bounce(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) {
    state->suspended = L;
    return lua_yieldk(L, 0, context, back_from_bounce);
  }
  state->expected = NULL;
  lua_pop(L, 1); /* the mark */
  return call(L, state);
}

int cal_await_call(lua_State *L, struct cal_state *state)
{
  if (state->depth < MOST_CALLS || state->current != L || !lua_isyieldable(L))
    return call(L, state);
  luaL_checkstack(L, 1, "too many arguments");
  state->bouncing = true;
  return cal_yield_await(L, state, back_from_bounce);
}

static int await_coroutine(lua_State *L, struct cal_state *state)
{
  cal_coroutine_take(L, 1, L);
  return cal_await_call(L, state);
}

CAL_NORETURN static void refuse(lua_State *L)
{
  const char *name = luaL_typename(L, 1);
  if (luaL_getmetafield(L, 1, "__name") == LUA_TSTRING) name = lua_tostring(L, -1);
  cal_raise(L, "TypeError", "bad argument #1 to 'await' (awaitable expected, got %s)", name);
}

/* Functions, Lua threads, and objects with __await. */
static int await_other(lua_State *L, struct cal_state *state)
{
  switch (lua_type(L, 1)) {
  case LUA_TFUNCTION:
    if (!cal_push_async_body(L, 1)) lua_pushvalue(L, 1);
    return cal_await_call(L, state);
  case LUA_TTHREAD:
    cal_push_value(L, CAL_STATE_HOOKS);
    lua_getfield(L, -1, "await_thread");
    lua_remove(L, -2);
    lua_pushvalue(L, 1);
    return cal_await_call(L, state);
  default:
    if (luaL_getmetafield(L, 1, "__await") == LUA_TNIL) refuse(L);
    lua_pushvalue(L, 1);
    return cal_await_call(L, state);
  }
}

CAL_APART static int await_any(lua_State *L, struct cal_state *state, void *userdata)
{
  if (lua_gettop(L) != 1) lua_settop(L, 1);
  struct cal_object *object = (struct cal_object *)cal_object_of(L, 1, userdata);
  if (object == NULL) return await_other(L, state);
  switch (object->kind->id) {
  case CAL_FUTURE:
  case CAL_TASK:
  case CAL_GATHER: return cal_await_future(L, state, (struct cal_future *)object);
  case CAL_OP: return cal_await_op(L, state, (struct cal_op *)object);
  case CAL_COROUTINE: return await_coroutine(L, state);
  case CAL_HANDLE:
  case CAL_TIMER:
  case CAL_LOOP:
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
  return await_other(L, state);
}

/* await(awaitable): suspends the running task until it is done; returns its results or raises its
 * error.  What is done already does not suspend. */
int cal_await(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  void *userdata = lua_touserdata(L, 1);
  if (userdata != (const void *)state->sleep0) return await_any(L, state, userdata);
  return cal_await_turn(L, state);
}

void cal_open_await(lua_State *L)
{
  cal_push_state_slowly(L);
  lua_getiuservalue(L, -1, CAL_STATE_NO_ANCHORS);
  lua_pushcclosure(L, cal_await, 2);
  lua_pushvalue(L, -1);
  cal_store_value(L, CAL_STATE_AWAIT);
  lua_setfield(L, -2, "await");
}
