/* SPDX-License-Identifier: MIT
 *
 * The numbers that Python's socket module has under these names, as far as the system knows them.
 */
#include "net.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

struct constant {
  const char *name;
  int value;
};

/* A name of the C library that is its own text. */
#define CONSTANT(name) \
  { \
#name, name \
  }

static const struct constant constants[] = {
    CONSTANT(AF_UNSPEC),      CONSTANT(AF_INET),        CONSTANT(AF_INET6),
    CONSTANT(AF_UNIX),        CONSTANT(SOCK_STREAM),    CONSTANT(SOCK_DGRAM),
    CONSTANT(SOCK_RAW),       CONSTANT(SOCK_SEQPACKET), CONSTANT(IPPROTO_IP),
    CONSTANT(IPPROTO_ICMP),   CONSTANT(IPPROTO_TCP),    CONSTANT(IPPROTO_UDP),
    CONSTANT(IPPROTO_IPV6),   CONSTANT(AI_PASSIVE),     CONSTANT(AI_CANONNAME),
    CONSTANT(AI_NUMERICHOST), CONSTANT(AI_NUMERICSERV), CONSTANT(AI_ADDRCONFIG),
#ifdef AI_V4MAPPED
    CONSTANT(AI_V4MAPPED),    CONSTANT(AI_ALL),
#endif
    CONSTANT(NI_NUMERICHOST), CONSTANT(NI_NUMERICSERV), CONSTANT(NI_NAMEREQD),
    CONSTANT(NI_NOFQDN),      CONSTANT(NI_DGRAM),       CONSTANT(EAI_AGAIN),
    CONSTANT(EAI_BADFLAGS),   CONSTANT(EAI_FAIL),       CONSTANT(EAI_FAMILY),
    CONSTANT(EAI_MEMORY),
#ifdef EAI_NODATA
    CONSTANT(EAI_NODATA),
#endif
    CONSTANT(EAI_NONAME),     CONSTANT(EAI_OVERFLOW),   CONSTANT(EAI_SERVICE),
    CONSTANT(EAI_SOCKTYPE),   CONSTANT(EAI_SYSTEM),     CONSTANT(SOL_SOCKET),
    CONSTANT(SO_REUSEADDR),   CONSTANT(SO_REUSEPORT),   CONSTANT(SO_KEEPALIVE),
    CONSTANT(SO_BROADCAST),   CONSTANT(SO_ERROR),       CONSTANT(SO_TYPE),
    CONSTANT(SO_SNDBUF),      CONSTANT(SO_RCVBUF),      CONSTANT(SO_LINGER),
    CONSTANT(IPV6_V6ONLY),    CONSTANT(TCP_NODELAY),    CONSTANT(TCP_KEEPIDLE),
    CONSTANT(TCP_KEEPINTVL),  CONSTANT(TCP_KEEPCNT),
};

/* socket_constants() -> table of them */
static int socket_constants(lua_State *L)
{
  lua_createtable(L, 0, (int)(sizeof constants / sizeof *constants));
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    lua_pushinteger(L, constants[i].value);
    lua_setfield(L, -2, constants[i].name);
  }
  return 1;
}

void cal_open_constants(lua_State *L)
{
  static const luaL_Reg functions[] = {{"socket_constants", socket_constants}, {NULL, NULL}};
  cal_set_functions(L, functions);
}
