/* SPDX-License-Identifier: MIT
 *
 * The bare loop of the limit servers: epoll and nothing else.
 */
#include "service.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum { EVENTS = 256 };

static int epoll;

static void control(struct connection *c, int operation, unsigned events)
{
  struct epoll_event e = {.events = events, .data.ptr = c};
  epoll_ctl(epoll, operation, c->fd, &e);
}

struct connection *loop_add(int fd, void (*ready)(struct connection *c))
{
  struct connection *c = calloc(1, sizeof *c);
  c->fd = fd;
  c->ready = ready;
  control(c, EPOLL_CTL_ADD, EPOLLIN);
  return c;
}

void loop_turn(struct connection *c, int writing)
{
  control(c, EPOLL_CTL_MOD, writing ? EPOLLOUT : EPOLLIN);
}

/* The descriptor is closed, so the kernel has forgotten it; one event a
 * connection and turn, so none of this turn's can be left. */
void loop_remove(struct connection *c)
{
  free(c);
}

void loop_run(void (*begin)(void))
{
  struct epoll_event events[EVENTS];
  epoll = epoll_create1(EPOLL_CLOEXEC);
  begin();
  for (;;) {
    int n = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < n; i++) {
      struct connection *c = events[i].data.ptr;
      c->ready(c);
    }
  }
}
