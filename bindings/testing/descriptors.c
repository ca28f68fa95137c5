/* SPDX-License-Identifier: MIT
 *
 * The descriptors of this process: which are open, what each of them is.
 */
#include "testing/testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "casync/impl/sock.h"
#include "net.h"

enum { LONGEST_LINK = 1024 };

/* descriptors(n) -> array of those below n that are open */
static int descriptors(lua_State *L)
{
  lua_Integer below = luaL_checkinteger(L, 1), count = 0;
  lua_newtable(L);
  for (int fd = 0; fd < below; fd++) {
    if (fcntl(fd, F_GETFD) < 0) continue;
    lua_pushinteger(L, fd);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

/* most_descriptors() -> how many a process may have; -1: no end is known */
static int most_descriptors(lua_State *L)
{
  lua_pushinteger(L, sysconf(_SC_OPEN_MAX));
  return 1;
}

/* descriptor_link(fd) -> what the system calls it: "socket:[123]", a path; nil if it does not say
 */
static int descriptor_link(lua_State *L)
{
  char path[64], target[LONGEST_LINK];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", (int)luaL_checkinteger(L, 1));
  ssize_t size = readlink(path, target, sizeof target);
  if (size < 0) return 0;
  lua_pushlstring(L, target, (size_t)size);
  return 1;
}

static const char *kind_of(mode_t mode)
{
  if (S_ISSOCK(mode)) return "socket";
  if (S_ISFIFO(mode)) return "pipe";
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "folder";
  return S_ISCHR(mode) ? "device" : "descriptor";
}

static int push_socket_kind(lua_State *L, int fd)
{
  int listens = 0, type = 0;
  unsigned size = sizeof listens;
  (void)casync_sock_get_option(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
  size = sizeof type;
  (void)casync_sock_get_option(fd, SOL_SOCKET, SO_TYPE, &type, &size);
  if (listens) return lua_pushliteral(L, "listening socket"), 1;
  lua_pushstring(L, type == SOCK_DGRAM ? "datagram socket" : "socket");
  return 1;
}

static void push_address(lua_State *L, int fd, int (*ask)(int, struct casync_address *))
{
  struct casync_address address = {0};
  if (ask(fd, &address) < 0)
    lua_pushnil(L);
  else
    cal_push_address(L, &address.of.any, address.size);
}

/* descriptor(fd) -> its kind, and of a socket its own address and its peer's; nil if it is closed
 */
static int descriptor(lua_State *L)
{
  int fd = (int)luaL_checkinteger(L, 1);
  struct stat status;
  if (fstat(fd, &status) != 0) return 0;
  if (!S_ISSOCK(status.st_mode)) return lua_pushstring(L, kind_of(status.st_mode)), 1;
  push_socket_kind(L, fd);
  push_address(L, fd, casync_sock_name);
  push_address(L, fd, casync_sock_peer);
  return 3;
}

const luaL_Reg cal_testing_descriptors[] = {
    {"descriptor", descriptor},
    {"descriptor_link", descriptor_link},
    {"descriptors", descriptors},
    {"most_descriptors", most_descriptors},
    {NULL, NULL},
};
