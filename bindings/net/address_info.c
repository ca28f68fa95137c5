/* SPDX-License-Identifier: MIT
 *
 * What getaddrinfo tells of addresses, as Lua values; what can be told of one without asking it;
 * addresses that Lua gives.
 */
#include "net.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Where a table keeps an address. */
enum { HOST = 1, PORT, FLOWINFO, SCOPE_ID };

/* Flow labels and classes have 20 bits in Python's addresses. */
enum { MOST_FLOWINFO = 0xfffff, MOST_PORT = 0xffff };

/* ---- to Lua ---- */

/* Pops a value into place `place` and field `name` of the table below. */
static void set_both(lua_State *L, int place, const char *name)
{
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, place);
  lua_setfield(L, -2, name);
}

void cal_push_address_info(lua_State *L, const struct addrinfo *info)
{
  lua_createtable(L, 5, 5);
  lua_pushinteger(L, info->ai_family);
  set_both(L, 1, "family");
  lua_pushinteger(L, info->ai_socktype);
  set_both(L, 2, "type");
  lua_pushinteger(L, info->ai_protocol);
  set_both(L, 3, "proto");
  lua_pushstring(L, info->ai_canonname != NULL ? info->ai_canonname : "");
  set_both(L, 4, "canonname");
  cal_push_address(L, info->ai_addr, info->ai_addrlen);
  set_both(L, 5, "sockaddr");
}

/* Pushes OSError, or a class below it, called with a number and a text. */
static void push_os_error(lua_State *L, const char *class, int number, const char *text)
{
  cal_push_value(L, CAL_STATE_ERRORS);
  lua_getfield(L, -1, class);
  lua_remove(L, -2);
  lua_pushinteger(L, number);
  lua_pushstring(L, text);
  lua_call(L, 2, 1);
}

void cal_push_lookup_error(lua_State *L, int code, int system)
{
  if (code == EAI_SYSTEM)
    push_os_error(L, "OSError", system, strerror(system));
  else
    push_os_error(L, "gaierror", code, gai_strerror(code));
}

/* ---- from Lua ---- */

int cal_optional_int(lua_State *L, int index, int missing)
{
  lua_Integer n = luaL_optinteger(L, index, missing);
  luaL_argcheck(L, n >= INT_MIN && n <= INT_MAX, index, "number out of range");
  return (int)n;
}

/* The number at place `place` of the table at `index`, 0 if it may be missing and is. */
static uint32_t check_number(lua_State *L, int index, int place, const char *name, lua_Integer most)
{
  int is_integer;
  bool is_missing = lua_rawgeti(L, index, place) == LUA_TNIL && place > PORT;
  lua_Integer n = is_missing ? 0 : lua_tointegerx(L, -1, &is_integer);
  if (!is_missing && !is_integer)
    cal_raise(L, "TypeError", "bad address (%s: integer expected, got %s)", name,
              luaL_typename(L, -1));
  if (n < 0 || n > most) cal_raise(L, "ValueError", "%s must be 0-%I", name, most);
  lua_pop(L, 1);
  return (uint32_t)n;
}

/* Fills in the host of the table at `index`, which is a number as text. */
static size_t parse_host(lua_State *L, int index, int family, struct sockaddr_storage *address)
{
  struct addrinfo hints = {
      .ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST};
  struct addrinfo *found;
  if (lua_rawgeti(L, index, HOST) != LUA_TSTRING)
    cal_raise(L, "TypeError", "bad address (host: string expected, got %s)", luaL_typename(L, -1));
  int code = getaddrinfo(lua_tostring(L, -1), NULL, &hints, &found);
  if (code != 0) {
    cal_push_lookup_error(L, code, 0);
    cal_error(L);
  }
  size_t size = found->ai_addrlen;
  memcpy(address, found->ai_addr, size);
  freeaddrinfo(found);
  lua_pop(L, 1);
  return size;
}

static void fill_inet6(lua_State *L, int index, struct sockaddr_in6 *address, in_port_t port)
{
  uint32_t scope = check_number(L, index, SCOPE_ID, "scope_id", UINT32_MAX);
  address->sin6_port = port;
  address->sin6_flowinfo = htonl(check_number(L, index, FLOWINFO, "flowinfo", MOST_FLOWINFO));
  if (scope != 0) address->sin6_scope_id = scope; /* else that of the host's text */
}

size_t cal_check_address(lua_State *L, int index, int family, struct sockaddr_storage *address)
{
  void *any = address;
  if (!lua_istable(L, index))
    cal_raise(L, "TypeError", "bad address ({host, port} expected, got %s)",
              luaL_typename(L, index));
  in_port_t port = htons((uint16_t)check_number(L, index, PORT, "port", MOST_PORT));
  size_t size = parse_host(L, index, family, address);
  if (address->ss_family == AF_INET6)
    fill_inet6(L, index, any, port);
  else
    ((struct sockaddr_in *)any)->sin_port = port;
  return size;
}

/* ---- what needs no look-up ---- */

/* Whether the string at `index` has digits only. */
static bool is_digits(lua_State *L, int index)
{
  return strspn(lua_tostring(L, index), "0123456789") == lua_rawlen(L, index);
}

/* The port that the value at `index` is, -1 if it is none: then it may be a service's name. */
static int port_at(lua_State *L, int index)
{
  int type = lua_type(L, index), is_integer;
  if (type == LUA_TNONE || type == LUA_TNIL) return 0;
  if (type != LUA_TNUMBER && type != LUA_TSTRING) return -1;
  if (type == LUA_TSTRING && !is_digits(L, index)) return -1;
  if (type == LUA_TSTRING && lua_rawlen(L, index) == 0) return 0;
  lua_Integer port = lua_tointegerx(L, index, &is_integer);
  if (type == LUA_TNUMBER && !is_integer) return -1;
  if (!is_integer || port < 0 || port > MOST_PORT)
    cal_raise(L, "ValueError", "port must be 0-%d", MOST_PORT);
  return (int)port;
}

static bool fill_protocol(struct addrinfo *info)
{
  bool is_known = info->ai_protocol == 0 || info->ai_protocol == IPPROTO_TCP ||
                  info->ai_protocol == IPPROTO_UDP;
  if (!is_known || (info->ai_socktype != SOCK_STREAM && info->ai_socktype != SOCK_DGRAM))
    return false;
  info->ai_protocol = info->ai_socktype == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
  return true;
}

/* The address that `host` is, if it is one of the family; else false. */
static bool fill_address(struct addrinfo *info, const char *host, struct sockaddr_in *inet,
                         struct sockaddr_in6 *inet6)
{
  bool may_be_inet = info->ai_family == AF_UNSPEC || info->ai_family == AF_INET;
  bool may_be_inet6 = info->ai_family == AF_UNSPEC || info->ai_family == AF_INET6;
  if (may_be_inet && inet_pton(AF_INET, host, &inet->sin_addr) == 1) {
    info->ai_family = inet->sin_family = AF_INET;
    info->ai_addr = (struct sockaddr *)inet;
    info->ai_addrlen = sizeof *inet;
    return true;
  }
  if (!may_be_inet6 || inet_pton(AF_INET6, host, &inet6->sin6_addr) != 1) return false;
  info->ai_family = inet6->sin6_family = AF_INET6;
  info->ai_addr = (struct sockaddr *)inet6;
  info->ai_addrlen = sizeof *inet6;
  return true;
}

/* ipaddr_info(host, port, family, type, proto[, flowinfo[, scope_id]]) -> what getaddrinfo would
 * tell of it, nil if that has to be asked (asyncio's _ipaddr_info) */
static int ipaddr_info(lua_State *L)
{
  struct addrinfo info = {.ai_family = cal_optional_int(L, 3, AF_UNSPEC),
                          .ai_socktype = cal_optional_int(L, 4, 0),
                          .ai_protocol = cal_optional_int(L, 5, 0)};
  struct sockaddr_in inet = {0};
  struct sockaddr_in6 inet6 = {0};
  if (lua_type(L, 1) != LUA_TSTRING || !fill_protocol(&info)) return 0;
  const char *host = lua_tostring(L, 1);
  if (strlen(host) != lua_rawlen(L, 1) || !fill_address(&info, host, &inet, &inet6)) return 0;
  int port = port_at(L, 2);
  if (port < 0) return 0;
  inet.sin_port = inet6.sin6_port = htons((uint16_t)port);
  inet6.sin6_flowinfo = htonl((uint32_t)luaL_optinteger(L, 6, 0));
  inet6.sin6_scope_id = (uint32_t)luaL_optinteger(L, 7, 0);
  cal_push_address_info(L, &info);
  return 1;
}

void cal_open_address_info(lua_State *L)
{
  static const luaL_Reg functions[] = {{"ipaddr_info", ipaddr_info}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
