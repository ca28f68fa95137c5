/* SPDX-License-Identifier: MIT
 *
 * Running an own loop, and the tasks that the application starts.
 */
#include "embed/embed.h"

#include <errno.h>

/* ---- running ---- */

/* 0, or why the host cannot be run here. */
static int check_may_run(struct casync_lua *host, lua_State *L)
{
  if (L == NULL) return -EINVAL;
  int status = cal_embed_check(host, L);
  if (status < 0) return status;
  if (casync_loop_is_attached(host->loop->loop)) return CASYNC_EATTACHED;
  return host->loop->state->running != NULL ? CASYNC_ERUNNING : 0;
}

/* run(request) */
static int run_forever(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_LOOP);
  lua_getfield(L, 2, "run_forever");
  lua_insert(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

int casync_lua_run(struct casync_lua *host, lua_State *L)
{
  struct cal_request request = {.host = host};
  int status = check_may_run(host, L);
  return status < 0 ? status : cal_embed_call(L, run_forever, &request, 0);
}

/* return_loop(): the loop factory of the host's Runner */
static int return_loop(lua_State *L)
{
  lua_pushvalue(L, lua_upvalueindex(1));
  return 1;
}

/* make_runner(light host) -> Runner{loop_factory = …}, which the record keeps */
static int make_runner(lua_State *L)
{
  const struct casync_lua *host = lua_touserdata(L, 1);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "casync.runners");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "Runner");
  lua_createtable(L, 0, 1);
  cal_embed_push(L, host, CAL_RECORD_LOOP);
  lua_pushcclosure(L, return_loop, 1);
  lua_setfield(L, -2, "loop_factory");
  lua_call(L, 1, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, host);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, CAL_RECORD_RUNNER);
  lua_pop(L, 1);
  return 1;
}

/* Pushes the Runner of the host's loop, made on first use. */
static void push_runner(lua_State *L, struct casync_lua *host)
{
  cal_embed_push(L, host, CAL_RECORD_RUNNER);
  if (lua_toboolean(L, -1)) return;
  lua_pop(L, 1);
  lua_pushcfunction(L, make_runner);
  lua_pushlightuserdata(L, host);
  lua_call(L, 1, 1);
}

/* run_task(request, function, arguments…) -> results */
static int run_task(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  push_runner(L, request->host);
  lua_getfield(L, -1, "run");
  lua_replace(L, 1); /* run, function, arguments, runner */
  lua_insert(L, 2);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static bool has_function(lua_State *L, int nargs)
{
  return nargs >= 0 && lua_gettop(L) > nargs;
}

int casync_lua_run_task(struct casync_lua *host, lua_State *L, int nargs)
{
  struct cal_request request = {.host = host};
  int status = check_may_run(host, L);
  if (status == 0 && !has_function(L, nargs)) status = -EINVAL;
  return status < 0 ? status : cal_embed_call(L, run_task, &request, nargs + 1);
}

/* shutdown(request) */
static int shut_down(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  push_runner(L, request->host);
  lua_getfield(L, -1, "get_loop"); /* a Runner that never ran has nothing to close */
  lua_pushvalue(L, -2);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "close");
  lua_insert(L, -2);
  lua_call(L, 1, 0);
  return 0;
}

int casync_lua_shutdown(struct casync_lua *host, lua_State *L)
{
  struct cal_request request = {.host = host};
  int status = check_may_run(host, L);
  return status < 0 ? status : cal_embed_call(L, shut_down, &request, 0);
}

/* push_left(request) -> error or nil */
static int push_left(lua_State *L)
{
  cal_push_value(L, CAL_STATE_LEFT);
  lua_pushnil(L);
  cal_store_value(L, CAL_STATE_LEFT);
  return 1;
}

int casync_lua_push_left(struct casync_lua *host, lua_State *L)
{
  struct cal_request request = {.host = host};
  if (L == NULL) return -EINVAL;
  int status = cal_embed_check(host, L);
  if (status == 0) status = cal_embed_call(L, push_left, &request, 0);
  return status < 0 ? status : 0;
}

/* ---- tasks ---- */

/* spawn(request, function, arguments…) -> Task */
static int spawn(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_LOOP);
  lua_getfield(L, -1, "create_task");
  lua_replace(L, 1);
  lua_insert(L, 2);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

int casync_lua_spawn(struct casync_lua *host, lua_State *L, int nargs,
                     casync_lua_listener *listener, void *data)
{
  struct cal_request request = {.host = host};
  int status = L == NULL ? -EINVAL : cal_embed_check(host, L);
  if (status == 0 && !has_function(L, nargs)) status = -EINVAL;
  if (status == 0) status = cal_embed_call(L, spawn, &request, nargs + 1);
  if (status < 0) return status;
  if (listener == NULL) return 0;
  status = casync_lua_watch(host, L, -1, listener, data);
  if (status >= 0) return 0;
  lua_remove(L, status == CASYNC_ERAISED ? -2 : -1); /* the Task */
  return status;
}

/* Pushes the array of unfinished tasks; their number. */
static lua_Integer push_tasks(lua_State *L, const struct casync_lua *host)
{
  cal_embed_push_core(L);
  lua_getfield(L, -1, "all_tasks");
  lua_replace(L, -2);
  cal_embed_push(L, host, CAL_RECORD_LOOP);
  lua_call(L, 1, 1);
  return (lua_Integer)lua_rawlen(L, -1);
}

/* count(request) */
static int count(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  request->n = (int)push_tasks(L, request->host);
  return 0;
}

/* cancel(request) */
static int cancel_all(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  lua_Integer n = push_tasks(L, request->host);
  request->n = (int)n;
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    lua_getfield(L, -1, "cancel");
    lua_insert(L, -2);
    lua_call(L, 1, 0);
  }
  return 0;
}

static int call_for_number(struct casync_lua *host, lua_State *L, lua_CFunction function)
{
  struct cal_request request = {.host = host};
  int status = L == NULL ? -EINVAL : cal_embed_check(host, L);
  if (status == 0) status = cal_embed_call(L, function, &request, 0);
  return status < 0 ? status : request.n;
}

int casync_lua_count_tasks(struct casync_lua *host, lua_State *L)
{
  return call_for_number(host, L, count);
}

int casync_lua_cancel_tasks(struct casync_lua *host, lua_State *L)
{
  return call_for_number(host, L, cancel_all);
}
