/* SPDX-License-Identifier: MIT
 *
 * A Lua module for the specs: clients and servers of Unix sockets that behave badly.  Nothing here
 * waits but accept().  Never installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

/* Milliseconds that accept() waits at most. */
enum { PATIENCE = 15000 };

static int open_socket(lua_State *L, struct sockaddr_un *address)
{
  const char *path = luaL_checkstring(L, 1);
  luaL_argcheck(L, strlen(path) < sizeof address->sun_path, 1, "too long");
  address->sun_family = AF_UNIX;
  memcpy(address->sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) luaL_error(L, "%s", strerror(errno));
  return fd;
}

static int push_socket(lua_State *L, int fd, int status)
{
  if (status == 0) {
    lua_pushinteger(L, fd);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  close(fd);
  return 2;
}

/* unix.connect(path) -> a descriptor that does not block; nil and a message */
static int unix_connect(lua_State *L)
{
  struct sockaddr_un address = {0};
  int fd = open_socket(L, &address);
  return push_socket(L, fd, connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* unix.listen(path) -> a descriptor; nil and a message */
static int unix_listen(lua_State *L)
{
  struct sockaddr_un address = {0};
  int fd = open_socket(L, &address);
  int status = bind(fd, (struct sockaddr *)&address, sizeof address);
  return push_socket(L, fd, status == 0 ? listen(fd, 4) : status);
}

/* unix.accept(fd) -> a connection, for which it waits */
static int unix_accept(lua_State *L)
{
  int fd = (int)luaL_checkinteger(L, 1);
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  poll(&wanted, 1, PATIENCE);
  int connection = accept(fd, NULL, NULL);
  if (connection < 0) return luaL_error(L, "%s", strerror(errno));
  lua_pushinteger(L, connection);
  return 1;
}

/* unix.send(fd, bytes) -> how many the socket took; nil and a message */
static int unix_send(lua_State *L)
{
  size_t size;
  const char *bytes = luaL_checklstring(L, 2, &size);
  ssize_t n = send((int)luaL_checkinteger(L, 1), bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) {
    lua_pushinteger(L, n);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, strerror(errno));
  return 2;
}

static int unix_close(lua_State *L)
{
  close((int)luaL_checkinteger(L, 1));
  return 0;
}

/* unix.pid() -> that of this process */
static int unix_pid(lua_State *L)
{
  lua_pushinteger(L, getpid());
  return 1;
}

__attribute__((visibility("default"))) int luaopen_unix(lua_State *L);

int luaopen_unix(lua_State *L)
{
  static const luaL_Reg functions[] = {
      {"accept", unix_accept},
      {"close", unix_close},
      {"connect", unix_connect},
      {"listen", unix_listen},
      {"pid", unix_pid},
      {"send", unix_send},
      {NULL, NULL},
  };
  luaL_newlib(L, functions);
  return 1;
}
