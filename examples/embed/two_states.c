/* Two Lua states in one process, in one thread: each has a loop that is stepped, and one poll(2)
 * waits for both.  They share nothing, their globals neither. */
#include <casync/lua.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>

enum { STATES = 2 };

static const char script[] = //
    "local asyncio = require 'casync'\n"
    "local times = ...\n"
    "count = 0\n"
    "for i = 1, times do\n"
    "  asyncio.await(asyncio.sleep(0.01))\n"
    "  count = count + 1\n"
    "end\n"
    "return count\n";

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  (void)host, (void)L, (void)state, (void)n;
  --*(int *)data;
}

static struct casync_lua *start(lua_State *L, int times, int *left)
{
  struct casync_lua_options options = {.size = sizeof options, .kind = CASYNC_LUA_STEPPED};
  struct casync_lua *host;
  luaL_openlibs(L);
  if (casync_lua_open(L, &options, &host) < 0) return NULL;
  luaL_loadstring(L, script);
  lua_pushinteger(L, times);
  casync_lua_spawn(host, L, 1, on_end, left);
  return host;
}

/* Waits until one of the loops has something to do, and lets each do it. */
static void turn(struct casync_lua **hosts)
{
  struct pollfd wanted[STATES];
  double timeout = -1;
  for (int i = 0; i < STATES; i++) {
    struct casync_loop *loop = casync_lua_loop(hosts[i]);
    double own = casync_loop_timeout(loop);
    if (own >= 0 && (timeout < 0 || own < timeout)) timeout = own;
    wanted[i] = (struct pollfd){.fd = casync_loop_fd(loop), .events = POLLIN};
  }
  poll(wanted, STATES, timeout < 0 ? -1 : (int)ceil(timeout * 1000));
  for (int i = 0; i < STATES; i++) casync_loop_step(casync_lua_loop(hosts[i]));
}

int main(void)
{
  lua_State *states[STATES] = {luaL_newstate(), luaL_newstate()};
  struct casync_lua *hosts[STATES];
  int left = STATES;
  for (int i = 0; i < STATES; i++) hosts[i] = start(states[i], i + 2, &left);
  while (hosts[0] != NULL && hosts[1] != NULL && left > 0) turn(hosts);

  for (int i = 0; i < STATES; i++) {
    lua_getglobal(states[i], "count");
    printf("state %d has counted to %d\n", i + 1, (int)lua_tointeger(states[i], -1));
  }
  lua_close(states[0]); /* a host may go before its Lua state or after it */
  casync_lua_close(hosts[0]);
  casync_lua_close(hosts[1]);
  lua_close(states[1]);
  return 0;
}
