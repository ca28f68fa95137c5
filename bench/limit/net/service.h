/* SPDX-License-Identifier: MIT
 *
 * The limit servers: one service, and two loops to run it on. "C libev" is
 * what a server can come close to; the same on bare epoll tells whether libev
 * was used well.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>

struct connection {
  int fd;
  void (*ready)(struct connection *c); /* readable or, when `writing`, writable */
  int writing;
  char *kept; /* what is still to be sent, or half a request */
  size_t from, to;
};

/* Waits for input on a descriptor; the connection belongs to the loop. */
struct connection *loop_add(int fd, void (*ready)(struct connection *c));

/* Waits for room to write from now on, or for input again. */
void loop_turn(struct connection *c, int writing);

/* Stops waiting and frees the connection, but not what it kept. */
void loop_remove(struct connection *c);

void loop_run(void (*begin)(void));

#endif
