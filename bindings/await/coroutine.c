/* SPDX-License-Identifier: MIT
 *
 * The coroutine library that lets awaits through: resume, wrap, close and status behave as Lua's
 * own, and an await inside a coroutine suspends whoever resumed it as well, up to the task.
 *
 * A resume that finds its coroutine suspended in an await suspends likewise and, when the scheduler
 * comes back, resumes the same coroutine again.  The coroutine stays at index 1 of the frame
 * meanwhile, which is how the chain of nested coroutines can be followed from outside
 * (cal_push_awaited).
 *
 * `state->current` is the coroutine that may await: a resume hands it on only if its caller has it.
 */
#include "bind.h"

enum how { RESUME, WRAP };

static lua_State *check_thread(lua_State *L, int index)
{
  lua_State *co = lua_tothread(L, index);
  luaL_argexpected(L, co != NULL, index, "coroutine");
  return co;
}

/* Resumes `co` with `nargs` values on its stack, as the coroutine that may await if L is it. */
static int run(lua_State *L, struct cal_state *state, lua_State *co, int nargs, int *nresults)
{
  lua_State *current = state->current, *innermost = state->innermost;
  /* Below a C call that cannot be left nothing nested in it may await either. */
  if (current == L && lua_isyieldable(L)) state->current = co;
  state->innermost = co;
  state->suspended = NULL;
  int status = lua_resume(co, L, nargs, nresults);
  state->innermost = innermost;
  state->current = current;
  return status;
}

static int resume_again(lua_State *L, int status, lua_KContext context);
static int wrapped_again(lua_State *L, int status, lua_KContext context);

/* Fails as Lua's wrap does: the coroutine is closed and the place is put before a text. */
static int fail_wrapped(lua_State *L, lua_State *co)
{
  int status = lua_status(co);
  bool has_failed = status != LUA_OK && status != LUA_YIELD;
  if (has_failed) {
    cal_trace(L, co, 0, CAL_TRACE_RESUMED);
    status = lua_resetthread(co);
    lua_xmove(co, L, 1);
  }
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
    if (has_failed) cal_retrace(L);
  }
  return lua_error(L);
}

static int fail(lua_State *L, lua_State *co, enum how how)
{
  if (how == WRAP) return fail_wrapped(L, co);
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

/* What a resume gave: results to the caller, or an await to pass on. */
static int deliver(lua_State *L, struct cal_state *state, lua_State *co, int status, int n,
                   enum how how)
{
  if (status == LUA_YIELD && state->suspended == co)
    return cal_yield_await(L, state, how == RESUME ? resume_again : wrapped_again);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return fail(L, co, how);
  }
  if (!lua_checkstack(L, n + 1)) {
    lua_pop(co, n);
    lua_pushliteral(L, "too many results to resume");
    return fail(L, co, how);
  }
  if (how == RESUME) lua_pushboolean(L, 1);
  lua_xmove(co, L, n);
  return how == RESUME ? n + 1 : n;
}

/* The scheduler is back: the innermost coroutine goes on first. */
static int go_on(lua_State *L, struct cal_state *state, enum how how)
{
  int n = 0;
  lua_settop(L, 1);
  lua_State *co = lua_tothread(L, 1);
  if (!cal_is_awaiting(co)) {
    state->expected = NULL;
    return cal_raise(L, "RuntimeError", "a coroutine that awaited was closed from outside");
  }
  state->expected = co;
  int status = run(L, state, co, 0, &n);
  return deliver(L, state, co, status, n, how);
}

static int resume_again(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 1, resume_again);
  return go_on(L, state, RESUME);
}

static int wrapped_again(lua_State *L, int status, lua_KContext context)
{
  struct cal_state *state = cal_context_state(context);
  (void)status;
  if (state->expected != L) return cal_wait_on(L, state, 1, wrapped_again);
  return go_on(L, state, WRAP);
}

static const char *status_name(lua_State *L, lua_State *co)
{
  lua_Debug frame;
  if (L == co) return "running";
  switch (lua_status(co)) {
  case LUA_YIELD: return cal_is_awaiting(co) ? "normal" : "suspended";
  case LUA_OK:
    if (lua_getstack(co, 0, &frame)) return "normal";
    return lua_gettop(co) == 0 ? "dead" : "suspended";
  default: return "dead";
  }
}

/* Why `co` cannot be resumed with `nargs` values, or NULL. */
static const char *refusal(lua_State *L, lua_State *co, int nargs)
{
  if (!lua_checkstack(co, nargs)) return "too many arguments to resume";
  if (lua_status(co) == LUA_OK && lua_gettop(co) == 0) return "cannot resume dead coroutine";
  if (cal_is_awaiting(co)) return "cannot resume non-suspended coroutine";
  (void)L;
  return NULL;
}

static int start(lua_State *L, lua_State *co, int nargs, enum how how)
{
  struct cal_state *state = cal_state(L);
  int n = 0;
  const char *why = refusal(L, co, nargs);
  if (why != NULL) {
    lua_settop(L, 1);
    lua_pushstring(L, why);
    return fail(L, co, how);
  }
  lua_xmove(L, co, nargs);
  int status = run(L, state, co, nargs, &n);
  return deliver(L, state, co, status, n, how);
}

static int resume(lua_State *L)
{
  lua_State *co = check_thread(L, 1);
  return start(L, co, lua_gettop(L) - 1, RESUME);
}

static int call_wrapped(lua_State *L)
{
  int nargs = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  return start(L, lua_tothread(L, 1), nargs, WRAP);
}

bool cal_is_coroutine_function(lua_CFunction function)
{
  return function == resume || function == call_wrapped;
}

static int wrap(lua_State *L)
{
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, CAL_STATE_INDEX);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 2);
  return 1;
}

static int close(lua_State *L)
{
  lua_State *co = check_thread(L, 1);
  const char *status = status_name(L, co);
  if (*status != 's' && *status != 'd') return luaL_error(L, "cannot close a %s coroutine", status);
  struct cal_state *state = cal_state(L);
  lua_State *current = state->current;
  if (current == L) state->current = co; /* so that an await in its `__close` is told the reason */
  lua_State *closer = state->closer;
  state->closer = L;
  int result = lua_resetthread(co);
  state->closer = closer;
  state->current = current;
  if (result == LUA_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushboolean(L, 0);
  lua_xmove(co, L, 1);
  return 2;
}

static int status(lua_State *L)
{
  lua_pushstring(L, status_name(L, check_thread(L, 1)));
  return 1;
}

/* drive(thread, throwing, value) -> done, results … or what is awaited: resumes a thread so that
 * its awaits come back here instead of to a task.  Raises what the thread raises. */
static int drive(lua_State *L)
{
  struct cal_state *state = cal_state(L);
  lua_State *co = check_thread(L, 1), *current = state->current;
  bool by_hand = state->by_hand;
  lua_Debug frame;
  int n = 0;
  if (lua_status(co) == LUA_OK && (co == L || lua_getstack(co, 0, &frame)))
    return cal_raise(L, "ValueError", "coroutine already executing");
  state->throwing = lua_toboolean(L, 2);
  lua_settop(L, 3);
  lua_setiuservalue(L, CAL_STATE_INDEX, CAL_STATE_THROWN);
  state->by_hand = true;
  state->how = CASYNC_RESUME;
  if (cal_is_awaiting(co)) state->expected = co;
  lua_State *innermost = state->innermost;
  unsigned depth = state->depth;
  int status = cal_resume(L, state, co, 0, &n);
  state->depth = depth;
  state->innermost = innermost;
  state->current = current;
  state->by_hand = by_hand;
  state->throwing = false;
  lua_pushboolean(L, status == LUA_OK);
  if (status == LUA_YIELD) {
    if (state->action == CASYNC_ACTION_AWAIT)
      cal_push_awaited(L, co);
    else
      lua_pushnil(L);
    return 2;
  }
  lua_xmove(co, L, status == LUA_OK ? n : 1);
  return status == LUA_OK ? n + 1 : lua_error(L);
}

/* core.coroutine_library: what differs from Lua's own; await.lua adds the rest. */
void cal_open_coroutine(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"resume", resume}, {"wrap", wrap}, {"close", close}, {"status", status}, {NULL, NULL},
  };
  static const luaL_Reg others[] = {{"drive", drive}, {NULL, NULL}};
  cal_set_functions(L, others);
  lua_newtable(L);
  cal_set_functions(L, functions);
  lua_setfield(L, -2, "coroutine_library");
}
