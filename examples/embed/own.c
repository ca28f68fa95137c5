/* A loop of its own: a script's function runs as main task, and C gets its results. */
#include <casync/lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>

static const char script[] = //
    "local asyncio = require 'casync'\n"
    "local await = asyncio.await\n"
    "return function(name, times)\n"
    "  for i = 1, times do\n"
    "    print(('hello %s, %d'):format(name, i))\n"
    "    await(asyncio.sleep(0.01))\n"
    "  end\n"
    "  return 'done', times\n"
    "end\n";

int main(void)
{
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, NULL, &host) < 0) return 1;
  if (luaL_dostring(L, script) != LUA_OK) return 1;

  lua_pushliteral(L, "world");
  lua_pushinteger(L, 2);
  int n = casync_lua_run_task(host, L, 2);
  if (n < 0) { /* CASYNC_ERAISED: the error is on the stack */
    printf("failed: %s\n", n == CASYNC_ERAISED ? luaL_tolstring(L, -1, NULL) : casync_strerror(n));
    return 1;
  }
  printf("%d results: %s, %d\n", n, lua_tostring(L, -2), (int)lua_tointeger(L, -1));

  casync_lua_shutdown(host, L); /* ends the tasks that are left, if there are any */
  casync_lua_close(host);
  lua_close(L);
  return 0;
}
