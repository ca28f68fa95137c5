/* SPDX-License-Identifier: MIT
 *
 * Opening and closing a host.
 *
 * The host is C memory that belongs to the application; its Lua values are in the registry, under
 * its address, until it is closed or the Lua state is, which the Loop's finalizer tells (`gone`).
 */
#include "embed/embed.h"
#include "ps/states.h"

#include <errno.h>
#include <stdlib.h>

CASYNC_API int luaopen_casync_core(lua_State *L);

void cal_embed_push_core(lua_State *L)
{
  lua_pushcfunction(L, luaopen_casync_core);
  lua_call(L, 0, 1);
}

int cal_embed_check(const struct casync_lua *host, lua_State *L)
{
  if (host == NULL) return -EINVAL;
  if (!pthread_equal(host->thread, pthread_self())) return CASYNC_ETHREAD;
  if (host->L == NULL || casync_loop_is_closed(host->loop->loop)) return CASYNC_ECLOSED;
  if (L != NULL && lua_topointer(L, LUA_REGISTRYINDEX) != host->registry) return -EINVAL;
  return 0;
}

void cal_embed_push(lua_State *L, const struct casync_lua *host, enum cal_record value)
{
  lua_rawgetp(L, LUA_REGISTRYINDEX, host);
  lua_rawgeti(L, -1, value);
  lua_remove(L, -2);
}

/* ---- what the loop tells ---- */

static void on_closing(struct cal_owner *owner)
{
  cal_mailbox_close(((struct casync_lua *)owner)->mailbox);
}

static void on_gone(struct cal_owner *owner)
{
  struct casync_lua *host = (struct casync_lua *)owner;
  cal_mailbox_close(host->mailbox);
  host->L = NULL;
  host->loop = NULL;
}

static void on_stopped(struct cal_owner *owner, int status)
{
  struct casync_lua *host = (struct casync_lua *)owner;
  if (host->stopped != NULL) host->stopped(host, status, host->data);
}

/* ---- opening ---- */

static void load(lua_State *L, bool keeps_coroutines)
{
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  lua_pushcfunction(L, luaopen_casync_core);
  lua_setfield(L, -2, "casync.core");
  lua_pop(L, 1);
  luaL_requiref(L, "casync.core", luaopen_casync_core, 0);
  lua_pop(L, 1);
  if (lua_getglobal(L, "require") != LUA_TFUNCTION)
    luaL_error(L, "casync needs Lua's standard libraries: call luaL_openlibs()");
  lua_pushstring(L, keeps_coroutines ? "casync.unpatched" : "casync");
  lua_call(L, 1, 0);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "casync.loop.loop"); /* the methods that asyncio writes in Python */
  lua_call(L, 1, 0);
}

/* casync_loop_open() for cal_loop_new() */
static int open_loop(lua_State *L, struct cal_loop *loop, const struct casync_loop_host *entries,
                     void *data)
{
  const struct cal_request *request = data;
  const struct casync_lua_options *options = request->type;
  int status = -EINVAL;
  if (options->kind != CASYNC_LUA_OWN) cal_loop_attach(L, -2, loop);
  switch (options->kind) {
  case CASYNC_LUA_OWN:
    status = casync_loop_open(&loop->loop, CASYNC_LOOP_OWNED, entries, loop);
    break;
  case CASYNC_LUA_GUEST:
    status = casync_loop_open_guest(&loop->loop, options->ev, entries, loop);
    break;
  case CASYNC_LUA_STEPPED:
    status = casync_loop_open(&loop->loop, CASYNC_LOOP_STEPPED, entries, loop);
    break;
  }
  if (status < 0) {
    *(int *)request->result = status;
    return status;
  }
  request->host->loop = loop;
  return 0;
}

/* Leaves the host's new record on the stack, in the registry too. */
static void make_record(lua_State *L, struct casync_lua *host)
{
  lua_createtable(L, CAL_RECORD_FUTURES, 0);
  host->L = lua_newthread(L);
  lua_rawseti(L, -2, CAL_RECORD_THREAD);
  lua_newtable(L);
  lua_rawseti(L, -2, CAL_RECORD_FUTURES);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, CAL_RECORD_RUNNER);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -2, CAL_RECORD_LOOP);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, host);
}

/* The Loop on top becomes the current one if there is none. */
static void set_event_loop(lua_State *L)
{
  cal_push_value(L, CAL_STATE_HOOKS);
  bool is_first = lua_getfield(L, -1, "event_loop") == LUA_TNIL;
  lua_pop(L, 1);
  if (is_first) {
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "event_loop");
  }
  lua_pop(L, 1);
}

/* open(request) */
static int open_host(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  const struct casync_lua_options *options = request->type;
  load(L, options->keep_coroutines);
  lua_settop(L, 1);
  make_record(L, request->host);
  cal_loop_new(L, open_loop, request);
  lua_pushvalue(L, -1);
  lua_rawseti(L, 2, CAL_RECORD_LOOP);
  set_event_loop(L);
  struct cal_state *state = cal_find_state(L);
  state->leaves_sigint = !options->handle_sigint;
  if (state->ps_is == CAL_PS_UNSAID) state->ps_is = CAL_PS_UNWANTED;
  return 0;
}

static struct casync_lua *new_host(const struct casync_lua_options *options, const void *registry)
{
  struct casync_lua *host = calloc(1, sizeof *host);
  if (host == NULL) return NULL;
  host->mailbox = cal_mailbox_new();
  if (host->mailbox == NULL) {
    free(host);
    return NULL;
  }
  host->owner = (struct cal_owner){on_closing, on_gone, on_stopped};
  host->thread = pthread_self();
  host->registry = registry;
  host->stopped = options->stopped;
  host->data = options->data;
  return host;
}

static void free_host(struct casync_lua *host)
{
  cal_mailbox_unref(host->mailbox);
  free(host);
}

/* The loop's, and so the record's: what Lua still refers to is closed. */
static void let_go(lua_State *L, struct casync_lua *host)
{
  if (host->loop != NULL) {
    host->loop->owner = NULL;
    casync_loop_close(host->loop->loop);
  }
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, host) != LUA_TNIL) {
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, host);
  }
  lua_pop(L, 1);
}

static int check_options(const struct casync_lua_options *options)
{
  if (options->size != sizeof *options) return -EINVAL;
  if (options->kind == CASYNC_LUA_GUEST) return options->ev == NULL ? -EINVAL : 0;
  return options->kind == CASYNC_LUA_OWN || options->kind == CASYNC_LUA_STEPPED ? 0 : -EINVAL;
}

int casync_lua_open(lua_State *L, const struct casync_lua_options *options,
                    struct casync_lua **result)
{
  static const struct casync_lua_options usual = {.size = sizeof usual};
  if (options == NULL) options = &usual;
  if (result == NULL) return -EINVAL;
  *result = NULL;
  if (L == NULL || check_options(options) < 0) return -EINVAL;
  if (!lua_checkstack(L, LUA_MINSTACK)) return CASYNC_EMEMORY;
  struct casync_lua *host = new_host(options, lua_topointer(L, LUA_REGISTRYINDEX));
  if (host == NULL) return CASYNC_EMEMORY;
  int of_loop = 0;
  struct cal_request request = {.host = host, .type = options, .result = &of_loop};
  int status = cal_embed_call(L, open_host, &request, 0);
  if (status < 0) {
    let_go(L, host);
    free_host(host);
    if (status == CASYNC_ERAISED && of_loop < 0) lua_pop(L, 1); /* the code says it */
    return of_loop < 0 ? of_loop : status;
  }
  host->loop->owner = &host->owner;
  cal_mailbox_open(host->mailbox, host->loop);
  cal_embed_release_files();
  *result = host;
  return 0;
}

struct casync_loop *casync_lua_loop(const struct casync_lua *host)
{
  if (host == NULL || host->L == NULL) return NULL;
  return casync_loop_is_closed(host->loop->loop) ? NULL : host->loop->loop;
}

/* push_loop(request) */
static int push_loop(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_LOOP);
  return 1;
}

int casync_lua_push_loop(struct casync_lua *host, lua_State *L)
{
  struct cal_request request = {.host = host};
  if (L == NULL) return -EINVAL;
  int status = cal_embed_check(host, L);
  if (status < 0) return status;
  status = cal_embed_call(L, push_loop, &request, 0);
  return status < 0 ? status : 0;
}

/* ---- closing ---- */

/* close(request): Loop:close() as Lua sees it */
static int close_loop(lua_State *L)
{
  const struct cal_request *request = lua_touserdata(L, 1);
  cal_embed_push(L, request->host, CAL_RECORD_LOOP);
  cal_push_value(L, CAL_STATE_HOOKS);
  lua_getfield(L, -1, "event_loop");
  if (lua_rawequal(L, 2, -1)) {
    lua_pushnil(L);
    lua_setfield(L, 3, "event_loop");
  }
  lua_getfield(L, 2, "close");
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 0;
}

int casync_lua_close(struct casync_lua *host)
{
  if (host == NULL) return 0;
  if (!pthread_equal(host->thread, pthread_self())) return CASYNC_ETHREAD;
  if (host->L != NULL) {
    lua_State *L = host->L;
    struct cal_request request = {.host = host};
    if (casync_loop_is_running(host->loop->loop)) return CASYNC_ERUNNING;
    if (cal_embed_call(L, close_loop, &request, 0) == CASYNC_ERAISED) lua_pop(L, 1);
    let_go(L, host);
  }
  free_host(host);
  return 0;
}

int casync_lua_answer_ps(struct casync_lua *host)
{
  int status = cal_embed_check(host, NULL);
  if (status == 0) cal_ps_want(host->loop);
  return status;
}
