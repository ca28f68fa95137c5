/* SPDX-License-Identifier: MIT
 *
 * The module "casync.host.process": what ps.lua cannot do in Lua to ask another process
 * (casync/loop.h).  Only receive() waits, for as long as it is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "casync/loop.h"
#include "host.h"

static const char type_name[] = "casync.connection";

/* Bytes that one receive() takes at most. */
enum { CHUNK = 4096 };

struct connection {
  int fd; /* -1 after close */
};

static pid_t check_pid(lua_State *L, int index)
{
  return (pid_t)luaL_checkinteger(L, index);
}

static int push_failure(lua_State *L, int error)
{
  lua_pushnil(L);
  lua_pushstring(L, strerror(error));
  lua_pushinteger(L, error);
  return 3;
}

/* place(n, pid) -> path of the socket; nil, message, errno, path of a folder not to be trusted */
static int place(lua_State *L)
{
  char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
  int status = casync_ps_path((int)luaL_checkinteger(L, 1), check_pid(L, 2), path, sizeof path);
  if (status < 0) {
    int n = push_failure(L, -status);
    if (status != -EACCES) return n;
    lua_pushstring(L, path);
    return n + 1;
  }
  lua_pushstring(L, path);
  return 1;
}

/* exists(pid) -> true; false; nil if it belongs to somebody who does not let us know more */
static int exists(lua_State *L)
{
  if (kill(check_pid(L, 1), 0) == 0)
    lua_pushboolean(L, 1);
  else if (errno == EPERM)
    lua_pushnil(L);
  else
    lua_pushboolean(L, 0);
  return 1;
}

/* urge(pid): has Lua code that is busy answer. */
static int urge(lua_State *L)
{
  kill(check_pid(L, 1), SIGURG);
  return 0;
}

static double monotonic(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int now(lua_State *L)
{
  lua_pushnumber(L, monotonic());
  return 1;
}

/* ---- connecting ---- */

#ifdef __linux__

/* Whether the process `pid` of this user is at the other end. */
static bool is_right_peer(int fd, pid_t pid)
{
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return false;
  return peer.uid == geteuid() && peer.pid == pid;
}

#else

static bool is_right_peer(int fd, pid_t pid)
{
  uid_t user;
  gid_t group;
  (void)pid;
  return getpeereid(fd, &user, &group) == 0 && user == geteuid();
}

#endif

static int open_socket(void)
{
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (fd < 0) return -1;
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

static int connect_to(int fd, const char *path, pid_t pid)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) return ENAMETOOLONG;
  memcpy(address.sun_path, path, strlen(path) + 1);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return errno;
  return is_right_peer(fd, pid) ? 0 : EPERM;
}

/* connect(path, pid) -> connection; nil, message, errno (EAGAIN: too many ask already; EPERM:
 * another process answers there) */
static int connect_(lua_State *L)
{
  const char *path = luaL_checkstring(L, 1);
  struct connection *connection = lua_newuserdatauv(L, sizeof *connection, 0);
  connection->fd = -1;
  luaL_setmetatable(L, type_name);
  connection->fd = open_socket();
  if (connection->fd < 0) return push_failure(L, errno);
  int error = connect_to(connection->fd, path, check_pid(L, 2));
  return error == 0 ? 1 : push_failure(L, error);
}

/* ---- receiving ---- */

static int close_file(lua_State *L)
{
  luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
  return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

/* Pushes a file of Lua's. */
static void push_file(lua_State *L, int fd)
{
  luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
  stream->closef = NULL;
  luaL_setmetatable(L, LUA_FILEHANDLE);
  stream->f = fdopen(fd, "r");
  if (stream->f == NULL) close(fd);
  if (stream->f == NULL) luaL_error(L, "%s", strerror(errno));
  stream->closef = close_file;
}

/* The descriptor that came with a message, or -1. */
static int descriptor_of(struct msghdr *message)
{
  int fd = -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    return -1;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

static struct connection *check(lua_State *L)
{
  struct connection *connection = luaL_checkudata(L, 1, type_name);
  luaL_argcheck(L, connection->fd >= 0, 1, "closed connection");
  return connection;
}

static bool is_readable(int fd, double seconds)
{
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  return poll(&wanted, 1, seconds > 0 ? (int)(seconds * 1000) + 1 : 0) > 0;
}

/* connection:receive(seconds) -> bytes ("" at the end), and the file that came with them; nil if
 * nothing came in time */
static int receive(lua_State *L)
{
  union {
    struct cmsghdr header; /* aligns */
    char bytes[CMSG_SPACE(sizeof(int))];
  } control;
  char bytes[CHUNK];
  const struct connection *connection = check(L);
  if (!is_readable(connection->fd, luaL_checknumber(L, 2))) return 0;
  struct iovec part = {bytes, sizeof bytes};
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  ssize_t n = recvmsg(connection->fd, &message, 0);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return 0;
  int fd = n > 0 ? descriptor_of(&message) : -1;
  lua_pushlstring(L, bytes, n > 0 ? (size_t)n : 0);
  if (fd < 0) return 1;
  push_file(L, fd);
  return 2;
}

static int close_connection(lua_State *L)
{
  struct connection *connection = luaL_checkudata(L, 1, type_name);
  if (connection->fd >= 0) close(connection->fd);
  connection->fd = -1;
  return 0;
}

int host_open_process(lua_State *L)
{
  static const luaL_Reg methods[] = {
      {"receive", receive}, {"close", close_connection}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"connect", connect_}, {"exists", exists}, {"now", now},
                                       {"place", place},      {"urge", urge},     {NULL, NULL}};
  luaL_newmetatable(L, type_name);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, close_connection);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, close_connection);
  lua_setfield(L, -2, "__close");
  luaL_newlib(L, functions);
  lua_pushinteger(L, EACCES);
  lua_setfield(L, -2, "EACCES");
  lua_pushinteger(L, EAGAIN);
  lua_setfield(L, -2, "EAGAIN");
  lua_pushinteger(L, ECONNREFUSED);
  lua_setfield(L, -2, "ECONNREFUSED");
  lua_pushinteger(L, EINVAL);
  lua_setfield(L, -2, "EINVAL");
  lua_pushinteger(L, ENOENT);
  lua_setfield(L, -2, "ENOENT");
  return 1;
}
