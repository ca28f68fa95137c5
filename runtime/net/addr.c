/* SPDX-License-Identifier: MIT
 *
 * Addresses: sockaddr to and from numeric hosts with ports, and paths.  Names are not looked up
 * here.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "net/net.h"

int casync_address_set_ip(struct casync_address *address, int family, const char *host,
                          uint16_t port)
{
  struct casync_address made = {0};
  void *bytes = family == AF_INET ? (void *)&made.of.in.sin_addr : (void *)&made.of.in6.sin6_addr;
  if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
  if (inet_pton(family, host, bytes) != 1) return -EINVAL;
  made.of.any.sa_family = (sa_family_t)family;
  if (family == AF_INET) {
    made.size = sizeof made.of.in;
    made.of.in.sin_port = htons(port);
  } else {
    made.size = sizeof made.of.in6;
    made.of.in6.sin6_port = htons(port);
  }
  *address = made;
  return 0;
}

void casync_address_set_scope(struct casync_address *address, uint32_t flow, uint32_t scope)
{
  if (casync_address_family(address) != AF_INET6) return;
  address->of.in6.sin6_flowinfo = htonl(flow);
  address->of.in6.sin6_scope_id = scope;
}

int casync_address_set_path(struct casync_address *address, const char *path, size_t size)
{
  struct casync_address made = {0};
  bool is_abstract = size > 0 && path[0] == '\0';
  size_t room = sizeof made.of.un.sun_path - (is_abstract ? 0 : 1); /* a path ends with a zero */
  if (size > room) return -ENAMETOOLONG;
  made.of.un.sun_family = AF_UNIX;
  memcpy(made.of.un.sun_path, path, size);
  made.size = (unsigned)(offsetof(struct sockaddr_un, sun_path) + size +
                         (is_abstract || size == 0 ? 0 : 1));
  *address = made;
  return 0;
}

int casync_address_family(const struct casync_address *address)
{
  return address->size >= sizeof(sa_family_t) ? address->of.any.sa_family : AF_UNSPEC;
}

int casync_address_host(const struct casync_address *address, char host[CASYNC_HOST_SIZE])
{
  int family = casync_address_family(address);
  if (family != AF_INET && family != AF_INET6) return -EAFNOSUPPORT;
  const void *bytes = family == AF_INET ? (const void *)&address->of.in.sin_addr
                                        : (const void *)&address->of.in6.sin6_addr;
  if (inet_ntop(family, bytes, host, CASYNC_HOST_SIZE) == NULL) return -errno;
  return ntohs(family == AF_INET ? address->of.in.sin_port : address->of.in6.sin6_port);
}

/* The kernel counts the final zero of a path or does not; an abstract name has none. */
const char *casync_address_path(const struct casync_address *address, size_t *size)
{
  size_t before = offsetof(struct sockaddr_un, sun_path);
  const char *path = address->of.un.sun_path;
  *size = address->size > before ? address->size - before : 0;
  if (*size > 0 && path[0] != '\0') *size = strnlen(path, *size);
  return *size > 0 ? path : "";
}
