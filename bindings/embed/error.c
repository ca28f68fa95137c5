/* SPDX-License-Identifier: MIT
 *
 * Errors in and out of the application's C functions.
 */
#include <errno.h>
#include <string.h>

#include "embed/embed.h"

/* ---- in ---- */

/* wrap(message, light name) -> error; with a frame of its own, see embed.h */
static int wrap(lua_State *L)
{
  const char *name = lua_touserdata(L, 2);
  cal_push_value(L, CAL_STATE_ERRORS);
  bool is_known =
      lua_getfield(L, -1, name) == LUA_TTABLE && lua_getfield(L, -1, "__meta") == LUA_TTABLE;
  lua_settop(L, 1);
  cal_wrap_error(L, is_known ? name : "RuntimeError");
  return 1;
}

/* Where casync is not open the message itself is the error. */
static void push_wrapped(lua_State *L, const char *name)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (name == NULL || cal_find_state_slowly(L) == NULL) return;
  lua_pushcfunction(L, wrap);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, (void *)name);
  lua_call(L, 2, 1);
}

void casync_lua_push_error(lua_State *L, const char *name, const char *format, ...)
{
  va_list arguments;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  push_wrapped(L, name);
}

int casync_lua_error(lua_State *L, const char *name, const char *format, ...)
{
  va_list arguments;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  push_wrapped(L, name);
  return lua_error(L);
}

/* push_code(code) -> error */
static int push_code(lua_State *L)
{
  cal_push_code(L, (int)lua_tointeger(L, 1));
  return 1;
}

void casync_lua_push_code(lua_State *L, int code)
{
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (cal_find_state_slowly(L) == NULL) {
    lua_pushstring(L, casync_strerror(code));
    return;
  }
  lua_pushcfunction(L, push_code);
  lua_pushinteger(L, code);
  lua_call(L, 1, 1);
}

/* ---- out ---- */

/* is_error(request, value): whether it is one of the class that `type` names */
static int is_error(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  request->n = cal_is_error_of(L, 2, request->type);
  return 0;
}

/* Calls a function that sets request->n for the value at `index`. */
static void ask(lua_State *L, int index, lua_CFunction function, struct cal_request *request)
{
  if (!lua_checkstack(L, LUA_MINSTACK) || cal_find_state_slowly(L) == NULL) return;
  lua_pushvalue(L, index);
  if (cal_embed_call(L, function, request, 1) == CASYNC_ERAISED) lua_pop(L, 1);
}

bool casync_lua_is_error(lua_State *L, int index, const char *name)
{
  struct cal_request request = {.type = name};
  if (L == NULL || name == NULL || !lua_istable(L, index)) return false;
  ask(L, index, is_error, &request);
  return request.n != 0;
}

/* error_code(request, value) */
static int find_errno(lua_State *L)
{
  struct cal_request *request = lua_touserdata(L, 1);
  if (!cal_is_error_of(L, 2, "OSError")) return 0;
  lua_getfield(L, 2, "errno");
  int number = (int)lua_tointeger(L, -1);
  if (number > 0) request->n = -number;
  return 0;
}

int casync_lua_error_code(lua_State *L, int index)
{
  struct cal_request request = {.n = CASYNC_ERAISED};
  if (L == NULL) return -EINVAL;
  if (lua_type(L, index) == LUA_TSTRING)
    return strcmp(lua_tostring(L, index), "not enough memory") == 0 ? CASYNC_EMEMORY
                                                                    : CASYNC_ERAISED;
  if (lua_istable(L, index)) ask(L, index, find_errno, &request);
  return request.n;
}
