/* SPDX-License-Identifier: MIT
 *
 * An application that embeds casync runs a benchmark program of bench/ in each kind of loop:
 *
 *     embedded own|guest|stepped QUESTION ARGUMENT…      bench/QUESTION/casync.lua ARGUMENT…
 *
 * The program is a task here, and asyncio.run(main) calls its main: the loop is the application's
 * to drive.
 */
#include <casync/lua.h>
#include <ev.h>
#include <lauxlib.h>
#include <lualib.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prelude[] = "require 'casync'.run = function(main, ...) return main(...) end";

static int exit_code = 2; /* until the program has ended */

static void on_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n,
                   void *data)
{
  (void)data;
  exit_code = state == CASYNC_LUA_RETURNED ? 0 : 1;
  if (exit_code != 0) fprintf(stderr, "%s\n", luaL_tolstring(L, -n, NULL));
  casync_loop_stop(casync_lua_loop(host));
}

static void on_stopped(struct casync_lua *host, int status, void *data)
{
  (void)host, (void)status;
  ev_break(data, EVBREAK_ALL);
}

/* ---- the loops ---- */

static int drive_own(struct casync_lua *host, lua_State *L)
{
  return casync_lua_run(host, L);
}

static int drive_guest(struct casync_lua *host, lua_State *L)
{
  (void)host, (void)L;
  ev_run(ev_default_loop(0), 0);
  return 0;
}

static int drive_stepped(struct casync_lua *host, lua_State *L)
{
  struct casync_loop *loop = casync_lua_loop(host);
  struct pollfd wanted = {.fd = casync_loop_fd(loop), .events = POLLIN};
  int status = 0;
  (void)L;
  while (status == 0 && exit_code == 2) {
    double timeout = casync_loop_timeout(loop);
    if (poll(&wanted, 1, timeout < 0 ? -1 : (int)ceil(timeout * 1000)) < 0) return 1;
    status = casync_loop_step(loop);
  }
  return status;
}

static const struct {
  const char *name;
  enum casync_lua_kind kind;
  int (*drive)(struct casync_lua *host, lua_State *L);
} kinds[] = {
    {"own", CASYNC_LUA_OWN, drive_own},
    {"guest", CASYNC_LUA_GUEST, drive_guest},
    {"stepped", CASYNC_LUA_STEPPED, drive_stepped},
};

/* ---- the program ---- */

static int load(lua_State *L, int argc, char **argv)
{
  char path[4096];
  const char *root = getenv("BENCH_ROOT");
  snprintf(path, sizeof path, "%s/bench/%s/casync.lua", root != NULL ? root : ".", argv[2]);
  lua_createtable(L, argc, 0);
  for (int i = 3; i < argc; i++) {
    lua_pushstring(L, argv[i]);
    lua_rawseti(L, -2, i - 2);
  }
  lua_setglobal(L, "arg");
  return luaL_dostring(L, prelude) != LUA_OK || luaL_loadfile(L, path) != LUA_OK;
}

int main(int argc, char **argv)
{
  struct casync_lua_options options = {.size = sizeof options, .stopped = on_stopped};
  struct casync_lua *host;
  size_t kind = 0;
  while (argc > 2 && kind < 3 && strcmp(kinds[kind].name, argv[1]) != 0) kind++;
  if (argc < 3 || kind == 3) return 2;

  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  options.kind = kinds[kind].kind;
  options.ev = options.data = ev_default_loop(0);
  if (casync_lua_open(L, &options, &host) < 0) return 1;
  if (load(L, argc, argv) || casync_lua_spawn(host, L, 0, on_end, NULL) < 0) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    return 1;
  }
  if (kinds[kind].drive(host, L) < 0) return 1;
  casync_lua_close(host);
  lua_close(L);
  return exit_code;
}
