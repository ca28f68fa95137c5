/* SPDX-License-Identifier: MIT
 *
 * Watched descriptors (add_reader, add_writer), whatever asks for them.  A poll collects the
 * handles it found and queues them when it is over: libev reports the last event first, so they are
 * collected from the front.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/check.h"
#include "poll/poll.h"

void ca_io_init(struct ca_io *io, const struct ca_io_type *type)
{
  io->type = type;
  ca_list_init(&io->found);
}

static void collect(struct ca_watched *watched, enum casync_direction direction)
{
  struct casync_handle *handle = watched->handles[direction];
  /* It is queued already when the iteration that should have run it was left. */
  if (handle == NULL || (handle->flags & CASYNC_HANDLE_QUEUED)) return;
  handle->flags |= CASYNC_HANDLE_QUEUED;
  ca_list_push_front(&ca_poll_of(watched->loop)->io.found, &handle->node);
}

void ca_io_found(struct ca_watched *watched, unsigned ready)
{
  if (ready & CA_WANT_WRITE) collect(watched, CASYNC_WRITE);
  if (ready & CA_WANT_READ) collect(watched, CASYNC_READ);
}

static void queue_found(struct casync_loop *loop)
{
  struct ca_io *io = &ca_poll_of(loop)->io;
  while (!ca_list_is_empty(&io->found)) {
    struct casync_node *node = ca_list_pop(&io->found);
    struct casync_handle *handle = ca_container_of(node, struct casync_handle, node);
    handle->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
    casync_loop_call_soon(loop, handle);
  }
}

void ca_io_collect(struct casync_loop *loop)
{
  struct ca_poll *poll = ca_poll_of(loop);
  ca_wakeup_deliver(loop);
  queue_found(loop);
  if (!ca_may_skip(poll) && loop->timers.count == 0) return; /* nobody asks for the time */
  loop->now = ca_monotonic(loop);
  if (ca_may_skip(poll)) ca_pace_note(&poll->pace, loop->now);
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

struct ca_watched *ca_io_find(const struct ca_io *io, int fd)
{
  return fd >= 0 && fd < io->capacity ? io->by_fd[fd] : NULL;
}

static int set(struct casync_loop *loop, struct ca_watched *watched)
{
  unsigned wanted = CA_WANT_NOTHING;
  if (watched->handles[CASYNC_READ] != NULL) wanted |= CA_WANT_READ;
  if (watched->handles[CASYNC_WRITE] != NULL) wanted |= CA_WANT_WRITE;
  return ca_poll_of(loop)->io.type->set(loop, watched, wanted);
}

/* A descriptor nobody wants is forgotten. */
static void forget_unwanted(struct ca_io *io, struct ca_watched *watched)
{
  if (watched->handles[CASYNC_READ] != NULL || watched->handles[CASYNC_WRITE] != NULL) return;
  io->by_fd[watched->fd] = NULL;
  io->count--;
  ca_free(watched);
}

static int add(struct casync_loop *loop, int fd, struct ca_watched **result)
{
  struct ca_io *io = &ca_poll_of(loop)->io;
  int status = grow(io, fd);
  if (status < 0) return status;
  struct ca_watched *watched = ca_alloc_zero(io->type->size);
  if (watched == NULL) return CASYNC_EMEMORY;
  watched->fd = fd;
  watched->loop = loop;
  io->by_fd[fd] = watched;
  io->count++;
  *result = watched;
  return 0;
}

int ca_io_watch(struct casync_loop *loop, int fd, enum casync_direction direction,
                struct casync_handle *handle)
{
  struct ca_io *io = &ca_poll_of(loop)->io;
  struct ca_watched *watched = ca_io_find(io, fd);
  if (watched != NULL && watched->handles[direction] != NULL) return CASYNC_EBUSY;
  int status = watched == NULL ? ca_check_pollable(fd) : 0;
  if (status != 0) return status;
  if (watched == NULL) status = add(loop, fd, &watched);
  if (status != 0) return status;
  watched->handles[direction] = handle;
  status = set(loop, watched);
  if (status == 0) return 0;
  watched->handles[direction] = NULL;
  forget_unwanted(io, watched);
  return status;
}

/* Who unwatches must be able to tell whether the handle is queued: of a guest, the application's
 * watchers may run between the finding and the queueing. */
struct casync_handle *ca_io_unwatch(struct casync_loop *loop, int fd,
                                    enum casync_direction direction)
{
  struct ca_io *io = &ca_poll_of(loop)->io;
  struct ca_watched *watched = ca_io_find(io, fd);
  if (watched == NULL || watched->handles[direction] == NULL) return NULL;
  queue_found(loop);
  struct casync_handle *handle = watched->handles[direction];
  watched->handles[direction] = NULL;
  set(loop, watched);
  forget_unwanted(io, watched);
  return handle;
}

void ca_io_set_all(struct casync_loop *loop)
{
  const struct ca_io *io = &ca_poll_of(loop)->io;
  for (int fd = 0; fd < io->capacity; fd++)
    if (io->by_fd[fd] != NULL) set(loop, io->by_fd[fd]);
}

static void drop_found(struct ca_io *io)
{
  while (!ca_list_is_empty(&io->found)) {
    struct casync_node *node = ca_list_pop(&io->found);
    ca_container_of(node, struct casync_handle, node)->flags &= (uint8_t)~CASYNC_HANDLE_QUEUED;
  }
}

void ca_io_close(struct casync_loop *loop)
{
  struct ca_io *io = &ca_poll_of(loop)->io;
  drop_found(io);
  for (int fd = 0; fd < io->capacity; fd++) {
    if (io->by_fd[fd] == NULL) continue;
    io->type->set(loop, io->by_fd[fd], CA_WANT_NOTHING);
    ca_free(io->by_fd[fd]);
  }
  ca_free(io->by_fd);
  io->by_fd = NULL;
  io->capacity = io->count = 0;
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
