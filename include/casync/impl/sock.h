/* SPDX-License-Identifier: MIT
 *
 * Addresses, a connect that is under way, and a socket that accepts: the complete structs.
 *
 * Ownership
 *   - A casync_connect belongs to its embedder and is linked from casync_connect_wait() until the
 *     task comes back; the descriptor is the embedder's and must stay open meanwhile.
 *   - A casync_listener belongs to its embedder and is linked from casync_listener_start() to
 *     casync_listener_stop(); the descriptor is the embedder's, what it accepts is handed over.
 */
#ifndef CASYNC_IMPL_SOCK_H
#define CASYNC_IMPL_SOCK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "handle.h"

struct casync_task;
struct casync_listener;

struct casync_address {
  unsigned size; /* bytes that count; 0: none */
  union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage storage;
  } of;
};

struct casync_connect {
  struct casync_handle writable; /* watches the descriptor */
  struct casync_task *task;      /* who waits; NULL: nobody */
  int fd;
  int status; /* once the task has come back: 0 or -errno */
};

struct casync_listener_type {
  /* A connection: `fd` is the embedder's from now on.  False: accept no more in this iteration. */
  bool (*accepted)(struct casync_listener *listener, int fd, const struct casync_address *peer);
  /* accept() failed with `error` (-errno).  `pauses`: the system has run out of something; the
   * listener goes on after a second.  It may be stopped here. */
  void (*failed)(struct casync_listener *listener, int error, bool pauses);
};

enum casync_listener_flag {
  CASYNC_LISTENER_WATCHES = 1, /* the descriptor is watched */
  CASYNC_LISTENER_STARTED = 2
};

struct casync_listener {
  struct casync_loop *loop;
  const struct casync_listener_type *type;
  struct casync_handle readable; /* watches the descriptor */
  struct casync_timer retry;     /* ends a pause */
  int fd;
  int backlog;
  uint8_t flags; /* enum casync_listener_flag */
};

#endif
