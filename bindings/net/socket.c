/* SPDX-License-Identifier: MIT
 *
 * Socket, which owns a descriptor, and TransportSocket (asyncio.trsock), which shows that of
 * somebody else and can neither move bytes nor close it.  What both can be asked is the same.
 */
#include "net/socket.h"

#include <errno.h>
#include <limits.h> /* INT_MAX */
#include <string.h>

enum { MOST_OPTION = 1024 /* bytes of an option */ };

static struct cal_any_socket *check_any(lua_State *L)
{
  struct cal_any_socket *any = cal_test(L, 1, CAL_SOCKET, sizeof(struct cal_socket));
  if (any == NULL) any = cal_test(L, 1, CAL_SOCKET_VIEW, sizeof(struct cal_socket_view));
  if (any == NULL) luaL_typeerror(L, 1, "socket");
  return any;
}

struct cal_socket *cal_check_socket(lua_State *L, int index)
{
  struct cal_socket *socket = cal_check(L, index, CAL_SOCKET, sizeof *socket);
  if (socket->fd < 0) cal_raise_code(L, -EBADF);
  return socket;
}

static int check_int(lua_State *L, int index)
{
  lua_Integer n = luaL_checkinteger(L, index);
  luaL_argcheck(L, n >= INT_MIN && n <= INT_MAX, index, "number out of range");
  return (int)n;
}

/* ---- making ---- */

static int ask_number(int fd, int option)
{
  int value = 0;
  unsigned size = sizeof value;
  return casync_sock_get_option(fd, SOL_SOCKET, option, &value, &size) < 0 ? 0 : value;
}

static void look_at(struct cal_any_socket *any, const int *fd)
{
  any->fd = fd;
  any->family = ask_number(*fd, SO_DOMAIN);
  any->type = ask_number(*fd, SO_TYPE);
  any->proto = ask_number(*fd, SO_PROTOCOL);
}

struct cal_socket *cal_socket_new(lua_State *L)
{
  struct cal_socket *socket = cal_new(L, CAL_SOCKET, sizeof *socket, 0);
  socket->fd = -1;
  socket->any.fd = &socket->fd;
  return socket;
}

void cal_socket_own(struct cal_socket *socket, int fd)
{
  socket->fd = fd;
  look_at(&socket->any, &socket->fd);
}

/* socket(family, type, proto) -> Socket, which does not block */
static int open_socket(lua_State *L)
{
  int family = check_int(L, 1), type = check_int(L, 2), proto = check_int(L, 3);
  struct cal_socket *socket = cal_socket_new(L);
  int fd = casync_sock_open(family, type, proto);
  if (fd < 0) return cal_raise_code(L, fd);
  cal_socket_own(socket, fd);
  return 1;
}

/* Where the Socket or Transport at 1 keeps its descriptor. */
static const int *check_owner(lua_State *L)
{
  const struct cal_transport *transport = cal_test_transport(L, 1);
  if (transport != NULL) return &transport->stream.fd;
  return &((const struct cal_socket *)cal_check(L, 1, CAL_SOCKET, sizeof(struct cal_socket)))->fd;
}

/* socket_view(Socket or Transport) -> TransportSocket */
static int socket_view(lua_State *L)
{
  const int *fd = check_owner(L);
  struct cal_socket_view *view = cal_new(L, CAL_SOCKET_VIEW, sizeof *view, CAL_SOCKET_VIEW_OWNER);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, CAL_SOCKET_VIEW_OWNER);
  look_at(&view->any, fd);
  return 1;
}

/* ---- what both can be asked ---- */

static int socket_fileno(lua_State *L)
{
  lua_pushinteger(L, *check_any(L)->fd);
  return 1;
}

static int push_name(lua_State *L, int (*ask)(int, struct casync_address *))
{
  struct casync_address address = {0};
  int status = ask(*check_any(L)->fd, &address);
  if (status < 0) return cal_raise_code(L, status);
  cal_push_address(L, &address.of.any, address.size);
  return 1;
}

static int socket_getsockname(lua_State *L)
{
  return push_name(L, casync_sock_name);
}

static int socket_getpeername(lua_State *L)
{
  return push_name(L, casync_sock_peer);
}

/* getsockopt(level, option[, size]): a number, or with a size that many bytes at most */
static int socket_getsockopt(lua_State *L)
{
  struct cal_any_socket *self = check_any(L);
  int level = check_int(L, 2), option = check_int(L, 3), number = 0;
  char bytes[MOST_OPTION];
  lua_Integer room = luaL_optinteger(L, 4, 0);
  luaL_argcheck(L, room >= 0 && room <= MOST_OPTION, 4, "0 to 1024 bytes");
  unsigned size = room > 0 ? (unsigned)room : (unsigned)sizeof number;
  int status =
      casync_sock_get_option(*self->fd, level, option, room > 0 ? (void *)bytes : &number, &size);
  if (status < 0) return cal_raise_code(L, status);
  if (room > 0)
    lua_pushlstring(L, bytes, size);
  else
    lua_pushinteger(L, number);
  return 1;
}

/* setsockopt(level, option, value): a number, a boolean, or bytes */
static int socket_setsockopt(lua_State *L)
{
  struct cal_any_socket *self = check_any(L);
  int level = check_int(L, 2), option = check_int(L, 3), number;
  const void *value = &number;
  size_t size = sizeof number;
  if (lua_type(L, 4) == LUA_TSTRING)
    value = lua_tolstring(L, 4, &size);
  else
    number = lua_isboolean(L, 4) ? lua_toboolean(L, 4) : check_int(L, 4);
  int status = casync_sock_set_option(*self->fd, level, option, value, (unsigned)size);
  return status < 0 ? cal_raise_code(L, status) : 0;
}

static int socket_gettimeout(lua_State *L)
{
  check_any(L);
  lua_pushinteger(L, 0);
  return 1;
}

static int socket_settimeout(lua_State *L)
{
  check_any(L);
  if (luaL_checknumber(L, 2) == 0) return 0;
  return cal_raise(L, "ValueError", "settimeout(): only 0 timeout is allowed on transport sockets");
}

static int socket_setblocking(lua_State *L)
{
  check_any(L);
  luaL_checkany(L, 2);
  if (!lua_toboolean(L, 2)) return 0;
  return cal_raise(L, "ValueError", "setblocking(): transport sockets cannot be blocking");
}

/* Fields family, type and proto; everything else is the class's. */
static int socket_index(lua_State *L)
{
  struct cal_any_socket *self = check_any(L);
  static const char *const names[] = {"family", "type", "proto"};
  const int values[] = {self->family, self->type, self->proto};
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(name, names[i]) != 0) continue;
    lua_pushinteger(L, values[i]);
    return 1;
  }
  luaL_getmetafield(L, 1, "__class");
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

/* ---- what only the owner can do ---- */

static int socket_bind(lua_State *L)
{
  struct cal_socket *self = cal_check_socket(L, 1);
  struct casync_address address;
  address.size = (unsigned)cal_check_address(L, 2, self->any.family, &address.of.storage);
  int status = casync_sock_bind(self->fd, &address);
  return status < 0 ? cal_raise_code(L, status) : 0;
}

static void close_fd(struct cal_socket *self)
{
  if (self->fd < 0) return;
  casync_connect_abandon(&self->connect);
  casync_sock_close(self->fd);
  self->fd = -1;
}

/* Socket:close(): again, it does nothing */
static int socket_close(lua_State *L)
{
  struct cal_socket *self = cal_check(L, 1, CAL_SOCKET, sizeof *self);
  if (self->connect.task != NULL)
    return cal_raise(L, "RuntimeError", "cannot close a socket while it connects");
  close_fd(self);
  return 0;
}

/* Socket:detach(): the descriptor is the caller's from now on */
static int socket_detach(lua_State *L)
{
  struct cal_socket *self = cal_check_socket(L, 1);
  lua_pushinteger(L, self->fd);
  self->fd = -1;
  return 1;
}

static int socket_gc(lua_State *L)
{
  struct cal_socket *self = cal_test(L, 1, CAL_SOCKET, sizeof *self);
  if (self != NULL && self->any.fd != NULL) close_fd(self);
  return 0;
}

static const luaL_Reg both[] = {
    {"fileno", socket_fileno},
    {"getpeername", socket_getpeername},
    {"getsockname", socket_getsockname},
    {"getsockopt", socket_getsockopt},
    {"gettimeout", socket_gettimeout},
    {"setblocking", socket_setblocking},
    {"setsockopt", socket_setsockopt},
    {"settimeout", socket_settimeout},
    {NULL, NULL},
};

void cal_open_socket(lua_State *L)
{
  static const luaL_Reg owner[] = {
      {"bind", socket_bind}, {"close", socket_close}, {"detach", socket_detach}, {NULL, NULL}};
  static const luaL_Reg owner_meta[] = {
      {"__index", socket_index}, {"__gc", socket_gc}, {NULL, NULL}};
  static const luaL_Reg view_meta[] = {{"__index", socket_index}, {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"socket", open_socket}, {"socket_view", socket_view}, {NULL, NULL}};
  static const struct cal_class socket = {CAL_SOCKET, both, owner_meta};
  static const struct cal_class view = {CAL_SOCKET_VIEW, both, view_meta};
  cal_class_make(L, &socket);
  cal_set_functions(L, owner);
  lua_setfield(L, -2, "Socket");
  cal_class_make(L, &view);
  lua_setfield(L, -2, "TransportSocket");
  lua_pushinteger(L, EADDRNOTAVAIL);
  lua_setfield(L, -2, "EADDRNOTAVAIL");
  cal_set_functions(L, functions);
}
