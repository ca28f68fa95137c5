/* The barest of foreign loops: poll(2), with casync as one descriptor, a timeout and a step. */
#include <casync/lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  (void)host, (void)state;
  printf("the script ended: %s\n", luaL_tolstring(L, -n, NULL));
  *(int *)data = 1;
}

int main(void)
{
  struct casync_lua_options options = {.size = sizeof options, .kind = CASYNC_LUA_STEPPED};
  struct casync_lua *host;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (casync_lua_open(L, &options, &host) < 0) return 1;
  luaL_loadstring(L, "local asyncio = require 'casync'\n"
                     "for i = 1, 3 do\n"
                     "  print('tick ' .. i)\n"
                     "  asyncio.await(asyncio.sleep(0.01))\n"
                     "end\n"
                     "return 'three ticks'\n");
  int is_over = 0;
  if (casync_lua_spawn(host, L, 0, on_end, &is_over) < 0) return 1;

  struct casync_loop *loop = casync_lua_loop(host);
  struct pollfd wanted = {.fd = casync_loop_fd(loop), .events = POLLIN};
  while (!is_over) {
    double timeout = casync_loop_timeout(loop);
    if (poll(&wanted, 1, timeout < 0 ? -1 : (int)ceil(timeout * 1000)) < 0) return 1;
    if (casync_loop_step(loop) < 0) return 1;
  }
  casync_lua_close(host);
  lua_close(L);
  return 0;
}
