/* SPDX-License-Identifier: MIT
 *
 * A Lua module for specs: other Lua states, and other threads on this one.  Never installed.
 */
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

__attribute__((visibility("default"))) int luaopen_states(lua_State *L);

/* Gives the new state the module paths of this one. */
static void copy_paths(lua_State *L, lua_State *other)
{
  static const char *const fields[] = {"path", "cpath"};
  lua_getglobal(L, "package");
  lua_getglobal(other, "package");
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_getfield(L, -1, fields[i]);
    lua_pushstring(other, lua_tostring(L, -1));
    lua_setfield(other, -2, fields[i]);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  lua_pop(other, 1);
}

/* run(chunk) -> whether it ended well, its first result or its error as a string: in a Lua state of
 * its own, which is closed then */
static int run(lua_State *L)
{
  const char *chunk = luaL_checkstring(L, 1);
  lua_State *other = luaL_newstate();
  if (other == NULL) return luaL_error(L, "no memory for a state");
  luaL_openlibs(other);
  copy_paths(L, other);
  bool ok = luaL_dostring(other, chunk) == LUA_OK;
  lua_settop(other, 1);
  lua_pushboolean(L, ok);
  lua_pushstring(L, luaL_tolstring(other, 1, NULL));
  lua_close(other);
  return 2;
}

struct call {
  lua_State *L; /* a thread of Lua's with the function on top */
  int status;
};

static void *call_function(void *data)
{
  struct call *call = data;
  call->status = lua_pcall(call->L, 0, 1, 0);
  return NULL;
}

/* in_thread(f) -> as pcall(f), with one result: in another thread of the system, while this waits
 */
static int in_thread(lua_State *L)
{
  struct call call = {.L = lua_newthread(L)};
  pthread_t thread;
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, 1);
  lua_xmove(L, call.L, 1);
  int status = pthread_create(&thread, NULL, call_function, &call);
  if (status != 0) return luaL_error(L, "no thread: %s", strerror(status));
  pthread_join(thread, NULL);
  lua_pushboolean(L, call.status == LUA_OK);
  lua_xmove(call.L, L, 1);
  return 2;
}

int luaopen_states(lua_State *L)
{
  static const luaL_Reg functions[] = {{"run", run}, {"in_thread", in_thread}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
