/* SPDX-License-Identifier: MIT
 *
 * Watched descriptors (add_reader, add_writer).  A poll collects the handles it found and queues
 * them when it is over: libev reports the last event first, so they are collected from the front.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

void ca_io_init(struct ca_io *io)
{
  ca_list_init(&io->found);
}

static void collect(struct ca_watched *watched, enum casync_direction direction)
{
  struct casync_handle *handle = watched->handles[direction];
  /* It is queued already when the iteration that should have run it was left. */
  if (handle == NULL || (handle->flags & CASYNC_HANDLE_QUEUED)) return;
  handle->flags |= CASYNC_HANDLE_QUEUED;
  ca_list_push_front(&ca_ev_of(watched->loop)->io.found, &handle->node);
}

static void on_event(struct ev_loop *ev, ev_io *io, int events)
{
  (void)ev;
  struct ca_watched *watched = ca_container_of(io, struct ca_watched, io);
  if (events & (EV_WRITE | EV_ERROR)) collect(watched, CASYNC_WRITE);
  if (events & (EV_READ | EV_ERROR)) collect(watched, CASYNC_READ);
}

void ca_io_queue_found(struct casync_loop *loop)
{
  struct ca_io *io = &ca_ev_of(loop)->io;
  while (!ca_list_is_empty(&io->found)) {
    struct casync_node *node = ca_list_pop(&io->found);
    struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
    handle->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
    casync_loop_call_soon(loop, handle);
  }
}

static int grow(struct ca_io *io, int fd)
{
  if (fd < io->capacity) return 0;
  int capacity = fd + fd / 2 + 16;
  struct ca_watched **by_fd = ca_alloc(io->by_fd, (size_t)capacity * sizeof(struct ca_watched *));
  if (by_fd == NULL) return CASYNC_EMEMORY;
  for (int i = io->capacity; i < capacity; i++) by_fd[i] = NULL;
  io->by_fd = by_fd;
  io->capacity = capacity;
  return 0;
}

static struct ca_watched *find(const struct ca_io *io, int fd)
{
  return fd >= 0 && fd < io->capacity ? io->by_fd[fd] : NULL;
}

/* libev aborts the process when it meets a descriptor that was closed under it: those that have
 * changed since the last poll are looked at before the next.  A closed one is stopped; its entry
 * stays until it is removed, as in asyncio. */
void ca_io_drop_closed(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  struct ca_watched *watched;
  while ((watched = ev->io.changed) != NULL) {
    ev->io.changed = watched->next_changed;
    watched->is_changed = false;
    if (fcntl(watched->io.fd, F_GETFD) < 0) ev_io_stop(ev->ev, &watched->io);
  }
}

static void note_change(struct ca_io *io, struct ca_watched *watched)
{
  if (watched->is_changed) return;
  watched->is_changed = true;
  watched->next_changed = io->changed;
  io->changed = watched;
}

static void forget_change(struct ca_io *io, struct ca_watched *watched)
{
  struct ca_watched **link = &io->changed;
  if (!watched->is_changed) return;
  while (*link != watched) link = &(*link)->next_changed;
  *link = watched->next_changed;
}

/* Tells libev what is wanted now; a descriptor nobody wants is forgotten. */
static void update(struct casync_loop *loop, struct ca_watched *watched)
{
  struct ca_ev *ev = ca_ev_of(loop);
  int fd = watched->io.fd;
  int events = (watched->handles[CASYNC_READ] != NULL ? EV_READ : 0) |
               (watched->handles[CASYNC_WRITE] != NULL ? EV_WRITE : 0);
  ev_io_stop(ev->ev, &watched->io);
  if (events != 0) {
    ev_io_set(&watched->io, fd, events);
    ev_io_start(ev->ev, &watched->io);
    note_change(&ev->io, watched);
    return;
  }
  forget_change(&ev->io, watched);
  ev->io.by_fd[fd] = NULL;
  ev->io.count--;
  ca_free(watched);
}

static int add(struct casync_loop *loop, int fd, struct ca_watched **result)
{
  struct ca_io *io = &ca_ev_of(loop)->io;
  int status = grow(io, fd);
  if (status < 0) return status;
  struct ca_watched *watched = ca_alloc_zero(sizeof *watched);
  if (watched == NULL) return CASYNC_EMEMORY;
  ev_io_init(&watched->io, on_event, fd, EV_READ);
  watched->loop = loop;
  io->by_fd[fd] = watched;
  io->count++;
  *result = watched;
  return 0;
}

int ca_io_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                struct casync_handle *handle)
{
  struct ca_watched *watched = find(&ca_ev_of(loop)->io, fd);
  if (watched != NULL && watched->handles[direction] != NULL) return CASYNC_EBUSY;
  int status = watched == NULL ? ca_check_pollable(fd) : 0;
  if (status != 0) return status;
  if (watched == NULL) status = add(loop, fd, &watched);
  if (status != 0) return status;
  watched->handles[direction] = handle;
  update(loop, watched);
  return 0;
}

struct casync_handle *ca_io_unwatch(struct casync_loop *loop, int fd,
                                    enum casync_direction direction)
{
  struct ca_watched *watched = find(&ca_ev_of(loop)->io, fd);
  if (watched == NULL || watched->handles[direction] == NULL) return NULL;
  struct casync_handle *handle = watched->handles[direction];
  watched->handles[direction] = NULL;
  update(loop, watched);
  return handle;
}

void ca_io_close(struct casync_loop *loop)
{
  struct ca_ev *ev = ca_ev_of(loop);
  for (int fd = 0; fd < ev->io.capacity; fd++) {
    if (ev->io.by_fd[fd] == NULL) continue;
    ev_io_stop(ev->ev, &ev->io.by_fd[fd]->io);
    ca_free(ev->io.by_fd[fd]);
  }
  ca_free(ev->io.by_fd);
  ev->io.by_fd = NULL;
  ev->io.capacity = ev->io.count = 0;
}

/* A blocking descriptor is asked first: who reads may not know how its opener left it. */
int casync_fd_read(int fd, void *bytes, int size)
{
  struct pollfd wanted = {.fd = fd, .events = POLLIN};
  for (;;) {
    if (poll(&wanted, 1, 0) == 0) return -EAGAIN;
    ssize_t n = read(fd, bytes, (size_t)size);
    if (n >= 0) return (int)n;
    if (errno != EINTR) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
}
