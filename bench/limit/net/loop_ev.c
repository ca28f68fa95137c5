/* SPDX-License-Identifier: MIT
 *
 * The limit servers' loop on libev.
 */
#include "service.h"

#include <ev.h>
#include <stdlib.h>

struct watched {
  struct connection c; /* first: the one is the other */
  ev_io io;
};

static struct ev_loop *ev;

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
  (void)loop;
  (void)events;
  struct connection *c = io->data;
  c->ready(c);
}

struct connection *loop_add(int fd, void (*ready)(struct connection *c))
{
  struct watched *w = calloc(1, sizeof *w);
  w->c.fd = fd;
  w->c.ready = ready;
  ev_io_init(&w->io, on_io, fd, EV_READ);
  w->io.data = &w->c;
  ev_io_start(ev, &w->io);
  return &w->c;
}

void loop_turn(struct connection *c, int writing)
{
  struct watched *w = (struct watched *)c;
  ev_io_stop(ev, &w->io);
  ev_io_set(&w->io, c->fd, writing ? EV_WRITE : EV_READ);
  ev_io_start(ev, &w->io);
}

void loop_remove(struct connection *c)
{
  struct watched *w = (struct watched *)c;
  ev_io_stop(ev, &w->io);
  free(w);
}

void loop_run(void (*begin)(void))
{
  ev = ev_default_loop(0);
  begin();
  ev_run(ev, 0);
}
