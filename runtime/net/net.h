/* SPDX-License-Identifier: MIT
 *
 * Private header of net/: sockets, and what transports share.
 */
#ifndef CA_NET_H
#define CA_NET_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "casync/impl/sock.h"
#include "casync/impl/transport.h"
#include "casync/sock.h"
#include "casync/transport.h"

/* sock.c: every socket system call; those of include/casync/sock.h are there, too.  EINTR is
 * retried; results, or -errno. */
ssize_t ca_sock_recv(int fd, void *bytes, size_t size);
ssize_t ca_sock_send(int fd, const struct iovec *parts, int count); /* sends a beginning of them */
int ca_sock_shutdown_writing(int fd);
void ca_sock_set_nodelay(int fd); /* nothing if it is no TCP socket */

/* The `n`-th call from now on fails with `error`, once (0: none); one call moves at most `size`
 * bytes (0: any number).  Not thread-safe: for tests. */
void ca_sock_fail_at(unsigned long n, int error);
void ca_sock_limit(size_t size);

/* outbox.c: what a stream has still to send. */

/* Sends `parts`, behind what is kept already, and keeps the rest.  0, or -errno or CASYNC_EMEMORY
 * (`*sent_some`: a part is gone). */
int ca_outbox_send(struct casync_stream *stream, const struct iovec *parts, int count,
                   bool *sent_some);
/* Sends what is kept: 0 or -errno. */
int ca_outbox_flush(struct casync_stream *stream);

#endif
