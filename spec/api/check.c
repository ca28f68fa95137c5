/* SPDX-License-Identifier: MIT
 *
 * See check.h.
 */
#include "check.h"

static void fail(const char *file, int line)
{
  printf(" (%s:%d)\n", file, line);
  fflush(stdout);
  abort();
}

void check_at(int is_so, const char *what, const char *file, int line)
{
  if (is_so) return;
  printf("not so: %s", what);
  fail(file, line);
}

void check_equal_at(long long expected, long long found, const char *what, const char *file,
                    int line)
{
  if (expected == found) return;
  printf("%s is %lld, not %lld", what, found, expected);
  fail(file, line);
}

void note(struct world *world, const char *word)
{
  size_t used = strlen(world->trace);
  snprintf(world->trace + used, sizeof world->trace - used, "%s%s", used > 0 ? " " : "", word);
}

void check_trace_at(struct world *world, const char *expected, const char *file, int line)
{
  if (strcmp(world->trace, expected) != 0) {
    printf("trace: '%s', not '%s'", world->trace, expected);
    fail(file, line);
  }
  world->trace[0] = '\0';
}

int run_tests(const struct test *tests, size_t count, int argc, char **argv)
{
  struct world world = {NULL, NULL, ""};
  for (size_t i = 0; argc > 1 && i < count; i++) {
    if (strcmp(tests[i].name, argv[1]) != 0) continue;
    tests[i].run(&world);
    return 0;
  }
  printf("no such test\n");
  return 1;
}

void open_world(struct world *world, enum casync_lua_kind kind)
{
  struct casync_lua_options options = {0};
  options.size = sizeof options;
  options.kind = kind;
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
}

void close_world(struct world *world)
{
  check_equal(0, casync_lua_close(world->host));
  if (world->L != NULL) lua_close(world->L);
  world->L = NULL;
  world->host = NULL;
}

void silence(void)
{
  check(freopen("/dev/null", "w", stderr) != NULL);
}

void push_chunk(struct world *world, const char *chunk)
{
  static const char head[] = "local asyncio = require 'casync' local await = asyncio.await ";
  lua_pushfstring(world->L, "%s%s", head, chunk);
  check_equal(LUA_OK, luaL_loadstring(world->L, lua_tostring(world->L, -1)));
  lua_remove(world->L, -2);
}

int run_chunk(struct world *world, const char *chunk)
{
  push_chunk(world, chunk);
  int n = casync_lua_run_task(world->host, world->L, 0);
  if (n < 0)
    printf("%s: %s\n", casync_strerror(n),
           n == CASYNC_ERAISED ? luaL_tolstring(world->L, -1, NULL) : "");
  check(n >= 0);
  return n;
}

void step_to_end(struct world *world)
{
  struct casync_loop *loop = casync_lua_loop(world->host);
  for (int i = 0; i < 10000; i++) {
    check_equal(0, casync_loop_step(loop));
    int tasks = casync_lua_count_tasks(world->host, world->L);
    check(tasks >= 0);
    if (tasks == 0 && casync_loop_timeout(loop) != 0) return;
  }
  check(!"the tasks come to an end");
}

void note_end(struct casync_lua *host, lua_State *L, enum casync_lua_state state, int n, void *data)
{
  static const char *const names[] = {"pending", "returned", "raised", "cancelled"};
  struct world *world = data;
  check(host == world->host);
  note(world, names[state]);
  if (n > 0) note(world, luaL_tolstring(L, -n, NULL));
}
