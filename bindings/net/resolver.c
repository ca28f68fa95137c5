/* SPDX-License-Identifier: MIT
 *
 * Look-ups of names as Futures: getaddrinfo and getnameinfo in one of the loop's threads.  What
 * needs no look-up because all of it is numbers is answered at once.
 *
 * While a look-up is under way its loop holds a Lookup, which refers to the Future.  Whoever
 * completes the Future first, a cancel for example, gives up the look-up in the next iteration, as
 * asyncio's futures of executors do.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h> /* snprintf */
#include <string.h>
#include <sys/socket.h>

/* Flags with which an address that is a number needs nobody's help. */
enum { HARMLESS = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_NUMERICSERV };

/* Room for a port as text. */
enum { PORT_SIZE = 8, MOST_PORT = 0xffff };

/* ---- results ---- */

static void push_address_infos(lua_State *L, const struct addrinfo *info)
{
  lua_newtable(L);
  for (int i = 1; info != NULL; info = info->ai_next, i++) {
    cal_push_address_info(L, info);
    lua_rawseti(L, -2, i);
  }
}

/* Pushes what the Future gets; their number, negative for an error. */
static int push_outcome(lua_State *L, const struct casync_lookup_result *result)
{
  if (result->code != 0) {
    cal_push_lookup_error(L, result->code, result->system);
    return -1;
  }
  if (result->host == NULL) {
    push_address_infos(L, result->addresses);
    return 1;
  }
  lua_pushstring(L, result->host);
  lua_pushstring(L, result->service);
  return 2;
}

/* store(future, result): to be called protected */
static int store(lua_State *L)
{
  int n = push_outcome(L, lua_touserdata(L, 2));
  if (n < 0)
    cal_future_store_error(L, 1);
  else
    cal_future_store(L, 1, n);
  return 0;
}

/* Completes the Future on top.  Returns false, with the error on top, if there is no memory for
 * the result. */
static bool complete(lua_State *L, const struct casync_lookup_result *result)
{
  struct cal_future *future = lua_touserdata(L, -1);
  lua_pushcfunction(L, store);
  lua_pushvalue(L, -2);
  lua_pushlightuserdata(L, (void *)result);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) return false;
  casync_future_complete(&future->future, result->code == 0 ? CASYNC_RESULT : CASYNC_ERROR);
  cal_drop_callbacks(L, lua_gettop(L));
  return true;
}

/* The same, where the error on top (popped) is the result instead. */
static void complete_with_error(lua_State *L)
{
  struct cal_future *future = lua_touserdata(L, -2);
  lua_setiuservalue(L, -2, CAL_FUTURE_VALUE);
  casync_future_complete(&future->future, CASYNC_ERROR);
  cal_drop_callbacks(L, lua_gettop(L));
}

/* ---- look-ups under way ---- */

static struct cal_lookup *lookup_of(struct casync_handle *watch)
{
  return (struct cal_lookup *)(void *)((char *)watch - offsetof(struct cal_lookup, watch));
}

/* The loop lets go of it. */
static void release(lua_State *L, struct cal_lookup *lookup)
{
  cal_unhold(L, lookup->loop, lookup->slot);
  lookup->slot = 0;
}

static void on_found(struct casync_loop *loop, void *data,
                     const struct casync_lookup_result *result)
{
  struct cal_lookup *lookup = data;
  lua_State *L = lookup->loop->state->L;
  (void)loop;
  lookup->job = NULL;
  if (lookup->watch.flags & CASYNC_HANDLE_QUEUED) return; /* somebody completed the future */
  casync_future_unwait(&lookup->watch);
  int top = lua_gettop(L);
  cal_push_held(L, lookup->loop, lookup->slot);
  lua_getiuservalue(L, -1, CAL_LOOKUP_FUTURE);
  if (!complete(L, result)) complete_with_error(L);
  release(L, lookup);
  lua_settop(L, top);
}

/* Somebody else completed the future. */
static void run_watch(struct casync_loop *loop, struct casync_handle *watch)
{
  struct cal_lookup *lookup = lookup_of(watch);
  if (lookup->job != NULL) casync_work_cancel(loop, lookup->job);
  lookup->job = NULL;
  release(lookup->loop->state->L, lookup);
}

static const struct casync_handle_type watch_type = {run_watch, NULL};

void cal_lookup_abandon(struct cal_lookup *lookup)
{
  casync_future_unwait(&lookup->watch);
  lookup->job = NULL;
  lookup->slot = 0;
}

/* ---- beginning ---- */

/* Pushes a new Future of the Loop at 1. */
static struct cal_future *push_new_future(lua_State *L)
{
  lua_getfield(L, 1, "create_future");
  lua_pushvalue(L, 1);
  lua_call(L, 1, 1);
  return cal_check_future(L, -1);
}

/* Pushes a new Lookup, held, for the Future on top. */
static struct cal_lookup *push_new_lookup(lua_State *L, struct cal_loop *loop)
{
  struct cal_lookup *lookup = lua_newuserdatauv(L, sizeof *lookup, CAL_LOOKUP_VALUES);
  memset(lookup, 0, sizeof *lookup);
  lookup->object.kind = &cal_kinds[CAL_LOOKUP];
  lookup->watch.type = &watch_type;
  lookup->loop = loop;
  lua_pushvalue(L, -2);
  lua_setiuservalue(L, -2, CAL_LOOKUP_FUTURE);
  lookup->slot = cal_hold(L, loop, lua_gettop(L));
  return lookup;
}

/* The look-up of the Lookup on top (popped) has begun, or could not.  Leaves the Future. */
static int begun(lua_State *L, struct cal_lookup *lookup, int status)
{
  if (status < 0) {
    release(L, lookup);
    return cal_raise_code(L, status);
  }
  lua_pop(L, 1);
  struct cal_future *future = lua_touserdata(L, -1);
  casync_future_wait(&future->future, &lookup->watch);
  return 1;
}

/* ---- getaddrinfo ---- */

/* What is looked up, as getaddrinfo wants it. */
struct address_request {
  const char *host, *service;
  struct addrinfo hints;
  char port[PORT_SIZE];
};

static const char *check_text(lua_State *L, int index)
{
  const char *text = lua_tostring(L, index);
  if (strlen(text) != lua_rawlen(L, index)) cal_raise(L, "ValueError", "embedded null character");
  return text;
}

static const char *check_host(lua_State *L, int index)
{
  if (lua_isnoneornil(L, index)) return NULL;
  if (lua_type(L, index) != LUA_TSTRING) luaL_typeerror(L, index, "string or nil");
  return check_text(L, index);
}

/* A port beyond those there are is an error here; the C library would take another one. */
static const char *check_service(lua_State *L, int index, char *port)
{
  if (lua_isnoneornil(L, index)) return NULL;
  if (lua_type(L, index) == LUA_TSTRING) return check_text(L, index);
  if (lua_type(L, index) != LUA_TNUMBER) luaL_typeerror(L, index, "integer, string or nil");
  lua_Integer number = luaL_checkinteger(L, index);
  if (number < 0 || number > MOST_PORT) cal_raise(L, "ValueError", "port must be 0-%d", MOST_PORT);
  snprintf(port, PORT_SIZE, "%d", (int)number);
  return port;
}

static bool is_number(const char *host)
{
  unsigned char address[sizeof(struct in6_addr)];
  return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* Whether the C library will have to look into nothing for the answer. */
static bool is_all_numbers(const struct address_request *request)
{
  if (request->hints.ai_flags & ~HARMLESS) return false;
  if (request->host != NULL && !is_number(request->host)) return false;
  return request->service == NULL ||
         request->service[strspn(request->service, "0123456789")] == '\0';
}

/* Leaves a Future that is done. */
static int answer_address(lua_State *L, struct address_request *request)
{
  struct addrinfo *found = NULL;
  push_new_future(L);
  request->hints.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
  int code = getaddrinfo(request->host, request->service, &request->hints, &found);
  struct casync_lookup_result result = {.code = code, .system = errno, .addresses = found};
  bool is_done = complete(L, &result);
  if (found != NULL) freeaddrinfo(found);
  return is_done ? 1 : lua_error(L);
}

/* getaddrinfo(loop, host, port[, family[, type[, proto[, flags]]]]) -> Future of an array */
static int getaddrinfo_future(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  struct address_request request = {.hints = {.ai_family = cal_optional_int(L, 4, AF_UNSPEC),
                                              .ai_socktype = cal_optional_int(L, 5, 0),
                                              .ai_protocol = cal_optional_int(L, 6, 0),
                                              .ai_flags = cal_optional_int(L, 7, 0)}};
  request.host = check_host(L, 2);
  request.service = check_service(L, 3, request.port);
  if (is_all_numbers(&request)) return answer_address(L, &request);
  push_new_future(L);
  struct cal_lookup *lookup = push_new_lookup(L, loop);
  return begun(L, lookup,
               casync_lookup_address(loop->loop, request.host, request.service, &request.hints,
                                     on_found, lookup, &lookup->job));
}

/* ---- getnameinfo ---- */

/* Leaves a Future that is done. */
static int answer_name(lua_State *L, const struct sockaddr *address, size_t size, int flags)
{
  char host[NI_MAXHOST], service[NI_MAXSERV];
  struct casync_lookup_result result = {.host = host, .service = service};
  push_new_future(L);
  result.code =
      getnameinfo(address, (socklen_t)size, host, sizeof host, service, sizeof service, flags);
  result.system = errno;
  return complete(L, &result) ? 1 : lua_error(L);
}

/* getnameinfo(loop, address[, flags]) -> Future of host, service */
static int getnameinfo_future(lua_State *L)
{
  struct cal_loop *loop = cal_check_open_loop(L, 1);
  int flags = cal_optional_int(L, 3, 0), numbers = NI_NUMERICHOST | NI_NUMERICSERV;
  struct sockaddr_storage storage;
  size_t size = cal_check_address(L, 2, AF_UNSPEC, &storage);
  const struct sockaddr *address = (const struct sockaddr *)&storage;
  if ((flags & numbers) == numbers) return answer_name(L, address, size, flags);
  push_new_future(L);
  struct cal_lookup *lookup = push_new_lookup(L, loop);
  return begun(L, lookup,
               casync_lookup_name(loop->loop, address, (unsigned)size, flags, on_found, lookup,
                                  &lookup->job));
}

/* work_threads(loop) -> how many threads the loop has now */
static int threads(lua_State *L)
{
  lua_pushinteger(L, casync_work_threads(cal_check_loop(L, 1)->loop));
  return 1;
}

void cal_open_resolver(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"getaddrinfo", getaddrinfo_future},
      {"getnameinfo", getnameinfo_future},
      {"work_threads", threads},
      {NULL, NULL},
  };
  cal_set_functions(L, functions);
}
