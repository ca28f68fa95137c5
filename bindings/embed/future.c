/* SPDX-License-Identifier: MIT
 *
 * Futures in the hands of the application.
 */
#include "embed/embed.h"

#include <errno.h>

/* 0 and the future at `index`, which is open and of the host's Lua state; or what is wrong. */
static int check_future(struct casync_lua *host, lua_State *L, int index,
                        struct cal_future **future)
{
  if (L == NULL) return -EINVAL;
  int status = cal_embed_check(host, L);
  if (status < 0) return status;
  *future = cal_test_future(L, index);
  return *future != NULL && ((*future)->future.flags & CAL_FUTURE_OPEN) ? 0 : -EINVAL;
}

/* method(request, future, arguments…): calls the method `type` names */
static int call_method(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  lua_getfield(L, 2, request->type);
  lua_replace(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  request->n = lua_toboolean(L, 1);
  return 0;
}

/* Calls a method of the future at `index` with the `n` values on top (popped). */
static int call(struct casync_lua *host, lua_State *L, int index, const char *method, int n)
{
  struct cal_request request = {.host = host, .type = method};
  index = lua_absindex(L, index);
  if (!lua_checkstack(L, LUA_MINSTACK)) {
    lua_pop(L, n);
    return CASYNC_EMEMORY;
  }
  lua_pushvalue(L, index);
  lua_insert(L, -n - 1);
  int status = cal_embed_call(L, call_method, &request, n + 1);
  return status < 0 ? status : request.n;
}

/* push_future(request) */
static int push_future(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_LOOP);
  lua_getfield(L, 2, "create_future");
  lua_insert(L, 2);
  lua_call(L, 1, 1);
  return 1;
}

int casync_lua_push_future(struct casync_lua *host, lua_State *L)
{
  struct cal_request request = {.host = host};
  int status = L == NULL ? -EINVAL : cal_embed_check(host, L);
  if (status == 0) status = cal_embed_call(L, push_future, &request, 0);
  return status < 0 ? status : 0;
}

/* 0 if the future at `index`, below the `n` values on top, can be given results. */
static int check_settable(struct casync_lua *host, lua_State *L, int index, int n)
{
  struct cal_future *future;
  int status = check_future(host, L, index, &future);
  if (status < 0) return status;
  if (n < 0 || future->object.kind->id == CAL_TASK) return -EINVAL;
  if (lua_absindex(L, index) > lua_gettop(L) - n) return -EINVAL;
  return future->future.state == CASYNC_PENDING ? 0 : CASYNC_ESTATE;
}

int casync_lua_resolve(struct casync_lua *host, lua_State *L, int index, int n)
{
  int status = check_settable(host, L, index, n);
  if (status == 0) status = call(host, L, index, "set_result", n);
  return status < 0 ? status : 0;
}

int casync_lua_reject(struct casync_lua *host, lua_State *L, int index)
{
  int status = check_settable(host, L, index, 1);
  if (status == 0 && lua_isnil(L, -1)) status = -EINVAL;
  if (status == 0) status = call(host, L, index, "set_exception", 1);
  return status < 0 ? status : 0;
}

int casync_lua_cancel(struct casync_lua *host, lua_State *L, int index)
{
  struct cal_future *future;
  int status = check_future(host, L, index, &future);
  return status < 0 ? status : call(host, L, index, "cancel", 0);
}

/* ---- telling the end ---- */

static enum casync_lua_state state_of(const struct cal_future *future)
{
  switch ((enum casync_future_state)future->future.state) {
  case CASYNC_PENDING: return CASYNC_LUA_PENDING;
  case CASYNC_RESULT: return CASYNC_LUA_RETURNED;
  case CASYNC_ERROR: return CASYNC_LUA_RAISED;
  case CASYNC_CANCELLED: break;
  }
  return CASYNC_LUA_CANCELLED;
}

struct watch {
  struct casync_lua *host;
  casync_lua_listener *listener;
  void *data;
};

/* tell(future), a done callback; upvalues: the state, the watch */
static int tell(lua_State *L)
{
  const struct watch *watch = lua_touserdata(L, lua_upvalueindex(2));
  struct cal_future *future = lua_touserdata(L, 1);
  enum casync_lua_state state = state_of(future);
  int n = 1;
  luaL_checkstack(L, 2 * LUA_MINSTACK, NULL);
  switch (state) {
  case CASYNC_LUA_RAISED:
    cal_mark_read(L, future);
    lua_getiuservalue(L, 1, CAL_FUTURE_VALUE);
    break;
  case CASYNC_LUA_CANCELLED: cal_push_cancelled(L, 1); break;
  case CASYNC_LUA_RETURNED:
  case CASYNC_LUA_PENDING: n = cal_future_result(L, 1); break;
  }
  watch->listener(watch->host, L, state, n, watch->data);
  return 0;
}

/* watch(request, future) */
static int add_watch(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  lua_getfield(L, 2, "add_done_callback");
  lua_pushvalue(L, 2);
  cal_push_state_slowly(L);
  struct watch *watch = lua_newuserdatauv(L, sizeof *watch, 0);
  *watch = *(const struct watch *)request->type;
  lua_pushcclosure(L, tell, 2);
  lua_call(L, 2, 0);
  return 0;
}

int casync_lua_watch(struct casync_lua *host, lua_State *L, int index,
                     casync_lua_listener *listener, void *data)
{
  struct watch watch = {host, listener, data};
  struct cal_request request = {.host = host, .type = &watch};
  struct cal_future *future;
  int status = check_future(host, L, index, &future);
  if (status == 0 && listener == NULL) status = -EINVAL;
  if (status < 0) return status;
  if (!lua_checkstack(L, LUA_MINSTACK)) return CASYNC_EMEMORY;
  lua_pushvalue(L, index);
  return cal_embed_call(L, add_watch, &request, 1);
}

int casync_lua_future_state(struct casync_lua *host, lua_State *L, int index)
{
  struct cal_future *future;
  int status = check_future(host, L, index, &future);
  return status < 0 ? status : (int)state_of(future);
}

/* results(request, future) -> results */
static int results(lua_State *L)
{
  return cal_future_result(L, 2);
}

int casync_lua_push_results(struct casync_lua *host, lua_State *L, int index)
{
  struct cal_request request = {.host = host};
  struct cal_future *future;
  int status = check_future(host, L, index, &future);
  if (status < 0) return status;
  if (future->future.state == CASYNC_PENDING) return CASYNC_ESTATE;
  if (!lua_checkstack(L, LUA_MINSTACK)) return CASYNC_EMEMORY;
  lua_pushvalue(L, index);
  return cal_embed_call(L, results, &request, 1);
}
