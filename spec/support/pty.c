/* SPDX-License-Identifier: MIT
 *
 * A Lua module for specs: programs on a pseudo-terminal.
 *   pty.spawn({program, argument, …}, {name = value, …}) -> fd, pid
 *   pty.read(fd, seconds) -> bytes, "" at the end, or nil if none came in time
 *   pty.write(fd, bytes)
 *   pty.wait(pid, seconds) -> exit status (128 + number of a signal); nil, after killing it, if
 * that took too long; closes nothing pty.close(fd)
 */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_ARGUMENTS = 30 };

static void set_variables(lua_State *L, int index)
{
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    setenv(lua_tostring(L, -2), lua_tostring(L, -1), 1);
}

static int spawn(lua_State *L)
{
  const char *argv[MOST_ARGUMENTS + 1] = {NULL};
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  for (int i = 0; i < MOST_ARGUMENTS && lua_geti(L, 1, i + 1) != LUA_TNIL; i++)
    argv[i] = luaL_checkstring(L, -1);
  if (argv[0] == NULL) return luaL_error(L, "no program");
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  int fd = -1;
  pid_t pid = forkpty(&fd, NULL, NULL, &size);
  if (pid == 0) {
    set_variables(L, 2);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
  }
  if (pid < 0) return luaL_error(L, "forkpty failed");
  lua_pushinteger(L, fd);
  lua_pushinteger(L, pid);
  return 2;
}

static int read_some(lua_State *L)
{
  char bytes[4096];
  struct pollfd input = {.fd = (int)luaL_checkinteger(L, 1), .events = POLLIN};
  int ready = poll(&input, 1, (int)(luaL_checknumber(L, 2) * 1000));
  if (ready <= 0) return 0;
  ssize_t n = read(input.fd, bytes, sizeof bytes);
  lua_pushlstring(L, bytes, n > 0 ? (size_t)n : 0); /* EIO: nobody has the other side any more */
  return 1;
}

static int write_all(lua_State *L)
{
  size_t size = 0;
  const char *bytes = luaL_checklstring(L, 2, &size);
  if (write((int)luaL_checkinteger(L, 1), bytes, size) != (ssize_t)size)
    return luaL_error(L, "write to the terminal failed");
  return 0;
}

static int wait_for(lua_State *L)
{
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  int status = 0, turns = (int)(luaL_checknumber(L, 2) * 200);
  struct timespec turn = {.tv_nsec = 5000000L};
  while (waitpid(pid, &status, WNOHANG) == 0) {
    if (turns-- == 0) {
      kill(pid, SIGKILL);
      waitpid(pid, &status, 0);
      return 0;
    }
    nanosleep(&turn, NULL);
  }
  lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  return 1;
}

static int close_fd(lua_State *L)
{
  close((int)luaL_checkinteger(L, 1));
  return 0;
}

int luaopen_pty(lua_State *L);

__attribute__((visibility("default"))) int luaopen_pty(lua_State *L)
{
  static const luaL_Reg functions[] = {{"close", close_fd}, {"read", read_some},  {"spawn", spawn},
                                       {"wait", wait_for},  {"write", write_all}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
