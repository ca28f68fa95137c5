/* A future that another thread completes: the script awaits a measurement that a thread makes. */
#include <casync/lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct measurement {
  double celsius;
};

/* In the loop: pushes what the future is completed with. */
static int push_measurement(lua_State *L, void *data)
{
  const struct measurement *measurement = data;
  lua_pushnumber(L, measurement->celsius);
  return 1;
}

/* In a thread: no Lua here, only the completer. */
static void *measure(void *data)
{
  struct casync_completer *completer = data;
  struct measurement *measurement = malloc(sizeof *measurement);
  if (measurement != NULL) {
    measurement->celsius = 21.5;
    if (casync_completer_complete(completer, push_measurement, measurement, free) < 0)
      free(measurement); /* the loop is closed */
  }
  casync_completer_unref(completer); /* not completed: the future fails */
  return NULL;
}

/* measure() -> Future */
static int start_measuring(lua_State *L)
{
  struct casync_lua *host = lua_touserdata(L, lua_upvalueindex(1));
  struct casync_completer *completer;
  pthread_t thread;
  int status = casync_lua_push_future(host, L);
  if (status == 0) status = casync_completer_new(host, L, -1, &completer);
  if (status < 0) return casync_lua_error(L, "RuntimeError", "%s", casync_strerror(status));
  if (pthread_create(&thread, NULL, measure, completer) != 0)
    casync_completer_unref(completer);
  else
    pthread_detach(thread);
  return 1;
}

int main(void)
{
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, NULL, &host) < 0) return 1;
  lua_pushlightuserdata(L, host);
  lua_pushcclosure(L, start_measuring, 1);
  lua_setglobal(L, "measure");

  luaL_loadstring(L, "local asyncio = require 'casync'\n"
                     "print(('%.1f degrees'):format(asyncio.await(measure())))");
  int status = casync_lua_run_task(host, L, 0);
  if (status < 0) printf("failed: %s\n", casync_strerror(status));
  casync_lua_close(host);
  lua_close(L);
  return status < 0;
}
