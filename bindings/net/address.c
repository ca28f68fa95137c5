/* SPDX-License-Identifier: MIT
 *
 * Socket addresses as Lua values.
 */
#include "net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Sets the value on top (popped) as item `i` and as field `name` of the table below it. */
static void set_both(lua_State *L, int i, const char *name)
{
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, i);
  lua_setfield(L, -2, name);
}

static void push_host_and_port(lua_State *L, int family, const void *host, in_port_t port)
{
  char text[INET6_ADDRSTRLEN];
  lua_createtable(L, family == AF_INET6 ? 4 : 2, family == AF_INET6 ? 4 : 2);
  lua_pushstring(L, inet_ntop(family, host, text, sizeof text));
  set_both(L, 1, "host");
  lua_pushinteger(L, ntohs(port));
  set_both(L, 2, "port");
}

static void push_inet6(lua_State *L, const struct sockaddr_in6 *address)
{
  push_host_and_port(L, AF_INET6, &address->sin6_addr, address->sin6_port);
  lua_pushinteger(L, ntohl(address->sin6_flowinfo));
  set_both(L, 3, "flowinfo");
  lua_pushinteger(L, address->sin6_scope_id);
  set_both(L, 4, "scope_id");
}

/* Paths end at their first NUL; names of the abstract kind begin with one. */
static void push_path(lua_State *L, const struct sockaddr_un *address, size_t size)
{
  size_t length = size - offsetof(struct sockaddr_un, sun_path);
  if (length > 0 && address->sun_path[0] != '\0') length = strnlen(address->sun_path, length);
  lua_pushlstring(L, address->sun_path, length);
}

void cal_push_address(lua_State *L, const struct sockaddr *address, size_t size)
{
  union {
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
    struct sockaddr_un path;
  } as; /* a copy that is aligned */
  sa_family_t family = AF_UNSPEC;
  if (size > sizeof as) size = sizeof as;
  memset(&as, 0, sizeof as);
  memcpy(&as, address, size);
  if (size >= sizeof family) family = as.inet.sin_family;
  if (family == AF_INET && size >= offsetof(struct sockaddr_in, sin_zero))
    push_host_and_port(L, AF_INET, &as.inet.sin_addr, as.inet.sin_port);
  else if (family == AF_INET6 && size >= sizeof as.inet6)
    push_inet6(L, &as.inet6);
  else if (family == AF_UNIX && size >= offsetof(struct sockaddr_un, sun_path))
    push_path(L, &as.path, size);
  else
    lua_pushnil(L);
}
