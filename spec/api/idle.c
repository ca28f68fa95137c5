/* SPDX-License-Identifier: MIT
 *
 * An application in which nothing happens, for idle_spec.lua to look at from outside:
 *
 *     idle own|guest|stepped empty|waiting
 *
 * "waiting": a task waits for a future, another for a silent descriptor.
 */
#include <ev.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"

static int silent[2];

static void on_input(struct ev_loop *ev, ev_io *io, int events)
{
  (void)ev, (void)io, (void)events;
}

static void open_kind(struct world *world, enum casync_lua_kind kind)
{
  struct casync_lua_options options = {
      .size = sizeof options, .kind = kind, .ev = ev_default_loop(0)};
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
}

static void spawn_waiters(struct world *world)
{
  push_chunk(world, "await(asyncio.get_running_loop():create_future())");
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, NULL, NULL));
  push_chunk(world, "local readable = asyncio.Event()\n"
                    "asyncio.get_running_loop():add_reader((...), function() readable:set() end)\n"
                    "await(readable:wait())");
  lua_pushinteger(world->L, silent[0]);
  check_equal(0, casync_lua_spawn(world->host, world->L, 1, NULL, NULL));
  lua_settop(world->L, 0);
}

static void drive_guest(struct ev_loop *ev)
{
  ev_io of_application;
  ev_io_init(&of_application, on_input, silent[0], EV_READ);
  ev_io_start(ev, &of_application);
  ev_run(ev, 0);
}

static void drive_stepped(struct casync_loop *loop)
{
  struct pollfd wanted = {.fd = casync_loop_fd(loop), .events = POLLIN};
  for (;;) {
    double timeout = casync_loop_timeout(loop);
    poll(&wanted, 1, timeout < 0 ? -1 : (int)(timeout * 1000) + 1);
    check_equal(0, casync_loop_step(loop));
  }
}

int main(int argc, char **argv)
{
  static const char *const kinds[] = {"own", "guest", "stepped"};
  struct world world = {0};
  int kind = 0;
  check(argc == 3 && pipe(silent) == 0);
  while (kind < 2 && strcmp(kinds[kind], argv[1]) != 0) kind++;
  open_kind(&world, (enum casync_lua_kind)kind);
  if (strcmp(argv[2], "waiting") == 0) spawn_waiters(&world);
  switch ((enum casync_lua_kind)kind) {
  case CASYNC_LUA_OWN: check_equal(0, casync_lua_run(world.host, world.L)); break;
  case CASYNC_LUA_GUEST: drive_guest(ev_default_loop(0)); break;
  case CASYNC_LUA_STEPPED: drive_stepped(casync_lua_loop(world.host)); break;
  }
  return 1; /* nothing ends it but a signal */
}
