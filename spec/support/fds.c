/* SPDX-License-Identifier: MIT
 *
 * A Lua module for the specs: descriptors and signals, which Lua does not have, and its coroutine
 * library as it was before casync was loaded.  Never installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

static int push_failure(lua_State *L)
{
  return luaL_error(L, "%s", strerror(errno));
}

static int push_pair(lua_State *L, int status, const int *pair)
{
  if (status != 0) return push_failure(L);
  lua_pushinteger(L, pair[0]);
  lua_pushinteger(L, pair[1]);
  return 2;
}

/* fds.pipe() -> the end to read, the end to write; neither blocks */
static int fds_pipe(lua_State *L)
{
  int pair[2];
  return push_pair(L, pipe2(pair, O_CLOEXEC | O_NONBLOCK), pair);
}

/* fds.socketpair() -> two ends that do not block */
static int fds_socketpair(lua_State *L)
{
  int pair[2];
  return push_pair(L, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                   pair);
}

/* fds.open(path) -> a descriptor to read from */
static int fds_open(lua_State *L)
{
  int fd = open(luaL_checkstring(L, 1), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return push_failure(L);
  lua_pushinteger(L, fd);
  return 1;
}

/* fds.read(fd, n) -> at most n bytes; nil where it would block */
static int fds_read(lua_State *L)
{
  char bytes[4096];
  lua_Integer n = luaL_optinteger(L, 2, (lua_Integer)sizeof bytes);
  luaL_argcheck(L, n > 0 && n <= (lua_Integer)sizeof bytes, 2, "1 to 4096 bytes");
  ssize_t got = read((int)luaL_checkinteger(L, 1), bytes, (size_t)n);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got < 0) return push_failure(L);
  lua_pushlstring(L, bytes, (size_t)got);
  return 1;
}

/* fds.write(fd, bytes) -> how many were written; nil where it would block */
static int fds_write(lua_State *L)
{
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  ssize_t put = write((int)luaL_checkinteger(L, 1), bytes, length);
  if (put < 0 && errno == EAGAIN) return 0;
  if (put < 0) return push_failure(L);
  lua_pushinteger(L, put);
  return 1;
}

static int fds_close(lua_State *L)
{
  if (close((int)luaL_checkinteger(L, 1)) != 0) return push_failure(L);
  return 0;
}

/* fds.raise(number): this process gets the signal now */
static int fds_raise(lua_State *L)
{
  raise((int)luaL_checkinteger(L, 1));
  return 0;
}

/* fds.disposition(number) -> "default", "ignored" or "handled" */
static int fds_disposition(lua_State *L)
{
  struct sigaction action;
  if (sigaction((int)luaL_checkinteger(L, 1), NULL, &action) != 0) return push_failure(L);
  if (action.sa_handler == SIG_DFL)
    lua_pushliteral(L, "default");
  else
    lua_pushstring(L, action.sa_handler == SIG_IGN ? "ignored" : "handled");
  return 1;
}

/* fds.ignore(number), fds.reset(number) */
static int fds_ignore(lua_State *L)
{
  signal((int)luaL_checkinteger(L, 1), SIG_IGN);
  return 0;
}

static int fds_reset(lua_State *L)
{
  signal((int)luaL_checkinteger(L, 1), SIG_DFL);
  return 0;
}

/* fds.reset_at_close(fd): whoever closes this socket breaks the connection (ECONNRESET at its peer)
 */
static int fds_reset_at_close(lua_State *L)
{
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  int fd = (int)luaL_checkinteger(L, 1);
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) return push_failure(L);
  return 0;
}

static void on_alarm(int number)
{
  (void)number;
}

/* fds.interrupt_every(seconds): signals come all the time, and calls of the system are not started
 * again (EINTR); 0 ends it */
static int fds_interrupt_every(lua_State *L)
{
  struct sigaction action = {.sa_handler = on_alarm};
  suseconds_t period = (suseconds_t)(luaL_checknumber(L, 1) * 1e6);
  struct itimerval timer = {.it_interval.tv_usec = period, .it_value.tv_usec = period};
  if (sigaction(SIGALRM, &action, NULL) != 0) return push_failure(L);
  if (setitimer(ITIMER_REAL, &timer, NULL) != 0) return push_failure(L);
  return 0;
}

/* fds.stock_coroutine() -> Lua's own coroutine library, whatever became of the global one */
static int fds_stock_coroutine(lua_State *L)
{
  return luaopen_coroutine(L);
}

static const luaL_Reg functions[] = {
    {"pipe", fds_pipe},
    {"socketpair", fds_socketpair},
    {"open", fds_open},
    {"read", fds_read},
    {"write", fds_write},
    {"close", fds_close},
    {"raise", fds_raise},
    {"disposition", fds_disposition},
    {"ignore", fds_ignore},
    {"reset", fds_reset},
    {"reset_at_close", fds_reset_at_close},
    {"interrupt_every", fds_interrupt_every},
    {"stock_coroutine", fds_stock_coroutine},
    {NULL, NULL},
};

static const struct {
  const char *name;
  int number;
} signals[] = {
    {"SIGINT", SIGINT},   {"SIGTERM", SIGTERM}, {"SIGUSR1", SIGUSR1},
    {"SIGUSR2", SIGUSR2}, {"SIGKILL", SIGKILL}, {"SIGSTOP", SIGSTOP},
};

__attribute__((visibility("default"))) int luaopen_fds(lua_State *L);

int luaopen_fds(lua_State *L)
{
  luaL_newlib(L, functions);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    lua_pushinteger(L, signals[i].number);
    lua_setfield(L, -2, signals[i].name);
  }
  return 1;
}
