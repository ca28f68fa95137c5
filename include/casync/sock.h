/* SPDX-License-Identifier: MIT
 *
 * Sockets before they become transports: addresses, making and binding them, connecting,
 * listening.  Complete structs are in impl/sock.h.
 *
 * Descriptors are plain numbers that belong to the caller.  Functions that fail return -errno.
 */
#ifndef CASYNC_SOCK_H
#define CASYNC_SOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct casync_loop;
struct casync_task;
struct casync_address;
struct casync_connect;
struct casync_listener;
struct casync_listener_type;

/* ---- addresses ---- */

enum { CASYNC_HOST_SIZE = 46 }; /* bytes of a numeric host, the final zero included */

/* Sets `address` to a numeric IPv4 or IPv6 host (AF_INET, AF_INET6).  -EINVAL if `host` is not one
 * of that family, -EAFNOSUPPORT for other families. */
CASYNC_API int casync_address_set_ip(struct casync_address *address, int family, const char *host,
                                     uint16_t port);

/* The flow and the scope of an IPv6 address; nothing for other families. */
CASYNC_API void casync_address_set_scope(struct casync_address *address, uint32_t flow,
                                         uint32_t scope);

/* Sets `address` to that of a unix socket: a path of `size` bytes, or an abstract name, which
 * begins with a zero byte.  -ENAMETOOLONG. */
CASYNC_API int casync_address_set_path(struct casync_address *address, const char *path,
                                       size_t size);

/* Its family (AF_UNSPEC if there is none). */
CASYNC_API int casync_address_family(const struct casync_address *address);

/* Writes the numeric host of an IP address, and returns its port; -EAFNOSUPPORT for others. */
CASYNC_API int casync_address_host(const struct casync_address *address,
                                   char host[CASYNC_HOST_SIZE]);

/* The path of a unix socket and its size in bytes; "" if it has none. */
CASYNC_API const char *casync_address_path(const struct casync_address *address, size_t *size);

/* ---- sockets ---- */

/* A new socket that does not block and is closed on exec: the descriptor. */
CASYNC_API int casync_sock_open(int family, int type, int protocol);
CASYNC_API void casync_sock_close(int fd);
CASYNC_API int casync_sock_bind(int fd, const struct casync_address *address);
CASYNC_API int casync_sock_listen(int fd, int backlog);

/* The next connection that waits: a descriptor as of casync_sock_open(), and who it is (`peer` may
 * be NULL).  -EAGAIN if none waits. */
CASYNC_API int casync_sock_accept(int fd, struct casync_address *peer);

/* Begins to connect: 0 if that is done at once, -EINPROGRESS, another -errno. */
CASYNC_API int casync_sock_connect(int fd, const struct casync_address *address);

/* The error that is pending on the socket, and clears it: 0 or -errno. */
CASYNC_API int casync_sock_error(int fd);

/* getsockname() and getpeername(). */
CASYNC_API int casync_sock_name(int fd, struct casync_address *address);
CASYNC_API int casync_sock_peer(int fd, struct casync_address *address);

/* getsockopt() and setsockopt(); `*size` is that of `value`, then that of the answer. */
CASYNC_API int casync_sock_get_option(int fd, int level, int option, void *value, unsigned *size);
CASYNC_API int casync_sock_set_option(int fd, int level, int option, const void *value,
                                      unsigned size);

/* ---- connecting ---- */

/* The task waits (casync_task_wait()) until the connect of `fd` that is in progress has ended; then
 * `connect->status` tells how; a virtual clock stands still meanwhile.  An error of the loop's,
 * after which nobody waits. */
CASYNC_API int casync_connect_wait(struct casync_connect *connect, struct casync_task *task,
                                   int fd);

/* The descriptor is about to be closed: a task that still waits is left to its loop's end. */
CASYNC_API void casync_connect_abandon(struct casync_connect *connect);

/* ---- listening ---- */

/* Accepts connections of the bound socket `fd`, at most backlog + 1 an iteration, and hands each to
 * `type` (asyncio's _start_serving).  `listener` is memory of the caller. */
CASYNC_API int casync_listener_start(struct casync_listener *listener, struct casync_loop *loop,
                                     int fd, int backlog, const struct casync_listener_type *type);

/* Accepts no more; nobody is called.  Again, or before the start (zeroed): nothing. */
CASYNC_API void casync_listener_stop(struct casync_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
