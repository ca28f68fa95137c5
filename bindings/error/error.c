/* SPDX-License-Identifier: MIT
 *
 * Errors: objects of the exception classes that lua/casync/exceptions.lua registers, made from C.
 */
#include "bind.h"

#include <string.h>

void cal_error(lua_State *L)
{
  lua_error(L);
  __builtin_unreachable();
}

/* Pushes the instance metatable of class `name`; nil before the classes are there. */
static bool push_meta(lua_State *L, const char *name)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  bool found = lua_getfield(L, -1, name) == LUA_TTABLE;
  if (found) {
    lua_getfield(L, -1, "__meta");
    lua_remove(L, -2);
  }
  lua_remove(L, -2);
  return found;
}

void cal_wrap_error(lua_State *L, const char *name)
{
  luaL_checkstack(L, 6, NULL);
  lua_createtable(L, 0, 2);
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  push_meta(L, name);
  lua_setmetatable(L, -2);
}

void cal_push_error(lua_State *L, const char *name, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  cal_wrap_error(L, name);
}

int cal_raise(lua_State *L, const char *name, const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  lua_pushvfstring(L, format, arguments);
  va_end(arguments);
  cal_wrap_error(L, name);
  cal_error(L);
}

/* Pushes OSError(errno, text), made by its class, which picks the subclass. */
static void push_os_error(lua_State *L, int number)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, "OSError");
  lua_remove(L, -2);
  lua_pushinteger(L, number);
  lua_pushstring(L, strerror(number));
  lua_call(L, 2, 1);
}

void cal_push_code(lua_State *L, int code)
{
  switch ((enum casync_error)code) {
  case CASYNC_EMEMORY: lua_pushliteral(L, "not enough memory"); return;
  case CASYNC_ECLOSED: cal_push_error(L, "RuntimeError", "Event loop is closed"); return;
  case CASYNC_ERUNNING:
    cal_push_error(L, "RuntimeError", "This event loop is already running");
    return;
  case CASYNC_OK:
  case CASYNC_ESTATE:
  case CASYNC_ELEFT:
  case CASYNC_EDEADLOCK:
  case CASYNC_EHOST:
  case CASYNC_EATTACHED:
  case CASYNC_ERAISED:
  case CASYNC_ETHREAD:
  case CASYNC_EBUSY: cal_push_error(L, "RuntimeError", "%s", casync_strerror(code)); return;
  }
  push_os_error(L, -code);
}

int cal_raise_code(lua_State *L, int code)
{
  cal_push_code(L, code);
  cal_error(L);
}

void cal_make_cancelled(lua_State *L)
{
  luaL_checkstack(L, 6, NULL);
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushliteral(L, "");
  }
  lua_setfield(L, -2, "message");
  cal_push_value(L, CAL_STATE_CANCELLED);
  lua_setmetatable(L, -2);
}

/* Whether the class on top (popped), or a class above it, is the one on index `wanted`. */
static bool derives_from(lua_State *L, int wanted)
{
  while (lua_istable(L, -1)) {
    if (lua_rawequal(L, -1, wanted)) {
      lua_pop(L, 1);
      return true;
    }
    if (!luaL_getmetafield(L, -1, "__super")) break;
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return false;
}

bool cal_is_error_of(lua_State *L, int index, const char *name)
{
  if (!lua_istable(L, index)) return false;
  index = lua_absindex(L, index);
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  int wanted = lua_gettop(L);
  bool result = luaL_getmetafield(L, index, "__class") && derives_from(L, wanted);
  lua_settop(L, wanted - 1);
  return result;
}

bool cal_is_cancelled_error(lua_State *L, int index)
{
  if (!lua_istable(L, index) || !lua_getmetatable(L, index)) return false;
  const void *meta = lua_topointer(L, -1);
  lua_pop(L, 1);
  if (meta == cal_find_state(L)->cancelled_meta) return true;
  return cal_is_error_of(L, index, "CancelledError");
}

/* An exception class is a table with `__meta` that derives from BaseException. */
static bool is_error_class(lua_State *L, int index)
{
  if (!lua_istable(L, index)) return false;
  lua_pushliteral(L, "__meta");
  bool found = lua_rawget(L, index) == LUA_TTABLE;
  lua_pop(L, 1);
  if (!found) return false;
  int top = lua_gettop(L);
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, "BaseException");
  lua_pushvalue(L, index);
  found = derives_from(L, top + 2);
  lua_settop(L, top);
  return found;
}

void cal_instantiate(lua_State *L, int index)
{
  if (!is_error_class(L, index)) return;
  lua_pushvalue(L, index);
  lua_call(L, 0, 1);
  lua_replace(L, index);
}
