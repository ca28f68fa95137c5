/* SPDX-License-Identifier: MIT
 *
 * Guests, and the end: host, Lua state and the application's libev loop go in any order, with work
 * in all stages; memory that runs out while casync is opened.  Linked with the static library, and
 * with --wrap for the functions of malloc: see `spend`.
 */
#include <ev.h>

#include "check.h"

/* ---- memory that runs out ---- */

static long left = -1; /* allocations that succeed; negative: all */
static int fails_on;   /* whether those behind the first one that fails do, too */
static long spent;     /* all of them */

/* Whether this allocation succeeds. */
static int spend(void)
{
  spent++;
  if (left < 0) return 1;
  if (left > 0) {
    left--;
    return 1;
  }
  if (!fails_on) left = -1;
  return 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_malloc(size_t size)
{
  return spend() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
  return spend() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *block, size_t size)
{
  return spend() ? __real_realloc(block, size) : NULL;
}

static void *alloc(void *data, void *block, size_t old_size, size_t size)
{
  (void)data;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if (block != NULL && size <= old_size) return __real_realloc(block, size);
  return spend() ? __real_realloc(block, size) : NULL;
}

/* Opens with `n` allocations; what fails must leave a state in which opening works. */
static int open_with(struct world *world, const struct casync_lua_options *options, long n)
{
  world->L = lua_newstate(alloc, NULL);
  luaL_openlibs(world->L);
  spent = 0;
  left = n;
  int status = casync_lua_open(world->L, options, &world->host);
  int is_done = left > 0 || status == 0;
  left = -1;
  if (status < 0) {
    check_equal(CASYNC_EMEMORY, status);
    check(world->host == NULL);
    check_equal(0, lua_gettop(world->L));
    check_equal(0, casync_lua_open(world->L, options, &world->host));
  }
  check_equal(0, lua_gettop(world->L));
  close_world(world);
  return is_done;
}

static void run_out(struct world *world, const struct casync_lua_options *options)
{
  check(open_with(world, options, 1000000));
  long all = spent;
  check(all > 500);
  /* All of the beginning and of the end, where the loop is made, and samples of the loading. */
  for (long n = 0; n < all; n += n < 30 || n > all - 150 ? 1 : 17) open_with(world, options, n);
}

static void memory_runs_out(struct world *world, enum casync_lua_kind kind)
{
  struct casync_lua_options options = {0};
  options.size = sizeof options;
  options.kind = kind;
  if (kind == CASYNC_LUA_GUEST) options.ev = ev_loop_new(EVFLAG_AUTO);
  fails_on = 1;
  run_out(world, &options);
  fails_on = 0;
  run_out(world, &options);
  if (options.ev != NULL) {
    check_equal(0, ev_pending_count(options.ev));
    ev_loop_destroy(options.ev);
  }
}

static void memory_may_run_out_while_an_own_loop_is_opened(struct world *world)
{
  memory_runs_out(world, CASYNC_LUA_OWN);
}

static void memory_may_run_out_while_a_guest_is_opened(struct world *world)
{
  memory_runs_out(world, CASYNC_LUA_GUEST);
}

static void memory_may_run_out_while_a_stepped_loop_is_opened(struct world *world)
{
  memory_runs_out(world, CASYNC_LUA_STEPPED);
}

/* ---- guests ---- */

static struct ev_loop *ev;

static void on_stopped(struct casync_lua *host, int status, void *data)
{
  char text[32];
  check(host == ((struct world *)data)->host);
  snprintf(text, sizeof text, "stopped:%d", status);
  note(data, text);
}

static void open_guest(struct world *world)
{
  struct casync_lua_options options = {0};
  options.size = sizeof options;
  options.kind = CASYNC_LUA_GUEST;
  options.ev = ev = ev_loop_new(EVFLAG_AUTO);
  options.stopped = on_stopped;
  options.data = world;
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
}

static void spawn(struct world *world, const char *chunk)
{
  push_chunk(world, chunk);
  check_equal(0, casync_lua_spawn(world->host, world->L, 0, note_end, world));
}

static void a_guest_runs_in_the_applications_loop(struct world *world)
{
  open_guest(world);
  spawn(world, "await(asyncio.sleep(0.001)) return asyncio.get_running_loop():is_running()");
  ev_run(ev, 0);
  check_trace(world, "returned true");
  push_chunk(world, "return asyncio.get_event_loop():is_running()");
  lua_call(world->L, 0, 1);
  check(!lua_toboolean(world->L, -1));
  close_world(world);
  ev_loop_destroy(ev);
}

static void a_guest_stops_and_goes_on(struct world *world)
{
  open_guest(world);
  spawn(world, "asyncio.get_running_loop():stop() await(asyncio.sleep(0)) return 'on'");
  ev_run(ev, 0);
  check_trace(world, "stopped:0");
  check_equal(0, casync_loop_resume(casync_lua_loop(world->host)));
  ev_run(ev, 0);
  check_trace(world, "returned on");
  close_world(world);
  ev_loop_destroy(ev);
}

static void what_leaves_a_guest_is_told(struct world *world)
{
  open_guest(world);
  silence(); /* nobody reads the exception before the close */
  spawn(world, "error(asyncio.KeyboardInterrupt(), 0)");
  ev_run(ev, 0);
  char expected[32];
  snprintf(expected, sizeof expected, "stopped:%d", CASYNC_ELEFT);
  check_trace(world, expected);
  check_equal(0, casync_lua_push_left(world->host, world->L));
  check(casync_lua_is_error(world->L, -1, "KeyboardInterrupt"));
  close_world(world);
  ev_loop_destroy(ev);
}

static void an_open_completer_keeps_the_applications_loop(struct world *world)
{
  struct casync_completer *completer;
  open_guest(world);
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_completer_new(world->host, world->L, 1, &completer));
  check(ev_run(ev, EVRUN_NOWAIT) != 0);
  check_equal(0, casync_completer_complete(completer, NULL, NULL, NULL));
  casync_completer_unref(completer);
  ev_run(ev, 0);
  check(ev_run(ev, EVRUN_NOWAIT) == 0);
  close_world(world);
  ev_loop_destroy(ev);
}

/* ---- the end, in any order ---- */

static int wait_for_ever(void *op)
{
  (void)op;
  return CASYNC_LUA_WAITS;
}

static const struct casync_lua_op_type op_type = {"forever", 8, wait_for_ever, NULL, NULL};

static struct casync_completer *used, *unused;

/* Work in all stages: running, sleeping, waiting for an op and for a completer, watching. */
static void begin_work(struct world *world)
{
  void *op;
  spawn(world, "await(asyncio.sleep(0))");
  spawn(world, "await(asyncio.sleep(3600))");
  check_equal(0, casync_lua_push_op(world->host, world->L, &op_type, &op));
  lua_setglobal(world->L, "op");
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_completer_new(world->host, world->L, -1, &unused));
  lua_setglobal(world->L, "future");
  check_equal(0, casync_lua_push_future(world->host, world->L));
  check_equal(0, casync_completer_new(world->host, world->L, -1, &used));
  spawn(world, "await(op)");
  spawn(world, "await(asyncio.gather(future, asyncio.sleep(10)))");
  for (int i = 0; i < 3; i++) ev_run(ev, EVRUN_NOWAIT);
  check_equal(0, casync_completer_complete(used, NULL, NULL, NULL));
  world->trace[0] = '\0';
}

static void end(struct world *world, char what)
{
  if (what == 'h') {
    check_equal(0, casync_lua_close(world->host));
  } else if (what == 'l') {
    lua_close(world->L);
  } else {
    ev_loop_destroy(ev);
  }
}

static void end_in_order(struct world *world, const char *order)
{
  silence();
  open_guest(world);
  begin_work(world);
  for (int i = 0; order[i] != '\0'; i++) end(world, order[i]);
  check_equal(CASYNC_ECLOSED, casync_completer_complete(unused, NULL, NULL, NULL));
  casync_completer_unref(used);
  casync_completer_unref(unused);
}

static void the_end_is_host_lua_ev(struct world *world)
{
  end_in_order(world, "hle");
}

static void the_end_is_host_ev_lua(struct world *world)
{
  end_in_order(world, "hel");
}

static void the_end_is_lua_host_ev(struct world *world)
{
  end_in_order(world, "lhe");
}

static void the_end_is_lua_ev_host(struct world *world)
{
  end_in_order(world, "leh");
}

static void the_end_is_ev_host_lua(struct world *world)
{
  end_in_order(world, "ehl");
}

static void the_end_is_ev_lua_host(struct world *world)
{
  end_in_order(world, "elh");
}

static void the_end_of_the_applications_loop_is_told(struct world *world)
{
  open_guest(world);
  silence();
  spawn(world, "await(asyncio.sleep(3600))");
  ev_run(ev, EVRUN_NOWAIT);
  ev_loop_destroy(ev);
  char expected[32];
  snprintf(expected, sizeof expected, "stopped:%d", CASYNC_ECLOSED);
  check_trace(world, expected);
  check_equal(CASYNC_ECLOSED, casync_lua_push_future(world->host, world->L));
  close_world(world);
}

static void close_host(struct casync_lua *host, int status, void *data)
{
  struct world *world = data;
  (void)status;
  note(world, "closed");
  check_equal(0, casync_lua_close(host));
  world->host = NULL;
}

static void a_guest_may_be_closed_where_it_is_told_to_have_stopped(struct world *world)
{
  struct casync_lua_options options = {0};
  options.size = sizeof options;
  options.kind = CASYNC_LUA_GUEST;
  options.ev = ev = ev_loop_new(EVFLAG_AUTO);
  options.stopped = close_host;
  options.data = world;
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
  spawn(world, "asyncio.get_running_loop():stop()");
  ev_run(ev, 0);
  check_trace(world, "closed");
  close_world(world);
  ev_loop_destroy(ev);
}

static void pending_tasks_of_a_closed_host_are_reported(struct world *world)
{
  open_world(world, CASYNC_LUA_STEPPED);
  push_chunk(world, "reports = {} asyncio.get_event_loop():set_exception_handler("
                    "function(_, context) reports[#reports + 1] = context.message end)");
  lua_call(world->L, 0, 0);
  spawn(world, "local _ <close> = setmetatable({}, {__close = function() reports.ran = true end}) "
               "await(asyncio.sleep(3600))");
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(0, casync_lua_close(world->host));
  world->host = NULL;
  luaL_loadstring(world->L, "return #reports, reports[1], reports.ran");
  lua_call(world->L, 0, 3);
  check_equal(1, lua_tointeger(world->L, -3));
  check(strcmp(lua_tostring(world->L, -2), "Task was destroyed but it is pending!") == 0);
  check(lua_isnil(world->L, -1));
  close_world(world);
}

static const struct test tests[] = {
    TEST(memory_may_run_out_while_an_own_loop_is_opened),
    TEST(memory_may_run_out_while_a_guest_is_opened),
    TEST(memory_may_run_out_while_a_stepped_loop_is_opened),
    TEST(a_guest_runs_in_the_applications_loop),
    TEST(a_guest_stops_and_goes_on),
    TEST(what_leaves_a_guest_is_told),
    TEST(an_open_completer_keeps_the_applications_loop),
    TEST(the_end_is_host_lua_ev),
    TEST(the_end_is_host_ev_lua),
    TEST(the_end_is_lua_host_ev),
    TEST(the_end_is_lua_ev_host),
    TEST(the_end_is_ev_host_lua),
    TEST(the_end_is_ev_lua_host),
    TEST(the_end_of_the_applications_loop_is_told),
    TEST(a_guest_may_be_closed_where_it_is_told_to_have_stopped),
    TEST(pending_tasks_of_a_closed_host_are_reported),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
