/* SPDX-License-Identifier: MIT
 *
 * Answering `casync ps`: only where the application says so, and of every kind of loop.
 */
#include <ev.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static char folder[] = "/tmp/casync-spec-XXXXXX";

/* A folder for the socket alone. */
static void make_folder(void)
{
  check(mkdtemp(folder) != NULL);
  setenv("XDG_RUNTIME_DIR", folder, 1);
}

static void remove_folder(void)
{
  char name[sizeof folder + 8];
  snprintf(name, sizeof name, "%s/casync", folder);
  rmdir(name);
  check_equal(0, rmdir(folder));
}

static int has_socket(void)
{
  char path[104];
  struct stat info;
  return casync_ps_path(0, getpid(), path, sizeof path) == 0 && stat(path, &info) == 0;
}

static int ask(void)
{
  struct sockaddr_un address = {0};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  address.sun_family = AF_UNIX;
  check_equal(0, casync_ps_path(0, getpid(), address.sun_path, sizeof address.sun_path));
  check_equal(0, connect(fd, (struct sockaddr *)&address, sizeof address));
  return fd;
}

/* What was told: it ends when all parts have been. */
static void check_answer(int fd, const char *expected)
{
  char bytes[512] = "", *rest = bytes;
  ssize_t n = 0;
  while ((n = read(fd, rest, sizeof bytes - 1 - (size_t)(rest - bytes))) > 0) rest += n;
  close(fd);
  check(n == 0);
  if (strcmp(bytes, expected) != 0) printf("%s", bytes);
  check(strcmp(bytes, expected) == 0);
}

static const char *whole_answer(void)
{
  static char text[64];
  snprintf(text, sizeof text, "casync %s 1\nbegin\npart\n", casync_version());
  return text;
}

static void without_a_word_there_is_no_socket(struct world *world)
{
  make_folder();
  open_world(world, CASYNC_LUA_OWN);
  run_chunk(world, "await(asyncio.sleep(0.15))");
  check(!has_socket());
  close_world(world);
  remove_folder();
}

static void an_own_loop_has_one_when_it_has_run_for_a_while(struct world *world)
{
  make_folder();
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_answer_ps(world->host));
  run_chunk(world, "await(asyncio.sleep(0.001))");
  check(!has_socket());
  run_chunk(world, "await(asyncio.sleep(0.15))");
  check(has_socket());
  close_world(world);
  check(!has_socket());
  remove_folder();
}

static void it_is_off_where_the_environment_says_so(struct world *world)
{
  make_folder();
  setenv("CASYNC_PS", "0", 1);
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_answer_ps(world->host));
  run_chunk(world, "await(asyncio.sleep(0.15))");
  check(!has_socket());
  close_world(world);
  remove_folder();
}

static void a_stepped_loop_answers_in_its_steps(struct world *world)
{
  make_folder();
  open_world(world, CASYNC_LUA_STEPPED);
  check_equal(0, casync_lua_answer_ps(world->host));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check(has_socket());
  struct pollfd wanted = {casync_loop_fd(casync_lua_loop(world->host)), POLLIN, 0};
  check_equal(0, poll(&wanted, 1, 0));
  check(casync_loop_timeout(casync_lua_loop(world->host)) < 0);
  int asks = ask();
  check_equal(1, poll(&wanted, 1, 0)); /* that is how the foreign loop hears of it */
  usleep(100);                         /* it may have been asked just now */
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_answer(asks, whole_answer());
  close_world(world);
  check(!has_socket());
  remove_folder();
}

static void a_guest_answers_and_keeps_no_application(struct world *world)
{
  struct casync_lua_options options = {0};
  make_folder();
  options.size = sizeof options;
  options.kind = CASYNC_LUA_GUEST;
  options.ev = ev_loop_new(EVFLAG_AUTO);
  world->L = luaL_newstate();
  luaL_openlibs(world->L);
  check_equal(0, casync_lua_open(world->L, &options, &world->host));
  check_equal(0, casync_lua_answer_ps(world->host));
  ev_run(options.ev, 0); /* returns: nothing is to come */
  check(has_socket());
  int asks = ask();
  ev_run(options.ev, EVRUN_NOWAIT);
  check_answer(asks, whole_answer());
  close_world(world);
  check(!has_socket());
  ev_loop_destroy(options.ev);
  remove_folder();
}

static void several_states_share_one_socket(struct world *world)
{
  struct world second = {NULL, NULL, ""};
  make_folder();
  open_world(world, CASYNC_LUA_STEPPED);
  open_world(&second, CASYNC_LUA_STEPPED);
  check_equal(0, casync_lua_answer_ps(world->host));
  check_equal(0, casync_lua_answer_ps(second.host));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(0, casync_loop_step(casync_lua_loop(second.host)));
  close_world(world);
  check(has_socket());
  int asks = ask();
  usleep(100);
  check_equal(0, casync_loop_step(casync_lua_loop(second.host)));
  check_answer(asks, whole_answer());
  close_world(&second);
  check(!has_socket());
  remove_folder();
}

static void all_states_answer(struct world *world)
{
  char expected[64];
  struct world second = {NULL, NULL, ""};
  make_folder();
  open_world(world, CASYNC_LUA_STEPPED);
  open_world(&second, CASYNC_LUA_STEPPED);
  check_equal(0, casync_lua_answer_ps(world->host));
  check_equal(0, casync_lua_answer_ps(second.host));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  check_equal(0, casync_loop_step(casync_lua_loop(second.host)));
  int asks = ask();
  usleep(100);
  check_equal(0, casync_loop_step(casync_lua_loop(second.host)));
  check_equal(0, casync_loop_step(casync_lua_loop(world->host)));
  snprintf(expected, sizeof expected, "casync %s 2\nbegin\npart\nbegin\npart\n", casync_version());
  check_answer(asks, expected);
  close_world(world);
  close_world(&second);
  remove_folder();
}

/* In a thread of its own: Lua code that is busy until it is told to end. */
struct busy {
  int is_busy, is_over;
};

static int is_over(lua_State *L)
{
  struct busy *busy = lua_touserdata(L, lua_upvalueindex(1));
  __atomic_store_n(&busy->is_busy, 1, __ATOMIC_RELEASE);
  lua_pushboolean(L, __atomic_load_n(&busy->is_over, __ATOMIC_ACQUIRE));
  return 1;
}

static void *run_busily(void *busy)
{
  struct world world = {NULL, NULL, ""};
  open_world(&world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_answer_ps(world.host));
  lua_pushlightuserdata(world.L, busy);
  lua_pushcclosure(world.L, is_over, 1);
  lua_setglobal(world.L, "is_over");
  run_chunk(&world, "await(asyncio.sleep(0.15)) repeat until is_over()");
  close_world(&world);
  return NULL;
}

/* The signal may come to either thread. */
static void a_busy_thread_answers_when_it_is_urged(struct world *world)
{
  char expected[64];
  struct busy busy = {0, 0};
  pthread_t thread;
  make_folder();
  check_equal(0, pthread_create(&thread, NULL, run_busily, &busy));
  open_world(world, CASYNC_LUA_OWN);
  check_equal(0, casync_lua_answer_ps(world->host));
  run_chunk(world, "await(asyncio.sleep(0.15))");
  while (!__atomic_load_n(&busy.is_busy, __ATOMIC_ACQUIRE))
    run_chunk(world, "await(asyncio.sleep(0.01))");
  int asks = ask();
  run_chunk(world, "await(asyncio.sleep(0.05))");
  check_equal(0, kill(getpid(), SIGURG));
  snprintf(expected, sizeof expected, "casync %s 2\nbegin\npart\nbegin\npart\n", casync_version());
  check_answer(asks, expected);
  __atomic_store_n(&busy.is_over, 1, __ATOMIC_RELEASE);
  pthread_join(thread, NULL);
  close_world(world);
  check(!has_socket());
  remove_folder();
}

static void it_refuses(struct world *world)
{
  check_equal(-EINVAL, casync_lua_answer_ps(NULL));
  open_world(world, CASYNC_LUA_OWN);
  push_chunk(world, "asyncio.get_event_loop():close()");
  lua_call(world->L, 0, 0);
  check_equal(CASYNC_ECLOSED, casync_lua_answer_ps(world->host));
  close_world(world);
}

static const struct test tests[] = {
    TEST(without_a_word_there_is_no_socket),
    TEST(an_own_loop_has_one_when_it_has_run_for_a_while),
    TEST(it_is_off_where_the_environment_says_so),
    TEST(a_stepped_loop_answers_in_its_steps),
    TEST(a_guest_answers_and_keeps_no_application),
    TEST(several_states_share_one_socket),
    TEST(all_states_answer),
    TEST(a_busy_thread_answers_when_it_is_urged),
    TEST(it_refuses),
};

int main(int argc, char **argv)
{
  return run_tests(tests, sizeof tests / sizeof *tests, argc, argv);
}
